"""`/edge/ask` and `/edge/route`: a bare ASGI application, for it stands in the path of requests.

    GET /edge/ask?domain=NAME           200 yes, 404 no, 503 cannot tell; never a body
    GET /edge/route?host=NAME&path=PATH 200 and where it goes as JSON, 404 nowhere, 503 cannot tell

A parameter that is missing or stands twice is a 400, which is no yes either. It belongs on a private
listener. Nothing that arrives raises: names are looked up, not parsed.
"""

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from nameplate.core.secret import Secret
from nameplate.edge.snapshot import Route, Snapshot

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Answer = tuple[Message, Message]
"""Start and body of a response."""
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

ASK_UNTIL = 10.0
"""Seconds without news after which `ask` no longer says yes or no: it fails closed."""
ROUTE_UNTIL = 600.0
"""Seconds for which `route` serves the last known hosts while the database is away."""
PREFIX = "/edge/"
_LONGEST_QUERY = 8192
_ASK = "/edge/ask"
_PATHS = frozenset({_ASK, "/edge/route"})
_METHODS = frozenset({"GET", "HEAD"})
_SECRET = b"x-nameplate-edge-secret"
_JSON = (b"content-type", b"application/json")
_NO_BODY: Message = {"type": "http.response.body", "body": b""}


def _start(status: int, *headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


_EMPTY: dict[int, Answer] = {
    status: (_start(status, (b"content-length", b"0")), _NO_BODY)
    for status in (200, 400, 403, 404, 503)
} | {405: (_start(405, (b"content-length", b"0"), (b"allow", b"GET, HEAD")), _NO_BODY)}
"""Answers without a body, made once."""


class Source(Protocol):
    """Where the hosts come from."""

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest hosts; None when they were never loaded."""
        ...

    @property
    def age(self) -> float | None:
        """Seconds for which the snapshot may be out of date; None when never loaded."""
        ...


class App:
    """The ASGI application. Any number of requests may run at once."""

    def __init__(self, source: Source, secret: Secret | None = None) -> None:
        """Take where the hosts come from, and the secret that proxies must send, if any."""
        self._source = source
        self._secret = secret.reveal().encode() if secret else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            start, body = self._answer(scope)
            await send(start)
            await send(body)

    def _answer(self, scope: Scope) -> Answer:
        path = scope["path"]
        if path not in _PATHS:
            return _EMPTY[404]
        if scope["method"] not in _METHODS:
            return _EMPTY[405]
        if self._secret is not None and not _knows(self._secret, scope["headers"]):
            return _EMPTY[403]
        query = scope["query_string"]
        if len(query) > _LONGEST_QUERY:
            return _EMPTY[404]
        if path == _ASK:
            return self._ask(query)
        start, body = self._route(query)
        return (start, _NO_BODY) if scope["method"] == "HEAD" else (start, body)

    def _ask(self, query: bytes) -> Answer:
        """Return 200 for yes, and another status for everything else."""
        snapshot = self._known(ASK_UNTIL)
        domains = _values(query, b"domain")
        if len(domains) != 1:
            return _EMPTY[400]
        if snapshot is None:
            return _EMPTY[503]
        return _EMPTY[200] if snapshot.ask(domains[0]) else _EMPTY[404]

    def _route(self, query: bytes) -> Answer:
        snapshot = self._known(ROUTE_UNTIL)
        hosts, paths = _values(query, b"host"), _values(query, b"path") or ["/"]
        if len(hosts) != 1 or len(paths) != 1:
            return _EMPTY[400]
        if snapshot is None:
            return _EMPTY[503]
        match = snapshot.route(hosts[0], paths[0])
        return _EMPTY[404] if match is None else _found(*match)

    def _known(self, seconds: float) -> Snapshot | None:
        """Return the snapshot unless it is older than that."""
        age = self._source.age
        return self._source.snapshot if age is not None and age <= seconds else None


def beside(edge_app: ASGIApp, api_app: ASGIApp) -> ASGIApp:
    """Return an application that gives /edge/ to the one and everything else to the other.

    Start and end of the process are the other's business. FastAPI alone would cost more than the
    whole answer.
    """

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        below = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (edge_app if below else api_app)(scope, receive, send)

    return dispatch


def _knows(secret: bytes, headers: list[tuple[bytes, bytes]]) -> bool:
    sent = [value for name, value in headers if name == _SECRET]
    return len(sent) == 1 and hmac.compare_digest(sent[0], secret)


def _values(query: bytes, name: bytes) -> list[str]:
    """Return every value of a parameter; bytes beyond ASCII stay one character each."""
    if b"&" not in query and b"%" not in query:  # what proxies send most of the time
        key, _, value = query.partition(b"=")
        return [value.decode("latin-1")] if key == name else []
    found = []
    for pair in query.split(b"&"):
        key, _, value = pair.partition(b"=")
        if (unquote_to_bytes(key) if b"%" in key else key) == name:
            plain = unquote_to_bytes(value) if b"%" in value else value
            found.append(plain.decode("latin-1"))
    return found


def _found(host: str, route: Route) -> Answer:
    body = b'{"host":"%b",%b' % (host.encode(), _rest(route))
    size = (b"content-length", b"%d" % len(body))
    return _start(200, size, _JSON), {"type": "http.response.body", "body": body}


@lru_cache(maxsize=10_000)
def _rest(route: Route) -> bytes:
    """Return the JSON after the host. Only what is served is ever kept, not what is asked for."""
    return json.dumps(route._asdict(), separators=(",", ":")).encode().removeprefix(b"{")


async def _live(receive: Receive, send: Send) -> None:
    """Go along with the server's start and end when nothing else does."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
