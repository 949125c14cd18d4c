"""Reading events: numbering what is committed, paging, and purging (ADR 20)."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid, NotFound, Problem
from nameplate.core.ids import Prefix
from nameplate.db import Sessions, database_now, inserting, upsert
from nameplate.models import Event, EventCounter, event_types
from nameplate.models.events import ALL, stream

START, NOW = "start", "now"
"""What `since` may say in place of an event: the oldest that is kept, and the newest that there is."""
_PIECE = 500
"""Events that one transaction numbers or purges."""
_TIDY_SECONDS = 1.0
"""For how long one round of tidying up goes on; the rest is for the next."""
_OBJECTS = {
    Prefix[told.noun.upper()]: told.noun for told in event_types.TOLD.values()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events a reader asks for."""

    since: str | None = None
    """Those after this event, oldest first; None: the newest first."""
    before: str | None = None
    """Those before this event."""
    types: tuple[str, ...] = ()
    """Of these types: `domain.verified`, or `domain.*` for all of a kind."""
    object: str | None = None
    """About this object; of a domain, with all that belongs to it."""
    organization: int | None = None
    """Of this organization."""
    domain: int | None = None
    """Of this domain, with all that belongs to it."""
    until: int | None = None
    """Those up to this position."""


def number(sessions: Sessions) -> int:
    """Give committed events that have no number the next ones, and return how many those were.

    One transaction at a time does this, so that numbers become visible in their own order: a reader
    that has seen a number never finds a lower one later. Events whose transaction is open still are
    numbered when it has committed.
    """
    total = 0
    while True:
        with sessions.look() as session:
            if session.connection().execute(_ANY_LEFT).first() is None:
                return total
        total += sessions.run(PLATFORM, _number)


def _number(session: Session) -> int:
    """Give the next numbers, in the order of writing, under the lock of the one counter."""
    connection = session.connection()
    position = connection.execute(_LOCK).scalar_one_or_none()
    if position is None:  # the first event of all
        _begin(connection)
        position = connection.execute(_LOCK).scalar_one()
    left = connection.execute(_LEFT).all()
    streams = {row.organization_id: stream(row.organization_id) for row in left}
    known = connection.execute(_COUNTERS, {"streams": sorted(streams.values())})
    last = {row.stream: row.number for row in known}
    numbered = []
    for row in left:
        position += 1
        own = streams[row.organization_id]
        last[own] = last.get(own, 0) + 1
        numbered.append({"row": row.id, "position_": position, "sequence_": last[own]})
    if numbered:
        connection.execute(_NUMBERING, numbered)
        counters = [{"stream": one, "number": last[one]} for one in sorted(streams.values())]
        upsert(session, EventCounter, [*counters, {"stream": ALL, "number": position}])
    return len(numbered)


def _begin(connection: sa.Connection) -> None:
    """Add the row of the one counter, unless another transaction does at this moment."""
    kind = connection.dialect.name
    insert = inserting(EventCounter, kind).values(stream=ALL)
    if kind in {"postgresql", "sqlite"}:
        connection.execute(insert.on_conflict_do_nothing())
    else:
        connection.execute(insert.on_duplicate_key_update(stream=EventCounter.stream))


_OWN: Any = Event.__table__
_COUNTS: Any = EventCounter.__table__
_UNNUMBERED = _OWN.c.position.is_(None)
_ANY_LEFT = sa.select(sa.literal(1)).select_from(_OWN).where(_UNNUMBERED).limit(1)
_LEFT = (
    sa.select(_OWN.c.id, _OWN.c.organization_id)
    .where(_UNNUMBERED)
    .order_by(_OWN.c.id)
    .limit(_PIECE)
)
_LOCK = sa.select(_COUNTS.c.number).where(_COUNTS.c.stream == ALL).with_for_update()
_NEWEST = sa.select(_COUNTS.c.number).where(_COUNTS.c.stream == ALL)
_COUNTERS = sa.select(_COUNTS.c.stream, _COUNTS.c.number).where(
    _COUNTS.c.stream.in_(sa.bindparam("streams", expanding=True))
)
_NUMBERING = (
    sa.update(_OWN)
    .where(_OWN.c.id == sa.bindparam("row"))
    .values(position=sa.bindparam("position_"), sequence=sa.bindparam("sequence_"))
)


