"""HTTP/1.1 requests to servers that are trusted, over connections that threads share.

No redirect is followed, no proxy setting read, no cookie kept (ADR 13). A pool that looks at every idle
socket under one lock, as httpcore2's does, would make eight threads wait for each other.
"""

import ssl
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from nameplate.adapters.http.exchange import ExchangeLimits, HttpConnection, HttpResponse, NotSent

_KEPT = 8
"""Idle connections; more threads open more for one request."""
_PORTS = {"http": 80, "https": 443}
_WITH_BODY = frozenset({"PATCH", "POST", "PUT"})


class Origin(NamedTuple):
    """Where requests go (RFC 9110 section 4.3.1)."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> tuple["Origin", str]:
        """Return the origin of an absolute URL, and its path and query.

        Raises `ValueError`, which repeats nothing of it, for everything else, and for a URL with a
        user or password, which would be sent to nobody.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("expected an absolute http or https URL") from None
        host = parts.hostname or " "
        if parts.scheme not in _PORTS or not host.isprintable() or " " in host:
            raise ValueError("expected an absolute http or https URL")
        if parts.username is not None:
            raise ValueError("a URL with a user or password is not allowed")
        origin = cls(parts.scheme, host, _PORTS[parts.scheme] if port is None else port)
        path = parts.path or "/"
        return origin, f"{path}?{parts.query}" if parts.query else path


class Connections:
    """Sends requests one by one, from any number of threads."""

    def __init__(
        self, tls: ssl.SSLContext | None, *, connecting: float, reading: float, largest: int
    ) -> None:
        """Wait `connecting` and `reading` seconds, for at most `largest` bytes; without `tls` only http."""
        self._limits = ExchangeLimits(connecting, reading, largest)
        self._tls = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.set_alpn_protocols(["http/1.1"])
        self._idle: deque[tuple[Origin, HttpConnection]] = deque()
        weakref.finalize(self, _close_all, self._idle)

    def request(
        self,
        origin: Origin,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> HttpResponse:
        """Send one request and read its answer, whatever its status.

        Raises `NotSent` or `Lost`.
        """
        try:
            host = origin.host if origin.host.isascii() else origin.host.encode("idna").decode()
            fields = _fields(origin, host, method, headers, body)
            target.encode("ascii")
        except ValueError as error:
            raise NotSent(type(error).__name__) from error
        connection = self._taken(origin)
        if connection is None:
            tls = self._tls if origin.scheme == "https" else None
            connection = HttpConnection.open(host, origin.port, tls, self._limits)
        try:
            return connection.exchange(method, target, fields, body)
        finally:
            if connection.is_idle and len(self._idle) < _KEPT:
                self._idle.append((origin, connection))
            else:
                connection.close()

    def _taken(self, origin: Origin) -> HttpConnection | None:
        """Return the idle connection that was used last, if there is one that still lives."""
        for _ in range(len(self._idle)):
            try:
                leads_to, connection = self._idle.pop()
            except IndexError:  # another thread has taken it
                return None
            if leads_to != origin:
                self._idle.appendleft((leads_to, connection))
            elif connection.is_left:
                connection.close()
            else:
                return connection
        return None

    def close(self) -> None:
        """Close what is idle."""
        _close_all(self._idle)


def _fields(
    origin: Origin, host: str, method: str, headers: Mapping[str, str], body: bytes | None
) -> Sequence[tuple[bytes, bytes]]:
    """Return the header of a request. Raises `ValueError` where it cannot be written."""
    name = f"[{host}]" if ":" in host else host
    usual = "" if origin.port == _PORTS[origin.scheme] else f":{origin.port}"
    fields = [
        (b"Host", f"{name}{usual}".encode("ascii")),
        (b"Accept-Encoding", b"identity"),
        *((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()),
    ]
    if body is not None or method in _WITH_BODY:
        fields.append((b"Content-Length", b"%d" % len(body or b"")))
    return fields


def _close_all(idle: deque[tuple[Origin, HttpConnection]]) -> None:
    while idle:
        idle.pop()[1].close()
