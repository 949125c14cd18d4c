"""Signed requests to an ACME server (RFC 8555 section 6), their nonces and retries of them.

Messages are those of certbot's `acme`. Its network class is not used: it retries a bad nonce only
once, is not made for threads, and takes proxies and passwords from the environment.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import cast
from urllib.parse import urlsplit

from acme import messages
from josepy.interfaces import JSONDeSerializable

from nameplate.adapters.ca import problems
from nameplate.adapters.ca.jws import Signer
from nameplate.adapters.ca.transport import AcmeResponse, AcmeTransport
from nameplate.core.errors import Unavailable
from nameplate.core.secret import Secret

BAD_NONCE_RETRIES = 10
NONCES = 64
"""Unused nonces kept; the freshest is used first, since servers forget old ones."""


class AcmeConnection:
    """One account key's connection to one ACME server; may be used from several threads."""

    def __init__(
        self,
        directory_url: str,
        account_key: Secret,
        account_url: str | None,
        verify: str | None,
        *,
        register: Callable[[Secret], str] | None = None,
        follow: Callable[[], Signer | None] | None = None,
    ) -> None:
        """Prepare; nothing is sent before the first request.

        `verify` is the path of a CA bundle to trust instead of the public authorities. `register`
        registers the account and returns its URL, for a server that has forgotten it. `follow` tells
        who signs from now on, while the account's key is being changed: None for nobody else.
        """
        self._key = account_key
        self._register = register
        self._follow = follow
        self._registering = Lock()
        self._verify = verify
        self._directory_url = directory_url
        self._scheme = urlsplit(directory_url).scheme
        self.signer = Signer(account_key, account_url)
        self._nonces: deque[str] = deque(maxlen=NONCES)
        self._directory: messages.Directory | None = None
        self._lock = Lock()
        self._transport = AcmeTransport(verify)

    def signed_by(self, key: Secret) -> "AcmeConnection":
        """Return a connection to the same server that signs with a key that is no account's."""
        return AcmeConnection(self._directory_url, key, None, self._verify)

    def directory(self, *, anew: bool = False) -> messages.Directory:
        """Return the server's directory (RFC 8555 section 7.1.1), read once unless `anew`."""
        with self._lock:
            if self._directory is None or anew:
                answer = self._transport.send("GET", self._directory_url)
                problems.check(answer.status, answer.headers, answer.body)
                with problems.reading():
                    self._directory = messages.Directory.from_json(answer.json())
            return self._directory

    def resource(self, name: str) -> str | None:
        """Return the URL of a resource of the directory, or None when the server has none."""
        try:
            url = self.directory()[name]
        except KeyError:
            return None
        return self.url(url)

    def url(self, value: object) -> str:
        """Return `value` when it is an absolute URL no less safe than the directory's."""
        with problems.reading():
            parts = urlsplit(value) if isinstance(value, str) else None
        if parts is None or not parts.hostname or parts.scheme not in {"https", self._scheme}:
            raise problems.malformed("the answer lacks an absolute URL where one is required")
        return cast("str", value)

    def get(self, url: str) -> AcmeResponse:
        """Read a public resource. Raises `Unavailable` or `Refused` for every answer but success."""
        answer = self._transport.send("GET", url)
        problems.check(answer.status, answer.headers, answer.body)
        return answer

    def post(
        self, url: str, message: JSONDeSerializable | None, *, part_of_order: bool = False
    ) -> AcmeResponse:
        """Send a signed message, or POST-as-GET when it is None (RFC 8555 section 6.3).

        An account that the server has forgotten is registered again, once for a request. Raises
        `Unavailable` or `Refused` for every answer but success; `acme_order_lost` when a
        `part_of_order` is not there any more.
        """
        payload = b"" if message is None else message.json_dumps().encode()
        return self.send(url, payload, part_of_order=part_of_order)

    def send(self, url: str, payload: bytes, *, part_of_order: bool = False) -> AcmeResponse:
        """Send a signed payload as `post` does."""
        signer = self.signer
        answer = self._send(signer, url, payload)
        if self._follow is not None and problems.is_key_doubted(answer.status, answer.body):
            signer = self._followed(signer, self._follow)
            answer = self._send(signer, url, payload)
        if self._register is not None and problems.is_account_unknown(answer.status, answer.body):
            answer = self._send(self._registered(signer, self._register), url, payload)
        problems.check(answer.status, answer.headers, answer.body, part_of_order=part_of_order)
        return answer

    def sign_with(self, key: Secret) -> None:
        """Sign with another key of the same account from now on."""
        with self._registering:
            self._key, self.signer = key, Signer(key, self.signer.account_url)

    def _followed(self, doubted: Signer, follow: Callable[[], Signer | None]) -> Signer:
        """Return who signs now that another process may have changed the account's key."""
        with self._registering:
            if self.signer is doubted and (signer := follow()) is not None:
                self._key, self.signer = signer.key, signer
                self._follow = None
            return self.signer

    def _registered(self, forgotten: Signer, register: Callable[[Secret], str]) -> Signer:
        """Return who signs for the account that is registered anew, by whichever thread came first."""
        with self._registering:
            if self.signer is forgotten:
                self.signer = Signer(self._key, register(self._key))
            return self.signer

    def _send(self, signer: Signer, url: str, payload: bytes) -> AcmeResponse:
        """Send once, and again for each nonce that the server does not like, up to ten times."""
        nonce = self._take_nonce()
        for _ in range(BAD_NONCE_RETRIES):
            answer = self._transport.send("POST", url, signer.sign(payload, nonce, url))
            fresh = answer.headers.get("Replay-Nonce")
            if not problems.is_bad_nonce(answer.status, answer.body):
                if fresh:
                    self._nonces.append(fresh)
                return answer
            nonce = fresh or self._new_nonce()
        raise Unavailable(
            "acme_bad_nonce", f"The authority rejected {BAD_NONCE_RETRIES} nonces in a row."
        )

    def _take_nonce(self) -> str:
        try:
            return self._nonces.pop()
        except IndexError:
            return self._new_nonce()

    def _new_nonce(self) -> str:
        url = self.resource("newNonce")
        if url is None:
            raise problems.malformed("the directory lacks newNonce")
        answer = self._transport.send("HEAD", url)
        try:
            return answer.headers["Replay-Nonce"]
        except KeyError:
            problems.check(answer.status, answer.headers, b"")
            raise problems.malformed("the answer lacks its nonce") from None
