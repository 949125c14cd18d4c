"""`/edge/ask` and `/edge/route`: a bare ASGI application, for it stands in the path of requests.

    GET /edge/ask?domain=NAME           200 yes, 404 no, 429 no, 503 cannot tell; never a body
    GET /edge/route?host=NAME&path=PATH 200 and where it goes as JSON, 404 nowhere, 503 cannot tell
    GET /edge/traefik/SERVER.json       200 and what this server serves, 304, 403, 404, 503 (`documents`)

A parameter that is missing or stands twice is a 400, which is no yes either. `route` tells where
applications answer and needs the edge secret, in `X-Nameplate-Edge-Secret` or as the parameter
`secret`; `ask` needs it where the operator has set one. It belongs on a private listener. Nothing
that arrives raises: names are looked up, not parsed. A host application may mount it, or what it is
mounted in, below a prefix of its own.
"""

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from nameplate.core.asks import AskOutcome
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret
from nameplate.edge import documents
from nameplate.edge.guard import Guard
from nameplate.edge.snapshot import Match, Snapshot

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
_MAX_QUERY = 8192
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
    for status in (200, 400, 403, 404, 429, 503)
} | {405: (_start(405, (b"content-length", b"0"), (b"allow", b"GET, HEAD")), _NO_BODY)}
"""Answers without a body, made once."""


class Source(Protocol):
    """Where the hosts come from."""

    def within(self, seconds: float) -> Snapshot | None:
        """Return the hosts as they were at most so long ago; None when that is not known."""
        ...


class App:
    """The ASGI application. Any number of requests may run at once."""

    def __init__(
        self,
        source: Source,
        secret: Secret | None = None,
        *,
        is_ask_open: bool = False,
        configurations: documents.Documents | None = None,
        guard: Guard | None = None,
    ) -> None:
        """Serve from `source`. With `is_ask_open` proxies need the secret for `route` only."""
        self._source = source
        self._configurations = configurations
        self._secret = secret.reveal().encode() if secret else None
        self._ask_secret = None if is_ask_open else self._secret
        self._guard = guard or Guard()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            start, body = self._answer(scope) or await self._configuration(scope)
            await send(start)
            await send(body)

    def _answer(self, scope: Scope) -> Answer | None:
        """Return the answer from memory; None to what may be answered otherwise."""
        path = scope["path"]
        if path not in _PATHS:
            path = _without_prefix(scope)
        if path not in _PATHS:
            return None
        if scope["method"] not in _METHODS:
            return _EMPTY[405]
        query = scope["query_string"]
        if path == _ASK:
            return self._ask(query, scope)
        if len(query) > _MAX_QUERY:
            return _EMPTY[404]
        asked = _parameters(query)
        if self._secret is not None and not _knows(self._secret, scope["headers"], asked):
            return _EMPTY[403]
        start, body = self._route(asked)
        return (start, _NO_BODY) if scope["method"] == "HEAD" else (start, body)

    def _ask(self, query: bytes, scope: Scope) -> Answer:
        """Return 200 for yes, and another status for everything else."""
        guard = self._guard
        if len(query) > _MAX_QUERY:
            guard.count(AskOutcome.MALFORMED)
            return _EMPTY[404]
        asked = _parameters(query)
        secret = self._ask_secret
        if secret is not None and not _knows(secret, scope["headers"], asked):
            guard.count(AskOutcome.FORBIDDEN)
            return _EMPTY[403]
        named = asked.get(b"domain")
        if named is None:
            guard.count(AskOutcome.MALFORMED)
            return _EMPTY[400]
        domain = named.decode("latin-1")
        snapshot = self._source.within(ASK_UNTIL)
        if snapshot is None:
            guard.count(AskOutcome.STALE)
            return _EMPTY[503]
        if snapshot.ask(domain):
            guard.allowed += 1
            return _EMPTY[200]
        source = scope.get("client")
        outcome = guard.judge(snapshot, domain, source[0] if source else "")
        return _EMPTY[429 if outcome is AskOutcome.FLOODED else 404]

    def _route(self, asked: dict[bytes, bytes | None]) -> Answer:
        host, path = asked.get(b"host"), asked.get(b"path", b"/")
        if host is None or path is None:
            return _EMPTY[400]
        snapshot = self._source.within(ROUTE_UNTIL)
        if snapshot is None:
            return _EMPTY[503]
        match = snapshot.route(host.decode("latin-1"), path.decode("latin-1"))
        return _EMPTY[404] if match is None else _found(match)

    async def _configuration(self, scope: Scope) -> Answer:
        """Return what a proxy fetches; who has no token learns of no server whether it exists."""
        asked = documents.PATH.fullmatch(_without_prefix(scope))
        if asked is None or self._configurations is None:
            return _EMPTY[404]
        if scope["method"] not in _METHODS:
            return _EMPTY[405]
        sent = [value for name, value in scope["headers"] if name == _SECRET]
        if len(sent) != 1 or not self._configurations.opens(asked.group(1), sent[0]):
            return _EMPTY[403]
        try:
            found = await self._configurations.of(asked.group(1))
        except (OSError, Refused):
            return _EMPTY[503]
        return _EMPTY[404] if found is None else _fetched(found, scope)


