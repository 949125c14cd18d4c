"""HTTPS to an ACME server: connections of the standard library, kept alive and shared by threads.

A certificate takes seven requests, and urllib3 more than twice the CPU for each (ADR 9).
"""

import json
import select
import ssl
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from typing import Any
from urllib.parse import SplitResult, urlsplit

import certifi

from nameplate.adapters.ca import problems
from nameplate.core.errors import Unavailable

CONNECTIONS = 8
"""Idle connections kept alive; more threads open more for one request."""
LARGEST_ANSWER = 1024 * 1024
"""Bytes."""
CONNECT_SECONDS, READ_SECONDS = 10, 45
_HEADERS = {
    "User-Agent": "nameplate (+https://pypi.org/project/nameplate)",
    "Accept-Language": "en",
}

Place = tuple[str, str]
"""Scheme and authority of a URL."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """By names such as `Retry-After`, whatever case the server prefers."""
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the JSON object of the body. Raises `Unavailable` when it is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise problems.malformed("the answer is no JSON object")
        return value

    def location(self) -> str:
        """Return the URL of the created resource. Raises `Unavailable` when it is missing."""
        try:
            return self.headers["Location"]
        except KeyError:
            raise problems.malformed("the answer lacks its Location") from None


class Transport:
    """Sends requests one by one, from any number of threads. Follows no redirect, reads no proxy setting."""

    def __init__(self, verify: str | None) -> None:
        """Prepare; `verify` is the path of a CA bundle to trust instead of the public authorities."""
        self._tls = ssl.create_default_context(cafile=verify or certifi.where())
        self._idle: deque[tuple[Place, HTTPConnection]] = deque()
        weakref.finalize(self, _close_all, self._idle)

    def send(self, method: str, url: str, body: bytes | None = None) -> Answer:
        """Send one request and read its answer.

        Raises `Unavailable` with `ca_untrusted`, `ca_unreachable` or `ca_answer_malformed`.
        """
        try:
            parts = urlsplit(url)
            place = parts.scheme, parts.netloc
            connection = self._taken(place) or self._opened(parts)
            try:
                answer = _exchange(connection, method, parts, body)
            except BaseException:
                connection.close()
                raise
        except ssl.SSLError as error:
            raise Unavailable(
                "ca_untrusted", f"no trusted TLS connection to {_host(url)}: {error}"
            ) from error
        except (HTTPException, OSError, ValueError) as error:
            raise Unavailable(
                "ca_unreachable", f"no answer from {_host(url)}: {type(error).__name__}"
            ) from error
        self._give_back(place, connection)
        return answer

    def _taken(self, place: Place) -> HTTPConnection | None:
        """Return the idle connection that was used last, if there is one that still lives."""
        for _ in range(len(self._idle)):
            try:
                where, connection = self._idle.pop()
            except IndexError:
                return None
            if where != place:
                self._idle.appendleft((where, connection))
            elif _has_news(connection):
                connection.close()
            else:
                return connection
        return None

    def _opened(self, parts: SplitResult) -> HTTPConnection:
        host, port = parts.hostname, parts.port
        if not host or parts.scheme not in {"http", "https"}:
            raise ValueError("no absolute URL of a web server")
        connection = (
            HTTPConnection(host, port, timeout=CONNECT_SECONDS)
            if parts.scheme == "http"
            else HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=self._tls)
        )
        connection.connect()
        connection.sock.settimeout(READ_SECONDS)
        return connection

    def _give_back(self, place: Place, connection: HTTPConnection) -> None:
        if connection.sock is None or len(self._idle) >= CONNECTIONS:
            connection.close()
        else:
            self._idle.append((place, connection))


def _exchange(
    connection: HTTPConnection, method: str, parts: SplitResult, body: bytes | None
) -> Answer:
    headers = _HEADERS if body is None else {**_HEADERS, "Content-Type": "application/jose+json"}
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    connection.request(method, target, body, headers)
    with connection.getresponse() as response:
        content = response.read(LARGEST_ANSWER + 1)
        if len(content) > LARGEST_ANSWER:
            connection.close()
            raise problems.malformed("the answer is too large")
        if response.length:
            raise IncompleteRead(content, response.length)
        found = {name.title(): value for name, value in response.getheaders()}
        return Answer(response.status, found, content)


def _host(url: str) -> str:
    return problems.plain(url.partition("://")[2].partition("/")[0])


def _has_news(connection: HTTPConnection) -> bool:
    """Tell whether an idle connection is readable: the server has closed it, or is confused."""
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    return bool(waiting.poll(0))


def _close_all(idle: deque[tuple[Place, HTTPConnection]]) -> None:
    while idle:
        idle.pop()[1].close()
