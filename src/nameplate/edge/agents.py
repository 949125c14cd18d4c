"""`/agent/`: what agents beside proxies ask, with the token of their one server.

    GET  /agent/state?after=REVISION          200 and the state, 204 nothing newer within 25 s
    POST /agent/report                        204
    GET  /agent/challenge?host=NAME&token=T   200 and the answer to an http-01 challenge, 404

The token says which server it is about; nothing in a request can name another. Every answer to a known token is
signed with it, that it was revoked, too. A question that waits is a future: it holds no thread and no
connection to the database, and one statement every half second asks for all that wait.
"""

import asyncio
import json
import logging
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs

from nameplate.core import agent_protocol as protocol
from nameplate.core import names, value_codec
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Invalid, NameplateError, Refused, Unavailable
from nameplate.db import Sessions
from nameplate.edge.app import ASGIApp, Receive, Scope, Send
from nameplate.edge.asked_together import AskedTogether
from nameplate.ports.agents import AgentReport, AgentState
from nameplate.usecases.certificates import challenges, reachability
from nameplate.usecases.serving import agent_versions, agents, server_sizes
from nameplate.usecases.serving.server_sizes import SIZES
from nameplate.usecases.tenants import tokens
from nameplate.usecases.tenants.tokens import AgentToken
from nameplate.usecases.tools import Tools

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

PREFIX = "/agent/"
_TICK = 0.5
"""Seconds between two looks at what is new for all that wait."""
_AT_ONCE = 4
"""Requests that work with the database at one time: the others wait for their turn, not in a thread."""
_MAX_WAITING = 5000
_NUMBER = re.compile(r"[0-9]{1,10}")
_UNKNOWN = (HTTPStatus.UNAUTHORIZED, "unauthenticated", "Send the token of a server's agent.")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes = b""
    kind: str = "application/json"


