"""A client for the APIs of providers that the operator chose to trust."""

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from types import MappingProxyType
from typing import Any

import httpx2

from nameplate.core.errors import Refused, Unavailable
from nameplate.core.secret import Secret

_MAX_BODY = 64 * 2**20
_MAX_WAIT = timedelta(days=1)
_NOTHING_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP response, whatever its status; redirects are replies like any other."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; repeated fields joined by a comma (RFC 9110 section 5.3)."""
    body: bytes

    def json(self, each: Callable[[dict[str, Any]], Any] | None = None) -> Any:  # noqa: ANN401  # what a provider sends is checked by its adapter
        """Parse the body as JSON; raise `Unavailable("answer_malformed")` when it is none.

        `each` says what to keep of every object, the inner ones first: a long answer that is thinned
        out while it is parsed takes a fraction of the memory.
        """
        try:
            return json.loads(self.body, object_hook=each)
        except (ValueError, RecursionError):
            raise Unavailable(
                "answer_malformed",
                f"the provider answered {self.status} with something that is not JSON",
            ) from None


class Api:
    """One base address with its credential. Threads may share it; connections are kept alive.

    There are no retries, redirects, cookies, or settings from the environment. Every
    method raises `Unavailable("provider_unreachable")` when nothing was sent, and
    `Unavailable("answer_lost")` when the request may have taken effect.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, Secret | str] | None = None,
        verify: ssl.SSLContext | None = None,
        timeout: float = 30.0,
        max_body: int = _MAX_BODY,
    ) -> None:
        """Take headers sent every time, the wait for each network step in seconds, and bytes."""
        self._headers = dict(headers or {})
        self._timeout = timeout
        self._max_body = max_body
        self._client = httpx2.Client(
            base_url=base_url,
            verify=_trust(base_url) if verify is None else verify,
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
        )
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._host = self._client.base_url.host

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,  # noqa: ANN401  # any JSON value
        content: bytes | str | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, Secret | str] | None = None,
    ) -> Reply:
        """Send one request below the base address and return the reply, whatever its status.

        `Refused("credential_malformed")` when a header holds what HTTP cannot carry.
        """
        if "://" in path:
            # An absolute address would carry the credential to another host.
            raise ValueError("the path must be relative to the base address")
        request = self._client.build_request(
            method,
            path,
            json=json,
            content=content,
            params=params,
            headers={
                "accept-encoding": "identity",
                **_revealed({**self._headers, **(headers or {})}),
            },
        )
        try:
            return self._exchange(request)
        except _NOTHING_SENT as error:
            raise Unavailable(
                "provider_unreachable", f"{self._host} cannot be reached: {type(error).__name__}"
            ) from None
        except httpx2.HTTPError as error:
            raise self._lost(type(error).__name__) from None

    def _exchange(self, request: httpx2.Request) -> Reply:
        deadline = time.monotonic() + 10 * self._timeout
        response = self._client.send(request, stream=True)
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise self._lost("compressed although not asked for")
            body = bytearray()
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > self._max_body:
                    raise self._lost(f"longer than {self._max_body} bytes")
                if time.monotonic() > deadline:
                    raise self._lost("too slow")
        finally:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, MappingProxyType(headers), bytes(body))

    def _lost(self, why: str) -> Unavailable:
        return Unavailable("answer_lost", f"the answer of {self._host} was lost: {why}")

    def close(self) -> None:
        """Close the kept connections."""
        self._client.close()


def _trust(base_url: str) -> ssl.SSLContext | bool:
    """Return whom to trust: the usual authorities, or nobody where there is no TLS to begin with.

    Reading the authorities takes 2 MB and 50 ms, and redirects are not followed.
    """
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if base_url.startswith("http://") else True


def _revealed(headers: Mapping[str, Secret | str]) -> dict[str, str]:
    plain = {
        name: value.reveal() if isinstance(value, Secret) else value
        for name, value in headers.items()
    }
    for name, value in plain.items():
        # Checked here because the libraries' own errors print the value.
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            raise Refused(
                "credential_malformed",
                f"the value for the header {name} has spaces around it or characters "
                "that HTTP cannot carry: enter it again",
            )
    return plain


def retry_after(reply: Reply, now: datetime | None = None) -> timedelta | None:
    """Return how long the server asks to wait (RFC 9110 section 10.2.3), within 0 and 1 day.

    None when it does not say or says nonsense. A date counts from `now`, or else from the
    server's own `Date`, which is right even when the two clocks differ.
    """
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        # Longer numbers than timedelta can hold mean "long", not an error.
        return min(timedelta(seconds=int(text[:9])), _MAX_WAIT)
    until = _date(text)
    since = now or _date(reply.headers.get("date", ""))
    if until is None or since is None:
        return None
    return min(max(until - since, timedelta(0)), _MAX_WAIT)


def _date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return parsed if parsed.tzinfo else None