def _fetched(found: documents.ConfigurationDocument, scope: Scope) -> Answer:
    """Return a proxy's configuration, or that the proxy has it already (RFC 9110 section 13.1.2)."""
    tag = (b"etag", found.etag)
    if (b"if-none-match", found.etag) in scope["headers"]:
        return _start(304, tag), _NO_BODY
    length = (b"content-length", b"%d" % len(found.body))
    start = _start(200, length, _JSON, tag, (b"cache-control", b"no-store"))
    is_head = scope["method"] == "HEAD"
    return start, _NO_BODY if is_head else {"type": "http.response.body", "body": found.body}


def beside(edge_app: ASGIApp, api_app: ASGIApp) -> ASGIApp:
    """Return an application that gives /edge/ to the one and everything else to the other.

    Start and end of the process are the other's business. FastAPI alone would cost more than the
    whole answer.
    """

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        below = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (edge_app if below else api_app)(scope, receive, send)

    return dispatch


def _without_prefix(scope: Scope) -> str:
    """Return the path below what a host application mounted this at (`root_path` of ASGI)."""
    prefix: str = scope.get("root_path", "").removesuffix(PREFIX.rstrip("/"))
    path: str = scope["path"]
    return path.removeprefix(prefix)


def _knows(
    secret: bytes, headers: list[tuple[bytes, bytes]], asked: dict[bytes, bytes | None]
) -> bool:
    """Tell whether the secret came, once: some proxies can put it only into the address."""
    sent = [value for name, value in headers if name == _SECRET]
    if not sent:
        return hmac.compare_digest(asked.get(b"secret") or b"", secret)
    return len(sent) == 1 and hmac.compare_digest(sent[0], secret)


def _parameters(query: bytes) -> dict[bytes, bytes | None]:
    """Return each parameter, with None when it stands twice; other bytes than ASCII stay as many."""
    found: dict[bytes, bytes | None] = {}
    is_plain = b"%" not in query  # as proxies send it most of the time
    for pair in query.split(b"&"):
        key, _, value = pair.partition(b"=")
        if not is_plain:
            key, value = unquote_to_bytes(key), unquote_to_bytes(value)
        found[key] = None if key in found else value
    return found


def _found(match: Match) -> Answer:
    body = b'{"host":"%b",%b' % (match.host.encode(), match.route.answer)
    return _start_of(len(body)), {"type": "http.response.body", "body": body}


@lru_cache(maxsize=1024)
def _start_of(size: int) -> Message:
    """Return the start of an answer of so many bytes: there are few sizes, and many answers."""
    return _start(200, (b"content-length", b"%d" % size), _JSON)


async def _live(receive: Receive, send: Send) -> None:
    """Go along with the server's start and end when nothing else does."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
