"""HTTP/1.1 connections of the standard library, kept alive and shared by threads.

They follow no redirect, read no proxy setting, keep no cookie and repeat nothing. The libraries
that do so take twice the CPU of a small request, and megabytes of every process (ADRs 9 and 12).
"""

import io
import select
import socket
import ssl
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_KEPT = 8
"""Idle connections; more threads open more for one request."""
_CHUNK = 256 * 1024
_WAITS = 10
"""How many times the wait for one step an answer may take in all."""
_PORTS = {"http": 80, "https": 443}
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
            raise ValueError("no absolute URL of a web server") from None
        if not parts.hostname or parts.scheme not in _PORTS:
            raise ValueError("no absolute URL of a web server")
        if parts.username is not None:
            raise ValueError("a URL with a user or password")
        origin = cls(parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port)
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
        """Take seconds for a connection and for each wait after it, and the bytes of an answer.

        Without `tls` there is nobody to trust, and only `http` works.
        """
        self._tls = tls
        self._connecting = connecting
        self._reading = reading
        self._largest = largest
        self._idle: deque[tuple[Origin, HTTPConnection]] = deque()
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
        connection = self._taken(origin) or self._opened(origin)
        try:
            is_sent = _send(connection, method, target, body, headers)
            with connection.getresponse() as response:
                answer = self._answer(response)
        except (HTTPException, OSError, ValueError) as error:
            connection.close()
            raise Lost(type(error).__name__) from error
        except BaseException:
            connection.close()
            raise
        if is_sent and connection.sock is not None and len(self._idle) < _KEPT:
            self._idle.append((origin, connection))
        else:
            connection.close()
        return answer

    def _answer(self, response: HTTPResponse) -> HttpResponse:
        if response.status < _FIRST_FINAL:
            raise Lost("an interim answer")
        lengths = set(response.headers.get_all("content-length", ()))
        is_sound = all(one.isascii() and one.isdigit() for one in lengths) and len(lengths) <= 1
        if response.headers.defects or not is_sound:
            raise Lost("malformed")
        size, parts = 0, []
        while part := response.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > self._largest:
                raise TooLarge(f"longer than {self._largest} bytes")
        if response.length:
            raise Lost("it ended early")
        return HttpResponse(response.status, response.getheaders(), b"".join(parts))

    def _taken(self, origin: Origin) -> HTTPConnection | None:
        """Return the idle connection that was used last, if there is one that still lives."""
        for _ in range(len(self._idle)):
            try:
                where, connection = self._idle.pop()
            except IndexError:
                return None
            if where != origin:
                self._idle.appendleft((where, connection))
            elif _has_news(connection):
                connection.close()
            else:
                connection.sock.settimeout(self._reading)
                return connection
        return None

    def _opened(self, origin: Origin) -> HTTPConnection:
        made: HTTPConnection
        try:
            if origin.scheme == "http":
                made = HTTPConnection(origin.host, origin.port, timeout=self._connecting)
            else:
                nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                made = HTTPSConnection(
                    origin.host, origin.port, timeout=self._connecting, context=self._tls or nobody
                )
            made.response_class = partial(_Response, wait=self._reading)  # type: ignore[assignment]  # called like the class
            made.connect()
            made.sock.settimeout(self._reading)
        except (HTTPException, OSError, ValueError) as error:
            raise NotSent(type(error).__name__) from error
        return made

    def close(self) -> None:
        """Close what is idle."""
        _close_all(self._idle)


class _Response(HTTPResponse):
    """An answer that is read from its first byte on within one deadline."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, *, wait: float
    ) -> None:
        super().__init__(sock, debuglevel, method)
        self.fp.close()
        self.fp = io.BufferedReader(_Timed(sock, wait))


class _Timed(io.RawIOBase):
    """What a socket receives: each wait is bounded, and all of them together."""

    def __init__(self, sock: socket.socket, wait: float) -> None:
        self._socket = sock
        self._file = sock.makefile("rb", buffering=0)
        self._wait = wait
        self._deadline = time.monotonic() + _WAITS * wait

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401  # as the library declares it
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(left, self._wait))
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


def _send(
    connection: HTTPConnection,
    method: str,
    target: str,
    body: bytes | None,
    headers: Mapping[str, str],
) -> bool:
    """Send a request, and tell whether all of it was taken.

    A server may refuse a long one before it has read it (RFC 9112 section 9.3): its answer is there
    to be read although it has closed the connection.
    """
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.request(method, target, body, headers)
        return True
    return False


def _has_news(connection: HTTPConnection) -> bool:
    """Tell whether an idle connection is readable: the server has closed it, or is confused."""
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    return bool(waiting.poll(0))


def _close_all(idle: deque[tuple[Origin, HTTPConnection]]) -> None:
    while idle:
        idle.pop()[1].close()
