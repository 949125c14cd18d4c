"""`GET /v1/events/stream`: events as they are committed, as server-sent events."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from nameplate.api import errors, rights
from nameplate.api.broadcast import Audience, Broadcast, Subscription, frame
from nameplate.api.callers import ORGANIZATION, Caller
from nameplate.api.deps import AppState, identify, surface
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.usecases import events
from nameplate.usecases.tenants import organizations

routes = APIRouter(
    prefix="/v1",
    tags=["events"],
    responses=errors.documented(401, 403, 404, 422, 429, 503),
)

STOP = "nameplate.stop"
"""Key of a request's scope: what the server calls to have a long answer end."""
_PAGE = 100
_HEADERS = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}


class EventStream(Response):
    """An answer that lasts: first what was committed after `since`, then what is committed."""

    media_type = "text/event-stream"

    def __init__(
        self, broadcast: Broadcast, shared: AppState, who: Caller, audience: Audience, since: str
    ) -> None:
        """Take who follows, and the event after which the stream begins."""
        super().__init__(headers=_HEADERS)
        self._broadcast = broadcast
        self._shared = shared
        self._who = who
        self._audience = audience
        self._since = since

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the other side leaves, the caller is accepted no more, or the server stops."""
        stream = Subscription(self._audience, asyncio.get_running_loop())
        until = await run_in_threadpool(self._broadcast.join, stream)
        gone = asyncio.ensure_future(_gone(receive, stream))
        scope[STOP] = stream.end
        try:
            kept = [one for one in self.raw_headers if one[0] != b"content-length"]
            start = {"type": "http.response.start", "status": 200, "headers": kept}
            await send(start)
            await _sent(send, b"event: ready\nid: %b\ndata: {}\n\n" % self._since.encode())
            await self._follow(stream, until, send)
            if not gone.done():
                await send({"type": "http.response.body", "body": b""})
        finally:
            scope.pop(STOP, None)
            gone.cancel()
            self._broadcast.leave(stream)

    async def _follow(self, stream: Subscription, until: int, send: Send) -> None:
        since = await self._catch_up(stream, self._since, until, send)
        while not stream.is_over:
            position, taken = await stream.take()
            if taken:
                await _sent(send, taken)
            if position:
                since = ids.show(Prefix.EVENT, position)
            if stream.is_behind and not stream.is_over:
                until = self._broadcast.rejoin(stream)
                since = await self._catch_up(stream, since, until, send)

    async def _catch_up(self, stream: Subscription, since: str, until: int, send: Send) -> str:
        """Send what is committed up to a position; return where that ends."""
        more = until > 0
        while more and not stream.is_over:
            async with self._broadcast.reading:
                since, message, more = await run_in_threadpool(self._read, since, until)
            if message:
                await _sent(send, message)
        return since

    def _read(self, since: str, until: int) -> tuple[str, bytes, bool]:
        query = events.EventQuery(
            since=since,
            until=until,
            organization=self._audience.organization_id,
            domain=self._audience.domain_id,
        )
        actor = self._who.actor
        with self._shared.sessions.begin(actor, read_only=True) as session:
            rows = events.page(session, actor, query, limit=_PAGE)
            shown = [frame(row, to_platform=actor.is_platform) for row in rows[:_PAGE]]
            if shown:
                since = ids.show(Prefix.EVENT, rows[len(shown) - 1].position or 0)
            return since, b"".join(shown), len(rows) > _PAGE


Since = Annotated[
    str | None,
    Query(
        max_length=40,
        description="Begin after this event: an `id`, `start` for the oldest that is kept, or `now`. A "
        "`Last-Event-ID` header, as browsers send it, counts more. Default: `now`.",
    ),
]
Owner = Annotated[
    str | None,
    Query(
        max_length=255,
        description="Organization to follow, by id or slug. Default: that of the caller; for a platform "
        "token, all of them.",
    ),
]


@routes.get(
    "/events/stream",
    operation_id="stream_events",
    status_code=200,
    response_class=EventStream,
    responses={
        200: {
            "content": {
                EventStream.media_type: {
                    "schema": {"type": "string"},
                    "example": "event: ready\nid: evt_29yh7wc782vr0f\ndata: {}\n\n",
                }
            }
        }
    },
    response_model=None,
)
async def stream(request: Request, since: Since = None, organization: Owner = None) -> EventStream:
    """Follow events as server-sent events.

    Each message has an event as `GET /v1/events` shows it, and its id, from which a broken stream is
    resumed without a gap. The first message, `ready`, has the id where the stream begins. A comment comes
    every 15 seconds.
    """
    begun = request.headers.get("last-event-id") or since or events.NOW
    return await run_in_threadpool(_begun, request, begun, organization)


def _begun(request: Request, since: str, organization: str | None) -> EventStream:
    """Find out who asks, and where the stream begins. Raises what `list_events` raises."""
    shared = surface(request)
    if organization is not None:
        request.scope["state"][ORGANIZATION] = organization
    who = identify(shared, request.scope)
    rights.permit(shared.sessions, who, request)
    owner = who.actor.organization_id
    if since == events.NOW:
        events.number(shared.sessions)  # what is committed is over, numbered or not
    with shared.sessions.begin(who.actor, read_only=True) as session:
        if organization is not None:
            owner = organizations.get(session, who.actor, organization).id
        if since == events.NOW:
            since = events.newest(session, who.actor) or events.START
        events.page(session, who.actor, events.EventQuery(since=since), limit=0)
    broadcast: Broadcast = request.app.state.broadcast
    return EventStream(broadcast, shared, who, _audience(who, owner), since)


def _audience(who: Caller, owner: int | None) -> Audience:
    return Audience(
        to_platform=who.actor.is_platform,
        organization_id=owner,
        domain_id=None if who.scope is None else who.scope.domain_id,
        credential=who.credential,
    )


async def _sent(send: Send, message: bytes) -> None:
    await send({"type": "http.response.body", "body": message, "more_body": True})


async def _gone(receive: Receive, stream: Subscription) -> None:
    """End a stream when the other side has hung up."""
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await receive()
    stream.end()