def page(session: Session, actor: Actor, query: EventQuery, *, limit: int) -> Sequence[Event]:
    """Return up to `limit` + 1 events; the one too many tells that there are more.

    Raises Invalid `event_reference_invalid`, `event_type_unknown`, `event_object_invalid`.
    """
    found = Event.visible(actor)
    if query.organization is not None:
        found = found.where(Event.organization_id == query.organization)
    if query.types:
        found = found.where(Event.type.in_(_matching(query.types)))
    if query.object is not None:
        found = found.where(_about(query.object))
    if query.domain is not None:
        found = found.where(Event.organization_domain_id == query.domain)
    if query.until is not None:
        found = found.where(Event.position <= query.until)
    if query.before is not None:
        found = found.where(Event.position < _position(query.before, "before"))
    if query.since is None:
        found = found.order_by(Event.position.desc())
    else:
        if query.since == NOW:
            return ()
        after = 0 if query.since == START else _position(query.since, "since")
        found = found.where(Event.position > after).order_by(Event.position)
    return session.scalars(found.limit(limit + 1)).all()


def get(session: Session, actor: Actor, reference: str) -> Event:
    """Return the event with that id. Raises NotFound `event_not_found`."""
    try:
        position = ids.parse(reference, Prefix.EVENT)
    except Invalid:
        position = 0
    query = Event.visible(actor).where(Event.position == position)
    row: Event | None = session.scalars(query).one_or_none()
    if row is None:
        raise NotFound("event_not_found", "There is no such event, or it was purged.")
    return row


def newest(session: Session, actor: Actor) -> str | None:
    """Return the id of the newest event that `actor` may see, None without any."""
    query = Event.visible(actor).with_only_columns(Event.position)
    position = session.scalars(query.order_by(Event.position.desc()).limit(1)).first()
    return None if position is None else ids.show(Prefix.EVENT, position)


def newest_position(session: Session) -> int:
    """Return the last number that was given; the session is the platform's."""
    return session.connection().execute(_NEWEST).scalar_one_or_none() or 0


def after(session: Session, position: int, limit: int) -> Sequence[Event]:
    """Return up to `limit` events of everybody after a position; the session is the platform's."""
    query = Event.visible(PLATFORM).where(Event.position > position)
    return session.scalars(query.order_by(Event.position).limit(limit)).all()


def _position(reference: str, name: str) -> int:
    try:
        return ids.parse(reference, Prefix.EVENT)
    except Invalid:
        also = ", or `start` or `now`" if name == "since" else ""
        detail = f"`{name}` takes the id of an event, `evt_` and 14 characters{also}."
        raise Invalid(
            "event_reference_invalid",
            detail,
            [Problem(f"query/{name}", "event_reference_invalid", detail)],
        ) from None


def _matching(wanted: Iterable[str]) -> list[str]:
    """Return the types that are asked for, `domain.*` being all of its kind."""
    found: set[str] = set()
    for one in wanted:
        kind = one.removesuffix(".*")
        fitting = {
            type_
            for type_, _, _ in event_types.types()
            if type_ == one or (kind != one and type_.partition(".")[0] == kind)
        }
        if not fitting:
            detail = (
                f"There are no events of the type {one}. docs/reference/events.md lists the types; "
                "`domain.*` means all of a kind."
            )
            problem = Problem("query/types", "event_type_unknown", detail)
            raise Invalid("event_type_unknown", detail, [problem])
        found |= fitting
    return sorted(found)


def _about(reference: str) -> sa.ColumnElement[bool]:
    kinds = {str(one): one for one in _OBJECTS}
    try:
        prefix = kinds[reference.partition("_")[0]]
        number_ = ids.parse(reference, prefix)
    except (KeyError, Invalid):
        detail = "`object` takes the id of an object, such as `dom_` and 14 characters."
        problem = Problem("query/object", "event_object_invalid", detail)
        raise Invalid("event_object_invalid", detail, [problem]) from None
    if prefix is Prefix.DOMAIN:
        return Event.organization_domain_id == number_
    return sa.and_(Event.object_type == _OBJECTS[prefix], Event.object_id == number_)


def tidy(sessions: Sessions, kept_for: timedelta) -> int:
    """Purge events that are too old, and return how many those were; number those that nobody has read.

    In small pieces, each a transaction of its own; what takes too long is left for the next time.
    """
    number(sessions)
    until = time.monotonic() + _TIDY_SECONDS
    total, purged = 0, _PIECE
    while purged == _PIECE and time.monotonic() < until:
        purged = sessions.run(PLATFORM, partial(_purge, kept_for=kept_for))
        total += purged
    return total


def _purge(session: Session, *, kept_for: timedelta) -> int:
    """Delete one piece of the oldest events that are older than that."""
    connection = session.connection()
    until = database_now(session) - kept_for
    old = [row.id for row in connection.execute(_OLDEST) if row.at < until]
    if old:
        connection.execute(_PURGING, {"ids": old})
    return len(old)


_OLDEST = sa.select(_OWN.c.id, _OWN.c.at).order_by(_OWN.c.id).limit(_PIECE)
_PURGING = sa.delete(_OWN).where(_OWN.c.id.in_(sa.bindparam("ids", expanding=True)))
