"""What happens around every request: its id, its body's limits, its last-resort error, its count."""

import contextlib
import re
import secrets
import time
from collections.abc import Callable

import anyio
import anyio.to_thread
from sqlalchemy.exc import OperationalError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nameplate.api import errors, strictjson
from nameplate.core.errors import Invalid, NameplateError
from nameplate.core.origin import ORIGIN, ChangeOrigin
from nameplate.db import RETRIES, pause

_ZONE_PATH = re.compile(r"/v1/domains/[^/]+/records:plan")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_PAGES = "/setup/"
"""Forms of pages for visitors without a token: they send no body that means anything."""
_OPEN = frozenset({"/v1/session", "/v1/session/invitation"})
"""What is posted by who is not known yet: a little."""
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_TINY = 16 * 1024
"""Octets that are read from an unknown caller, so that the answer arrives, and for how long."""
_TINY_SECONDS = 2.0
_IN_LOOP = 64 * 1024
"""Octets of a body that are parsed in the event loop; more in a thread, two bodies at once."""
_PARSERS = 2

Authenticate = Callable[[Scope], object]
"""Keeps in the scope's state who calls, or raises `Unauthenticated`; blocks."""
Counter = Callable[[str, str, int, float], None]
"""Takes method, route template, status and seconds."""


class RequestMiddleware:
    """The outermost layer: everything below may raise whatever it likes."""

    def __init__(self, app: ASGIApp, count: Counter, authenticate: Authenticate) -> None:

        self._app = app
        self._count = count
        self._authenticate = authenticate
        self._parsers: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request with its id, whatever happens."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = _identity(Headers(scope=scope).get("x-request-id"))
        scope.setdefault("state", {})["request_id"] = identity
        origin = ORIGIN.set(ChangeOrigin(identity))  # the threads of this request inherit it
        started = time.monotonic()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message}  # the edge sends one object for many answers
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = identity
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._checked(scope, receive, sending)
        except NameplateError as error:
            await errors.answer(error, identity)(scope, receive, sending)
        except OperationalError as error:
            if status:
                raise
            await errors.busy(error, identity)(scope, receive, sending)
        except Exception as error:
            if status:
                raise
            await errors.unexpected(error, identity)(scope, receive, sending)
        finally:
            ORIGIN.reset(origin)
            route = getattr(scope.get("route"), "path", "unmatched")
            self._count(scope["method"], route, status, time.monotonic() - started)

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        if _path(scope).startswith(_PAGES):
            with anyio.move_on_after(_TINY_SECONDS):
                await _drained(scope, receive)
            await self._app(scope, receive, send)
            return
        body = await _read(receive, await self._allowed(scope, receive))
        if body:
            _check_type(Headers(scope=scope))
            scope["state"]["json"] = await self._parsed(body)
        scope["state"]["body"] = body
        for attempt in range(RETRIES):
            if await self._answered(scope, receive, send, body, last=attempt == RETRIES - 1):
                return
            await anyio.sleep(pause(attempt))

    async def _answered(
        self, scope: Scope, receive: Receive, send: Send, body: bytes, *, last: bool
    ) -> bool:
        """Have a request answered; tell whether it was, and not lost against another transaction.

        Only what is one transaction may be run again: nothing of it has happened.
        """
        sent = lost = False
        state = dict(scope["state"])
        copied = {**scope, "state": state}

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def sending(message: Message) -> None:
            nonlocal lost
            if message["type"] == "http.response.start":
                lost = bool(state.get("lost_race") and state.get("one_transaction")) and not last
            if not lost:
                await send(message)

        try:
            await self._app(copied, replay, sending)
        finally:
            scope["route"] = copied.get("route")
        return not lost

    async def _allowed(self, scope: Scope, receive: Receive) -> int:
        """Return how many octets the body may have. The body of an unknown caller is not read."""
        if scope["method"] == "POST" and _path(scope) in _OPEN:
            return _TINY
        try:
            await anyio.to_thread.run_sync(self._authenticate, scope)
        except errors.Unauthenticated:
            with anyio.move_on_after(_TINY_SECONDS):
                await _drained(scope, receive)
            raise
        if _ZONE_PATH.fullmatch(_path(scope)):
            return strictjson.MAX_ZONE_BYTES
        return strictjson.MAX_BYTES

    async def _parsed(self, body: bytes) -> object:
        """Return the value of a body; what is large is parsed while others are answered."""
        if len(body) <= _IN_LOOP:
            return strictjson.read(body)
        if self._parsers is None:
            self._parsers = anyio.CapacityLimiter(_PARSERS)
        return await anyio.to_thread.run_sync(strictjson.read, body, limiter=self._parsers)


def _path(scope: Scope) -> str:
    """Return the path below a host application's prefix."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _identity(given: str | None) -> str:
    """Return the caller's request id when it is harmless, else a new one."""
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return f"req_{secrets.token_hex(12)}"


async def _read(receive: Receive, most: int) -> bytes:
    """Return the whole body, up to `most` bytes. Raises Invalid `body_too_large` as soon as it is."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            # Half of a body can mean something else than the whole.
            raise Invalid("body_malformed", "The body is incomplete. Repeat the request.")
        body += message.get("body", b"")
        if len(body) > most:
            raise Invalid("body_too_large", f"The body is too large. Send at most {most} bytes.")
        if not message.get("more_body", False):
            return bytes(body)


async def _drained(scope: Scope, receive: Receive) -> None:
    """Read a tiny body: an answer that leaves before the body has arrived may not be seen."""
    announced = Headers(scope=scope).get("content-length", "0")
    if not announced.isdigit() or len(announced) > len(str(_TINY)) or int(announced) > _TINY:
        return
    with contextlib.suppress(Invalid):
        await _read(receive, _TINY)


def _check_type(headers: Headers) -> None:
    """Raise Invalid `media_type_unsupported` for anything but plain JSON."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if media_type != "application/json" or encoding != "identity":
        raise Invalid("media_type_unsupported", "Send `application/json` without compression.")
