"""HTTP/1.1 requests to servers that are trusted, over connections that threads share.

httpcore2 speaks the protocol; here is what it leaves open: an answer has a deadline and a length. Its
pool is not used: it looks at every idle socket under one lock, for which eight threads wait. No
redirect is followed, no proxy setting read, no cookie kept (ADR 13).
"""

import ssl
import time
import weakref
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpcore2

_KEPT = 8
"""Idle connections; more threads open more for one request."""
_WAITS = 10
"""How many times the wait for one step an answer may take in all."""
_MAX_HEAD = 64 * 1024
_PORTS = {"http": 80, "https": 443}
_WITH_BODY = frozenset({"PATCH", "POST", "PUT"})
_FIRST_FINAL = 200  # what comes before is interim (RFC 9110 section 15.2)


class NotSent(Exception):
    """There was no connection, and so no request; `__cause__` is the reason."""


class Lost(Exception):
    """The request may have taken effect, but its answer is lost. Repeats nothing that came."""


class TooLarge(Lost):
    """The answer is longer than what is taken."""


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


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer, read to its end."""

    status: int
    headers: Sequence[tuple[str, str]]
    """In the server's order and case."""
    body: bytes


class Connections:
    """Sends requests one by one, from any number of threads."""

    def __init__(
        self, tls: ssl.SSLContext | None, *, connecting: float, reading: float, largest: int
    ) -> None:
        """Wait `connecting` and `reading` seconds, for at most `largest` bytes; without `tls` only http."""
        self._timeout = {"connect": connecting, "write": reading, "read": reading}
        self._largest = largest
        self._tls = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._backend = _TimedBackend(_WAITS * reading)
        self._idle: deque[httpcore2.HTTPConnection] = deque()
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

        Raises `NotSent` or `Lost`. An answer may take ten waits in all, its head included: a server
        that sends a byte now and then does not keep a thread for good.
        """
        try:
            request = self._request(origin, method, target, headers, body)
        except ValueError as error:
            raise NotSent(type(error).__name__) from error
        connection = self._taken(request.url.origin) or httpcore2.HTTPConnection(
            request.url.origin, self._tls, network_backend=self._backend
        )
        try:
            return self._exchange(connection, request)
        except _NOT_SENT as error:
            raise NotSent(_reason(error)) from _cause(error)
        except _LOST as error:
            raise Lost(_reason(error)) from _cause(error)
        finally:
            if connection.is_idle() and not connection.is_closed() and len(self._idle) < _KEPT:
                self._idle.append(connection)
            else:
                connection.close()

    def _taken(self, origin: httpcore2.Origin) -> httpcore2.HTTPConnection | None:
        """Return the idle connection that was used last, if there is one that still lives."""
        for _ in range(len(self._idle)):
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread has taken it
                return None
            if not connection.can_handle_request(origin):
                self._idle.appendleft(connection)
            elif connection.has_expired():
                connection.close()
            else:
                return connection
        return None

    def _exchange(
        self, connection: httpcore2.HTTPConnection, request: httpcore2.Request
    ) -> HttpResponse:
        response = connection.handle_request(request)
        try:
            return self._answer(response)
        finally:
            response.close()

    def _request(
        self,
        origin: Origin,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> httpcore2.Request:
        host = origin.host.encode("ascii" if origin.host.isascii() else "idna")
        url = httpcore2.URL(
            scheme=origin.scheme.encode(),
            host=host,
            port=origin.port,
            target=target.encode("ascii"),
        )
        name = b"[%b]" % host if b":" in host else host
        usual = b"" if origin.port == _PORTS[origin.scheme] else b":%d" % origin.port
        fields: list[tuple[bytes, bytes]] = [
            (b"Host", name + usual),
            (b"Accept-Encoding", b"identity"),
            *((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()),
        ]
        if body is not None or method in _WITH_BODY:
            fields.append((b"Content-Length", b"%d" % len(body or b"")))
        return httpcore2.Request(
            method, url, headers=fields, content=body, extensions={"timeout": self._timeout}
        )

    def _answer(self, response: httpcore2.Response) -> HttpResponse:
        if response.status < _FIRST_FINAL:
            raise Lost("an answer in another protocol")
        if sum(len(name) + len(value) + 4 for name, value in response.headers) > _MAX_HEAD:
            raise Lost("its head is too long")
        size, parts = 0, []
        for part in response.iter_stream():
            parts.append(part)
            size += len(part)
            if size > self._largest:
                raise TooLarge(f"longer than {self._largest} bytes")
        fields = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers
        ]
        return HttpResponse(response.status, fields, b"".join(parts))

    def close(self) -> None:
        """Close what is idle."""
        _close_all(self._idle)


def _close_all(idle: deque[httpcore2.HTTPConnection]) -> None:
    while idle:
        idle.pop().close()


_NOT_SENT = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.LocalProtocolError)
_LOST = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.RemoteProtocolError,
    ValueError,
)


def _cause(error: Exception) -> Exception:
    """Return what httpcore2 wrapped."""
    inner = error.args[0] if error.args else None
    return inner if isinstance(inner, Exception) else error


def _reason(error: Exception) -> str:
    """Return what the system says of it, as in `connection refused`, or else the kind of error."""
    cause = _cause(error)
    said = cause.strerror if isinstance(cause, OSError) else None
    if said and not isinstance(cause, ssl.SSLError):
        return said[0].lower() + said[1:]
    return type(cause).__name__


class _TimedBackend(httpcore2.SyncBackend):
    """Connects to servers whose answers have to end."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            stream = super().connect_tcp(host, port, timeout, local_address, socket_options)
        except ValueError as error:  # no name that can be looked up
            raise httpcore2.ConnectError(error) from error
        return _TimedStream(stream, self._seconds)


class _TimedStream(httpcore2.NetworkStream):
    """What comes after a request has one deadline, besides that of each wait."""

    def __init__(self, stream: httpcore2.NetworkStream, seconds: float) -> None:
        self._stream = stream
        self._seconds = seconds
        self._deadline = 0.0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout
        return self._stream.read(max_bytes, left if timeout is None else min(left, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            self._stream.write(buffer, timeout)
        finally:  # a refusal may be there to be read although not all could be written
            self._deadline = time.monotonic() + self._seconds

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            secure = self._stream.start_tls(ssl_context, server_hostname, timeout)
        except ValueError as error:  # no name that a certificate can have
            raise httpcore2.ConnectError(error) from error
        return _TimedStream(secure, self._seconds)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # as the library declares it
        return self._stream.get_extra_info(info)
