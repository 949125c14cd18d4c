"""Answers to pages of others (CORS, WHATWG Fetch): for embed tokens, to the pages that they name."""

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nameplate.api.callers import Caller
from nameplate.db import Sessions
from nameplate.usecases.tenants import embed_tokens

_ASKED = "authorization, content-type, idempotency-key, if-match, last-event-id"
_METHODS = "GET, POST, PATCH, DELETE"
_SHOWN = "x-request-id, retry-after, etag, idempotent-replayed"
_SECONDS = "600"


class EmbedCors:
    """Lets the browser show answers to a page for which some live embed token is. Cookies never count."""

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:

        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a browser that asks first; say of an answer which page may see it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        asks = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        bearer = headers.get("authorization", "").partition(" ")[2].strip()
        if origin is None or not (asks or embed_tokens.is_one(bearer)):
            await self._app(scope, receive, send)
            return
        if asks:
            if await anyio.to_thread.run_sync(embed_tokens.is_noted, self._sessions, origin):
                await _allowed(origin)(scope, receive, send)
            else:
                await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and await self._is_for(scope, origin):
                answered = MutableHeaders(scope=message)
                answered["Access-Control-Allow-Origin"] = origin
                answered["Access-Control-Expose-Headers"] = _SHOWN
                answered.add_vary_header("Origin")
            await send(message)

        await self._app(scope, receive, sending)

    async def _is_for(self, scope: Scope, origin: str) -> bool:
        """Tell whether a page may see the answer; an error of a token that has ended too."""
        who = scope.get("state", {}).get("caller")
        if isinstance(who, Caller) and who.scope is not None:
            return origin in who.scope.origins
        return await anyio.to_thread.run_sync(embed_tokens.is_noted, self._sessions, origin)


def _allowed(origin: str) -> Response:
    fields = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _ASKED,
        "Access-Control-Max-Age": _SECONDS,
        "Vary": "Origin",
    }
    return Response(None, 204, fields)
