"""What routes ask for: who calls, a transaction, the answer's form, and a place in a list."""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.types import Scope

from nameplate.api import callers, cursors, rights
from nameplate.api.callers import Authenticate, Caller, Doors
from nameplate.api.errors import PreconditionFailed
from nameplate.api.kept_json import KeptJson
from nameplate.api.shapes import Item, Page, Shape
from nameplate.core.actor import Actor
from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now
from nameplate.models import IdempotencyKey
from nameplate.usecases import idempotency
from nameplate.usecases.tools import Tools

Row = TypeVar("Row")
Shown = TypeVar("Shown", bound=BaseModel)

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_METADATA = re.compile(r"metadata\[([A-Za-z0-9_.-]{1,40})\]")
_MAX_ROUTE = 255
_PAGE_OF_JSON = Page[Shape]
"""Kept here: pydantic forgets a class that nobody holds, and would build it at each request."""


@dataclass
class AppState:
    """What the whole application shares."""

    sessions: Sessions
    tools: Tools
    local_token: Secret | None = None
    """Credential of the command line in the same process: acts as the platform."""
    authenticate: Authenticate | None = None
    """How a host application knows its own tokens; Nameplate's are tried when it does not."""
    listed_domains: KeptJson = field(default_factory=KeptJson)
    in_flight: set[tuple[str, str, str]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Replayed(Exception):
    """This request was answered before: the same answer is due."""

    def __init__(self, status: int, body: str) -> None:

        super().__init__(status)
        self.status = status
        self.body = body


@dataclass(frozen=True)
class NetworkCall:
    """A call that crosses the network: no transaction is open."""

    request: Request
    response: Response
    surface: AppState
    actor: Actor

    @property
    def sessions(self) -> Sessions:
        """The transactions to open."""
        return self.surface.sessions

    @property
    def tools(self) -> Tools:
        """The ports."""
        return self.surface.tools


@dataclass(frozen=True)
class TransactionCall(NetworkCall):
    """A call inside its one transaction, which commits before the answer leaves."""

    session: Session
    now: datetime
    """The database's clock."""

    def one(self, show: Callable[["TransactionCall", Row], Shown], row: Row) -> Shown:
        """Return the shape of `row` as it is now, and send its ETag (RFC 9110 section 8.8.3)."""
        self.session.flush()
        shown = show(self, row)
        written = _written(shown)
        self.response.headers["ETag"] = _etag(written)
        self.request.state.shown = (shown, written)
        return shown

    def expect(self, show: Callable[["TransactionCall", Row], Shown], row: Row) -> None:
        """Raise `PreconditionFailed` unless `row` is as the caller's If-Match says.

        The row stays locked until the end, so that of two changes one must fail.
        """
        wanted = self.request.headers.get("if-match")
        if wanted is None or wanted.strip() == "*":
            return
        self.session.refresh(row, with_for_update=True)
        if _etag(_written(show(self, row))) not in [tag.strip() for tag in wanted.split(",")]:
            raise PreconditionFailed


def _written(shown: BaseModel) -> bytes:
    return shown.__pydantic_serializer__.to_json(shown)


def _etag(written: bytes) -> str:
    return f'"{hashlib.sha256(written).hexdigest()[:32]}"'


def surface(request: Request) -> AppState:
    """Return what the application shares."""
    found: AppState = request.app.state.surface
    return found


def identify(shared: AppState, scope: Scope) -> Caller:
    """Find out who calls, once: before the body of a request is read. Raises as `callers` says."""
    known = scope["state"].get("caller")
    if not isinstance(known, Caller):  # what a host application keeps there is not ours
        doors = Doors(
            shared.sessions, shared.local_token, shared.authenticate, shared.tools.public_url
        )
        known = scope["state"]["caller"] = callers.authenticated(doors, scope)
    return known


@dataclass(frozen=True, slots=True)
class Opening:
    """What an endpoint is to be called with, once its thread is there (`routing`)."""

    request: Request
    response: Response
    how: Callable[["Opening", AppState, Caller], AbstractContextManager[NetworkCall]]
    dry_run: bool = False

    def begin(self) -> AbstractContextManager[NetworkCall]:
        """Find out who calls, and begin."""
        shared = surface(self.request)
        who = identify(shared, self.request.scope)
        rights.permit(shared.sessions, who, self.request)
        return self.how(self, shared, who)


@contextmanager
def begin_reading(opening: Opening, shared: AppState, who: Caller) -> Iterator[TransactionCall]:
    """Open a transaction that only reads."""
    request, response = opening.request, opening.response
    with shared.sessions.begin(who.actor, read_only=True) as session:
        yield TransactionCall(request, response, shared, who.actor, session, database_now(session))


@contextmanager
def _writing(opening: Opening, shared: AppState, who: Caller) -> Iterator[TransactionCall]:
    request, response = opening.request, opening.response
    repeated = _repeatable(request, who)
    request.state.one_transaction = True  # what loses against another may be run again
    with _alone(shared, repeated), shared.sessions.begin(who.actor) as session:
        now = database_now(session)
        kept = _claimed(session, repeated, now)
        yield TransactionCall(request, response, shared, who.actor, session, now)
        if kept is not None:
            kept.response_status, kept.response_body = request.state.answer
        if opening.dry_run:
            session.rollback()


@contextmanager
def _crossing(opening: Opening, shared: AppState, who: Caller) -> Iterator[NetworkCall]:
    request = opening.request
    repeated = _repeatable(request, who)
    with _alone(shared, repeated):
        kept_id = None
        if repeated is not None:
            with shared.sessions.begin(who.actor) as session:
                kept = _claimed(session, repeated, database_now(session))
                kept_id = None if kept is None else kept.id
        answered = False
        try:
            yield NetworkCall(request, opening.response, shared, who.actor)
            answered = True
        finally:
            if kept_id is not None:
                _finish(shared, who.actor, kept_id, request.state.answer if answered else None)


DryRun = Annotated[
    bool,
    Query(
        description="Check the request and return what it would lead to, without changing anything. "
        "The id of an object that would be added is not kept."
    ),
]


# FastAPI calls a dependency that is no coroutine in a thread of its own.
async def reading(request: Request, response: Response) -> Opening:
    """Have a transaction opened that only reads."""
    return Opening(request, response, begin_reading)


async def writing(
    request: Request,
    response: Response,
    dry_run: DryRun = False,  # noqa: FBT002 - a query parameter
) -> Opening:
    """Have a transaction opened that may write; a repeated request gets the answer of the first one.

    A dry run does everything and takes it back: what it answers is what would be.
    """
    return Opening(request, response, _writing, dry_run)


async def crossing(request: Request, response: Response) -> Opening:
    """Have no transaction opened: what happens crosses the network. Repeated requests as in `writing`."""
    return Opening(request, response, _crossing)


def _finish(shared: AppState, actor: Actor, kept_id: int, answer: tuple[int, str] | None) -> None:
    """Keep the answer, or forget the request when it failed."""
    with shared.sessions.begin(actor) as session:
        row = session.get(IdempotencyKey, kept_id)
        if row is None:
            return
        if answer is None:
            session.delete(row)
        else:
            row.response_status, row.response_body = answer


def _repeatable(request: Request, who: Caller) -> idempotency.Request | None:
    """Return what identifies a POST with an Idempotency-Key."""
    key = request.headers.get("idempotency-key")
    if key is None or request.method != "POST":
        return None
    if not _KEY.fullmatch(key):
        raise Invalid(
            "idempotency_key_malformed",
            "Not a valid Idempotency-Key. Expected 1 to 255 visible ASCII characters.",
        )
    route = f"POST {request.url.path}"
    if len(route) > _MAX_ROUTE or not route.isascii():
        route = f"POST {hashlib.sha256(route.encode('utf-8', 'replace')).hexdigest()}"
    return idempotency.Request(who.principal, route, key, getattr(request.state, "body", b""))


@contextmanager
def _alone(shared: AppState, repeated: idempotency.Request | None) -> Iterator[None]:
    """Refuse a copy of a request that this process is still answering."""
    if repeated is None:
        yield
        return
    identity = (repeated.principal, repeated.route, repeated.key)
    with shared.lock:
        if identity in shared.in_flight:
            raise idempotency.in_flight()
        shared.in_flight.add(identity)
    try:
        yield
    finally:
        with shared.lock:
            shared.in_flight.discard(identity)


def _claimed(
    session: Session, repeated: idempotency.Request | None, now: datetime
) -> IdempotencyKey | None:
    """Return the row to keep the answer in; raise `Replayed` when there is one already."""
    if repeated is None:
        return None
    row, is_new = idempotency.claim(session, repeated, now)
    if row.response_status is not None:
        raise Replayed(row.response_status, row.response_body or "")
    if not is_new:
        raise idempotency.in_flight()
    return row


Read = Annotated[TransactionCall, Depends(reading)]
Write = Annotated[TransactionCall, Depends(writing)]
Crossing = Annotated[NetworkCall, Depends(crossing)]


class Listing:
    """One page of a list: how many, from where, with which metadata."""

    def __init__(self, request: Request, limit: int, cursor: str | None) -> None:

        self._shared = surface(request)
        self._scope = request.scope
        self._limit = limit
        self._cursor = cursor
        self._bound: dict[str, object] = {"list": request.url.path}
        self._metadata = {
            found[1]: value
            for name, value in request.query_params.items()
            if (found := _METADATA.fullmatch(name))
        }

    def select(self, *, tagged: bool = False, **filters: Any) -> dict[str, Any]:  # noqa: ANN401 - values of the query string
        """Return the arguments of a use case's `page`, which takes metadata when `tagged`.

        Raises Invalid `invalid_cursor`, `query_unknown`.
        """
        given = {name: value for name, value in filters.items() if value is not None}
        if self._metadata and not tagged:
            raise Invalid("query_unknown", "This list cannot be filtered by `metadata`.")
        if self._metadata:
            given["metadata"] = self._metadata
        who = identify(self._shared, self._scope)
        self._bound |= {"organization": who.actor.organization_id, "filters": given}
        keyring = self._shared.tools.keyring
        after = None if self._cursor is None else cursors.decode(keyring, self._cursor, self._bound)
        return {"limit": self._limit, "after": after, **given}

    def page(
        self,
        call: TransactionCall,
        show: Callable[[TransactionCall, Any], Item],
        rows: Sequence[Any],
    ) -> Page[Item]:
        """Return the page of the rows that `select` led to, one too many included."""
        data = [show(call, row) for row in rows[: self._limit]]
        return Page(data=data, has_more=len(rows) > self._limit, next_cursor=self._following(rows))

    def page_of_json(
        self,
        call: TransactionCall,
        written: Callable[[Sequence[Any]], Mapping[int, bytes]],
        rows: Sequence[Any],
    ) -> Page[Any]:
        """Return the same page with no object in it, and send it with the JSON of each row, by its id."""
        page = _PAGE_OF_JSON(
            data=[], has_more=len(rows) > self._limit, next_cursor=self._following(rows)
        )
        found = written(rows[: self._limit])
        data = b",".join(found[row.id] for row in rows[: self._limit] if row.id in found)
        filled = _written(page).replace(b'"data":[]', b'"data":[%b]' % data, 1)
        call.request.state.shown = (page, filled)
        return page

    def _following(self, rows: Sequence[Any]) -> str | None:
        """Return the cursor of the next page, None when there is none."""
        if len(rows) <= self._limit:
            return None
        last = rows[self._limit - 1].id
        return cursors.encode(self._shared.tools.keyring, last, self._bound)


async def listing(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100, description="Number of objects per page.")] = 20,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` of the previous page.")
    ] = None,
) -> Listing:
    """Return what the query string says about the page."""
    return Listing(request, limit, cursor)


Listed = Annotated[Listing, Depends(listing)]