class _Failed(Exception):
    """The request is answered with a status and a problem."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(code)
        document = {"status": int(status), "code": code, "detail": detail}
        self.answer = _Answer(status, json.dumps(document).encode(), "application/problem+json")


class AgentDesk:
    """The ASGI application. It belongs to one event loop, that of its first request."""

    def __init__(
        self, sessions: Sessions, tools: Tools, *, poll_seconds: float = protocol.POLL_SECONDS
    ) -> None:
        """Answer from the database; `poll_seconds` is how long a question for news waits."""
        self._sessions = sessions
        self._tools = tools
        self._poll_seconds = poll_seconds
        self._waiting: dict[asyncio.Future[int | None], tuple[int, int]] = {}
        """Future -> token and the revision that it has; the result is a newer one, None: no token any more."""
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._turn_to_report = asyncio.Semaphore(1)
        self._watch: asyncio.Task[None] | None = None
        self._states: AskedTogether[int, AgentState] = AskedTogether(
            self._read_states, SIZES.of, server_sizes.TOGETHER
        )

    @property
    def waiting(self) -> int:
        """How many questions wait for news."""
        return len(self._waiting)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, signed where the token is known."""
        headers = _headers(scope)
        nonce = headers.get(protocol.NONCE_HEADER.lower(), "")
        token: AgentToken | None = None
        try:
            token = await self._identify(headers, nonce)
            version = protocol.common(headers.get(protocol.PROTOCOL_HEADER.lower(), ""))
            answer = await self._answer(scope, receive, token, version)
        except _Failed as failed:
            version, answer = protocol.NEWEST, failed.answer
        except NameplateError as error:
            version, answer = protocol.NEWEST, _problem(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the agent asks again
            log.warning("agent_request_failed", extra={"error": type(error).__name__})
            version, answer = protocol.NEWEST, _BROKEN.answer
        extra = {protocol.PROTOCOL_HEADER: str(version)}
        if token is not None:
            key = protocol.answer_key(token.digest)
            signed = protocol.signature(key, nonce, answer.status, answer.body)
            extra[protocol.SIGNATURE_HEADER] = signed
        await _send(send, answer, extra)

    async def _identify(self, headers: Mapping[str, str], nonce: str) -> AgentToken:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not protocol.is_nonce(nonce):
            raise _Failed(*_UNKNOWN)
        token = await self._in_turn(tokens.agents, self._sessions, bearer.strip())
        if token is None:
            raise _Failed(*_UNKNOWN)
        return token

    async def _answer(
        self, scope: Scope, receive: Receive, token: AgentToken, version: int
    ) -> _Answer:
        if not token.is_live:
            raise _revoked()
        if not token.use_is_noted:
            await self._in_turn(self._note_use, token)
        asked = scope["method"], scope["path"]
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=8)
        if asked == ("GET", protocol.STATE_PATH):
            return await self._state(token, receive, query.get("after", ["0"])[0], version)
        if asked == ("POST", protocol.REPORT_PATH):
            told = _read(await _body(receive))
            async with self._turn_to_report:  # news goes first where many say that they have it
                await self._in_turn(agents.report, self._sessions, token.server_id, told, version)
            return _Answer(HTTPStatus.NO_CONTENT)
        if asked == ("GET", protocol.CHALLENGE_PATH):
            host, sent = query.get("host", [""])[0], query.get("token", [""])[0]
            return await self._in_turn(self._challenge, host, sent)
        raise _Failed(HTTPStatus.NOT_FOUND, "route_not_found", "No such route. Check the path.")

    async def _state(
        self, token: AgentToken, receive: Receive, after: str, version: int
    ) -> _Answer:
        """Return the newest state, once there is another one than the agent has."""
        if not _NUMBER.fullmatch(after):
            raise Invalid("query_unknown", "`after` is the revision that the agent has.")
        offered = token.offered_revision
        is_known = offered in {0, int(after)}  # 0: no worker has looked at it yet
        if is_known and await self._news(token.id, offered, receive) is None:
            return _Answer(HTTPStatus.NO_CONTENT)
        found = await self._states.get(token.server_id)
        if found is None:
            raise Refused(
                "agent_not_wanted",
                "A worker configures this server's proxy. Set `reach` of its `proxy` to `agent`.",
            )
        narrowed = agent_versions.narrowed(found, version)
        return _Answer(HTTPStatus.OK, await self._in_turn(_written, narrowed))

    async def _read_states(self, servers: list[int]) -> dict[int, AgentState]:
        return await self._in_turn(agents.states, self._sessions, self._tools, servers)

    async def _news(self, token_id: int, known: int, receive: Receive) -> int | None:
        """Wait for another revision than the known one; None when there is none in time.

        Raises what tells the agent that its token is no more.
        """
        if len(self._waiting) >= _MAX_WAITING:
            raise Unavailable("busy", "Too many agents wait here. Ask again in a few seconds.")
        news: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting[news] = token_id, known
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._follow())
        left = asyncio.create_task(_gone(receive))
        try:
            both: set[asyncio.Future[Any]] = {news, left}
            done, _ = await asyncio.wait(
                both, timeout=self._poll_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            self._waiting.pop(news, None)
            left.cancel()
        if news not in done:
            return None
        found = news.result()
        if found is None:
            raise _revoked()
        return found

    async def _follow(self) -> None:
        """Look for all that wait whether there is news, until nobody waits."""
        while self._waiting:
            await asyncio.sleep(_TICK)
            asked = dict(self._waiting)
            ids = sorted({token for token, _ in asked.values()})
            try:
                standing = await self._in_turn(tokens.standing, self._sessions, ids)
            except Exception as error:  # noqa: BLE001 - the database is away; the next look may go well
                log.debug("agent_look_failed", extra={"error": type(error).__name__})
                continue
            for news, (token, known) in asked.items():
                offered = standing.get(token)
                if offered != known and not news.done():
                    news.set_result(offered)

    async def _in_turn(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        async with self._turn:
            return await asyncio.to_thread(work, *given, **named)

    def _note_use(self, token: AgentToken) -> None:
        with self._sessions.begin(PLATFORM) as session:
            tokens.note_use(session, token.id, token.now)

    def _challenge(self, host: str, sent: str) -> _Answer:
        """Return what the API answers anybody who asks for a challenge of this host."""
        name = names.canonical(host)
        found = reachability.answer(self._tools.keyring, name, sent)
        if found is None:
            with self._sessions.look() as session:
                found = challenges.answer(session, name, sent)
        if found is None:
            return _Answer(HTTPStatus.NOT_FOUND, b"not found", "text/plain")
        return _Answer(HTTPStatus.OK, found.encode(), "text/plain")


def beside_agents(desk: ASGIApp, app: ASGIApp) -> ASGIApp:
    """Return an application that gives /agent/ to the desk and everything else to the other."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        below = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (desk if below else app)(scope, receive, send)

    return dispatch


def _written(found: Any) -> bytes:  # noqa: ANN401 - a state
    return json.dumps(value_codec.encoded(found), separators=(",", ":")).encode()


def _read(body: bytes) -> AgentReport:
    try:
        document = json.loads(body, parse_constant=_no_number, parse_float=_number)
    except (ValueError, RecursionError):
        raise Invalid("body_malformed", "The report is not JSON.") from None
    try:
        return value_codec.decoded(AgentReport, document)
    except value_codec.Unreadable as error:
        raise Invalid("body_malformed", error.detail) from None


def _number(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(text)
    return found


def _no_number(text: str) -> float:
    """Refuse what JSON has no number for, as NaN."""
    raise ValueError(text)


def _revoked() -> _Failed:
    return _Failed(
        HTTPStatus.UNAUTHORIZED,
        protocol.REVOKED_CODE,
        "The token of this agent was revoked or has expired, or its server was removed.",
    )


_BROKEN = _Failed(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "internal_error",
    "Nameplate failed unexpectedly. Its log says more.",
)


def _problem(error: NameplateError) -> _Answer:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(error, Invalid):
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    elif isinstance(error, Refused):
        status = HTTPStatus.CONFLICT
    return _Failed(status, error.code, error.detail).answer


def _headers(scope: Scope) -> dict[str, str]:
    """Return the fields; one that stands twice is none."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        found[key] = "" if key in found else value.decode("latin-1")
    return found


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] != "http.request":
            raise Invalid("body_malformed", "The report did not come whole.")
        body += event.get("body", b"")
        if len(body) > protocol.MAX_REPORT:
            raise Invalid("body_too_large", "The report is too large.")
        if not event.get("more_body"):
            return bytes(body)


async def _gone(receive: Receive) -> None:
    """Return when the other side has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, answer: _Answer, extra: Mapping[str, str]) -> None:
    fields = [
        (b"content-length", b"%d" % len(answer.body)),
        (b"cache-control", b"no-store"),
        *((name.lower().encode(), value.encode()) for name, value in extra.items()),
    ]
    if answer.status == HTTPStatus.NO_CONTENT:
        fields = fields[1:]
    else:
        fields.append((b"content-type", answer.kind.encode()))
    await send({"type": "http.response.start", "status": int(answer.status), "headers": fields})
    await send({"type": "http.response.body", "body": answer.body})
