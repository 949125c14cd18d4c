"""HTTP/1.1 connections of the standard library, kept alive and shared by threads.

They follow no redirect, read no proxy setting, keep no cookie and repeat nothing. The libraries
that do so take twice the CPU of a small request, and megabytes of every process (ADRs 9 and 12).
"""

import select
import ssl
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlsplit

_KEPT = 8
"""Idle connections; more threads open more for one request."""
_CHUNK = 256 * 1024


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
    port: int | None

    @classmethod
    def of(cls, url: str) -> tuple["Origin", str]:
        """Return the origin of an absolute URL, and the rest of it; raise `ValueError` for others."""
        parts = urlsplit(url)
        if not parts.hostname or parts.scheme not in {"http", "https"}:
            raise ValueError("no absolute URL of a web server")
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return cls(parts.scheme, parts.hostname, parts.port), target


@dataclass(frozen=True, slots=True)
class Answer:
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
    ) -> Answer:
        """Send one request and read its answer, whatever its status.

        Raises `NotSent` or `Lost`. An answer may take ten waits in all: a server that sends a
        byte now and then does not keep a thread for good.
        """
        connection = self._taken(origin) or self._opened(origin)
        try:
            connection.request(method, target, body, headers)
            with connection.getresponse() as response:
                answer = Answer(response.status, response.getheaders(), self._read(response))
        except (HTTPException, OSError, ValueError) as error:
            connection.close()
            raise Lost(type(error).__name__) from error
        except BaseException:
            connection.close()
            raise
        if connection.sock is None or len(self._idle) >= _KEPT:
            connection.close()
        else:
            self._idle.append((origin, connection))
        return answer

    def _read(self, response: HTTPResponse) -> bytes:
        deadline = time.monotonic() + 10 * self._reading
        size, parts = 0, []
        while part := response.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > self._largest:
                raise TooLarge(f"longer than {self._largest} bytes")
            if time.monotonic() > deadline:
                raise Lost("too slow")
        if response.length:
            raise Lost("it ended early")
        return b"".join(parts)

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
                return connection
        return None

    def _opened(self, origin: Origin) -> HTTPConnection:
        try:
            connection = (
                HTTPConnection(origin.host, origin.port, timeout=self._connecting)
                if origin.scheme == "http"
                else HTTPSConnection(
                    origin.host, origin.port, timeout=self._connecting, context=self._tls
                )
            )
            connection.connect()
            connection.sock.settimeout(self._reading)
        except (HTTPException, OSError, ValueError) as error:
            raise NotSent(type(error).__name__) from error
        return connection

    def close(self) -> None:
        """Close what is idle."""
        _close_all(self._idle)


def _has_news(connection: HTTPConnection) -> bool:
    """Tell whether an idle connection is readable: the server has closed it, or is confused."""
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    return bool(waiting.poll(0))


def _close_all(idle: deque[tuple[Origin, HTTPConnection]]) -> None:
    while idle:
        idle.pop()[1].close()
