"""A client for the APIs of providers that the operator chose to trust."""

import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

import certifi

from nameplate import __version__
from nameplate.adapters.http.connections import Connections, Origin
from nameplate.adapters.http.exchange import Lost, NotSent
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.secret import Secret

_MAX_BODY = 64 * 2**20
_MAX_WAIT = timedelta(days=1)
_PLAIN = "/%:@!$&'()*+,;=~?"
"""What a path may hold besides letters and digits (RFC 3986 section 3.3), escapes and a query."""


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
                f"The provider answered with HTTP status {self.status} and a body that is "
                "not JSON.",
            ) from None


class Api:
    """One base address with its credential. Threads may share it; connections are kept alive.

    There are no retries, redirects, cookies or proxies. Every method raises
    `Unavailable("provider_unreachable")` when nothing was sent, and `Unavailable("answer_lost")`
    when the request may have taken effect.
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
        """Send `headers` every time; `timeout` is that of each network step, in seconds."""
        self._headers = dict(headers or {})
        try:
            self._origin, path = Origin.of(base_url)
        except ValueError as error:
            raise Refused(
                "address_malformed", f"The URL of the API cannot be used: {error}."
            ) from None
        self._base = path.rstrip("/")
        tls = verify or (trusted() if self._origin.scheme == "https" else None)
        self._connections = Connections(tls, connecting=timeout, reading=timeout, largest=max_body)

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
        if not path.startswith("/"):
            raise ValueError("the path must be relative to the base address")
        query = f"?{urlencode(params, quote_via=quote)}" if params else ""
        usual = {"User-Agent": f"nameplate/{__version__}", "Accept": "*/*"}
        body = content.encode() if isinstance(content, str) else content
        if json is not None:
            usual["Content-Type"] = "application/json"
            body = _written(json)
        sent = _one_each(usual, self._headers, headers or {})
        try:
            target = quote(self._base + path, safe=_PLAIN) + query
            answer = self._connections.request(self._origin, method, target, sent, body)
        except NotSent as error:
            raise Unavailable(
                "provider_unreachable", f"{self._origin.host} cannot be reached: {error}."
            ) from None
        except Lost as error:
            raise self._lost(str(error)) from None
        found: dict[str, str] = {}
        for name, value in ((name.lower(), value) for name, value in answer.headers):
            found[name] = f"{found[name]}, {value}" if name in found else value
        if found.get("content-encoding", "identity") != "identity":
            raise self._lost("it was compressed, which was not requested")
        return Reply(answer.status, MappingProxyType(found), answer.body)

    def _lost(self, why: str) -> Unavailable:
        return Unavailable("answer_lost", f"The answer of {self._origin.host} was lost: {why}.")

    def close(self) -> None:
        """Close the kept connections."""
        self._connections.close()


def _written(value: Any) -> bytes:  # noqa: ANN401  # any JSON value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def trusted() -> ssl.SSLContext:
    """Trust the machine's authorities, or those of Mozilla where it has none.

    The machine's are those of OpenSSL, which `SSL_CERT_FILE` and `SSL_CERT_DIR` may move.
    """
    at = ssl.get_default_verify_paths()
    some = at.cafile or (at.capath and any(Path(at.capath).iterdir()))
    return ssl.create_default_context(cafile=None if some else certifi.where())


def _one_each(*several: Mapping[str, Secret | str]) -> dict[str, str]:
    """Return the fields to send; the last one of a name counts, whatever its case."""
    merged = {name.lower(): (name, value) for some in several for name, value in some.items()}
    return _revealed(dict(merged.values()))


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
                f"The value for the header {name} has spaces around it or characters that "
                "HTTP does not allow. Enter it again.",
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
