"""Leases: one row for one worker for a while, under a number that grows (its fence)."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.db import database_now
from nameplate.models import Domain, Organization
from nameplate.models.orm import UtcDateTime, Work, utc_now

Row = TypeVar("Row", bound=Work)


@dataclass(frozen=True, slots=True)
class Lease:
    """One row that one worker has for itself until `until`, under the number `fence`."""

    id: int
    fence: int
    until: datetime
    taken_at: datetime
    """The database's clock when the lease began."""
    taken_on: float
    """This process's monotonic clock at that moment."""

    def now(self) -> datetime:
        """Return the database's time, carried on by the monotonic clock: no wall clock is asked."""
        return self.taken_at + timedelta(seconds=time.monotonic() - self.taken_on)

    def is_half_over(self) -> bool:
        """Tell whether a step that begins now might not end within the lease."""
        return self.now() - self.taken_at > (self.until - self.taken_at) / 2


def lease(
    session: Session,
    kind: type[Row],
    *,
    limit: int,
    seconds: float,
    now: datetime | None = None,
    tick: float | None = None,
) -> Sequence[Lease]:
    """Lease up to `limit` due rows of `kind` for `seconds`, oldest first; the caller commits.

    Rows that another worker has are passed over, not waited for. A leased row is due again when the
    lease ends, so that a worker that dies loses nothing; an earlier `next_action_at` therefore tells
    that somebody woke the row meanwhile. `now` is the database's clock where the caller has read it
    already, and `tick` this process's monotonic clock just before: a lease's clock is rather ahead
    than behind.
    """
    now = now or database_now(session)
    find = _finding(kind)  # type: ignore[arg-type]  # a class is hashable
    ids = session.connection().scalars(find, {"now": now, "most": limit}).all()
    return lease_rows(session, kind, ids, seconds=seconds, now=now, tick=tick)


def lease_rows(
    session: Session,
    kind: type[Work],
    ids: Sequence[int],
    *,
    seconds: float,
    now: datetime,
    tick: float | None = None,
) -> Sequence[Lease]:
    """Lease those of these rows that are due still and that nobody has, in the order given."""
    if not ids:
        return ()
    tick = time.monotonic() if tick is None else tick
    lock, take = _leasing(kind)  # type: ignore[arg-type]  # a class is hashable
    locked = session.connection().execute(lock, {"now": now, "wanted": list(ids)}).all()
    if not locked:
        return ()
    until = now + timedelta(seconds=seconds)
    fences = {row.id: row.fence for row in locked}
    session.connection().execute(take, {"taken": list(fences), "until": until})
    if kind is Domain and (overrun := [row.id for row in locked if row.lease_until is not None]):
        noted = sa.update(Domain).where(Domain.id.in_(overrun)).values(overrun_at=now)
        session.execute(noted, execution_options={"synchronize_session": False})
    return tuple(Lease(i, fences[i] + 1, until, now, tick) for i in ids if i in fences)


@dataclass(frozen=True, slots=True)
class DueRow:
    """A due row that nobody has, as far as it matters for whose turn it is."""

    id: int
    organization_id: int | None
    due_at: datetime
    dns_account_id: int | None
    """The account at a provider that the step will speak with, where the row names one."""
    waits_for: str | None = None
    """What the last step waited for."""


_MAX_URGENT = 200
_MAX_OF_EACH = 1000
EACH = 4
"""How many of each organization are looked at when there are more than are chosen from."""


def urgent(session: Session, kind: type[Work]) -> Sequence[DueRow]:
    """Return the due rows that take something out of service, oldest first."""
    return _due_rows(session, _looking(kind, "urgent"), _MAX_URGENT)  # type: ignore[arg-type]  # a class is hashable


def oldest(
    session: Session, kind: type[Work], most: int, methods: Collection[str] | None = None
) -> Sequence[DueRow]:
    """Return up to `most` due rows, oldest first; of verifications those by one of `methods`."""
    by = methods is not None
    return _due_rows(session, _looking(kind, "oldest", by_method=by), most, methods)  # type: ignore[arg-type]  # a class is hashable


def some_of_each(
    session: Session, kind: type[Work], methods: Collection[str] | None = None
) -> Sequence[DueRow]:
    """Return the oldest due rows of each organization: reads everything that is due."""
    by = methods is not None
    return _due_rows(session, _looking(kind, "each", by_method=by), _MAX_OF_EACH, methods)  # type: ignore[arg-type]  # a class is hashable


def _due_rows(
    session: Session, query: sa.Select[Any], most: int, methods: Collection[str] | None = None
) -> Sequence[DueRow]:
    given = {"most": most} | ({} if methods is None else {"methods": sorted(methods)})
    return [DueRow(*row) for row in session.connection().execute(query, given)]


@cache
def _looking(kind: Any, which: str, *, by_method: bool = False) -> sa.Select[Any]:  # noqa: ANN401 - a mapped class
    own = kind.__table__.c
    clock = sa.type_coerce(utc_now(), UtcDateTime)
    most = sa.bindparam("most", type_=sa.Integer())
    account = own.dns_account_id if "dns_account_id" in own else sa.null()
    columns = (
        own.id, own.organization_id, own.next_action_at, account.label("dns_account_id"),
        own.waits_for,
    )  # fmt: skip
    due: tuple[Any, ...] = (
        own.next_action_at <= clock,
        own.lease_until.is_(None) | (own.lease_until <= clock),
    )
    if by_method:
        due = (*due, own.verification_method.in_(sa.bindparam("methods", expanding=True)))
    if which == "each":
        place = sa.func.row_number().over(
            partition_by=own.organization_id, order_by=own.next_action_at
        )
        ranked = sa.select(*columns, place.label("place")).where(*due).subquery().c
        return (
            sa.select(
                ranked.id,
                ranked.organization_id,
                ranked.next_action_at,
                ranked.dns_account_id,
                ranked.waits_for,
            )
            .where(ranked.place <= EACH)
            .order_by(ranked.place)
            .limit(most)
        )
    if which == "urgent":
        due = (*due, own.urgency == 1)
    return sa.select(*columns).where(*due).order_by(own.next_action_at).limit(most)


@cache
def _finding(kind: type[Work]) -> sa.Select[Any]:
    table = kind.__table__  # type: ignore[attr-defined]  # every mapped class has one
    return (
        sa.select(table.c.id)
        .where(*_free(table))
        .order_by(table.c.next_action_at)
        .limit(sa.bindparam("most", type_=sa.Integer()))
        .with_for_update(skip_locked=True, key_share=True)
    )


def _free(table: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
    now = sa.bindparam("now", type_=UtcDateTime())
    free = sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= now)
    return table.c.next_action_at <= now, free


@cache
def _leasing(kind: type[Work]) -> tuple[sa.Select[Any], sa.Update]:
    """Return how rows are locked and taken: made once, for this is asked twenty times a second."""
    table = kind.__table__  # type: ignore[attr-defined]  # every mapped class has one
    until = sa.bindparam("until", type_=UtcDateTime())
    lock = (
        sa.select(table.c.id, table.c.fence, table.c.lease_until)
        .where(table.c.id.in_(sa.bindparam("wanted", expanding=True)), *_free(table))
        .order_by(table.c.id)
        .with_for_update(skip_locked=True, key_share=True)
    )
    take = (
        sa.update(table)
        .where(table.c.id.in_(sa.bindparam("taken", expanding=True)))
        .values(
            fence=table.c.fence + 1,
            lease_until=until,
            next_action_at=until,
            updated_at=table.c.updated_at,
        )
    )
    return lock, take


def due(
    session: Session, kinds: tuple[type[Work], ...]
) -> tuple[datetime, set[type[Work]], set[type[Work]]]:
    """Return the database's clock, which of `kinds` have due rows, and which have urgent ones."""
    now, *found = session.connection().execute(_look(kinds)).one()
    there = {kind for kind, one in zip(kinds, found, strict=False) if one}
    return now, there, {k for k, one in zip(kinds, found[len(kinds) :], strict=True) if one}


@cache
def _look(kinds: tuple[type[Work], ...]) -> sa.Executable:
    clock = sa.type_coerce(utc_now(), UtcDateTime)
    asked: list[Any] = [sa.exists().where(kind.next_action_at <= clock) for kind in kinds]
    asked += [sa.exists().where(k.urgency == 1, k.next_action_at <= clock) for k in kinds]
    return sa.select(clock, *asked)


def lease_one(session: Session, kind: type[Row], row_id: int, *, seconds: float) -> Lease | None:
    """Lease one row for `seconds`, due or not, or return None when another owner has it.

    The caller commits. Raises nothing for a row that is not there: None too.
    """
    now = database_now(session)
    row = session.get(kind, row_id, with_for_update={"key_share": True}, populate_existing=True)
    if row is None or (row.lease_until is not None and row.lease_until > now):
        return None
    until = now + timedelta(seconds=seconds)
    if isinstance(row, Domain) and row.lease_until is not None:
        row.overrun_at = now
    row.fence += 1
    row.lease_until = row.next_action_at = until
    session.flush()
    return Lease(row_id, row.fence, until, now, time.monotonic())


def seen(session: Session, kind: type[Row], lease: Lease) -> Row | None:
    """Return the row as it is now, unlocked, or None when a newer owner has it."""
    return _fenced(session, kind, lease, lock=False)


def held(session: Session, kind: type[Row], lease: Lease) -> Row | None:
    """Return the row locked for this transaction, or None when a newer owner has it.

    Its organization and its domain are locked before it, as in every transaction that locks several.
    """
    lock_above(session, kind, lease.id)
    return _fenced(session, kind, lease, lock=True)


def _fenced(session: Session, kind: type[Row], lease: Lease, *, lock: bool) -> Row | None:
    query = _by_id(kind, lock=lock)  # type: ignore[arg-type]  # a class is hashable
    again = {"populate_existing": True}
    row: Row | None = session.scalar(query, {"id": lease.id}, execution_options=again)
    return row if row is not None and row.fence == lease.fence else None


def lock_above(session: Session, kind: type[Work], row_id: int) -> None:
    """Lock what a row belongs to until the end of the transaction: its organization, then its domain.

    The organization is shared with every other step, so that only its removal is kept out. SQLite
    has one writer at a time.
    """
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return
    for query in _above(kind, connection.dialect.name):  # type: ignore[arg-type]  # a class is hashable
        connection.execute(query, {"id": row_id})


@cache
def _above(kind: Any, dialect: str) -> tuple[sa.Select[Any], ...]:  # noqa: ANN401 - a mapped class
    own = kind.__table__.c
    found: list[sa.Select[Any]] = []
    for parent, column, shared in (
        (Organization, "organization_id", True),
        (Domain, "organization_domain_id", False),
    ):
        if column in own:
            of_row = sa.select(own[column]).where(own.id == sa.bindparam("id")).scalar_subquery()
            above: Any = parent.__table__
            query = sa.select(above.c.id).where(above.c.id == of_row)
            found.append(query.with_for_update(read=shared, key_share=True))
    if dialect == "postgresql" and len(found) > 1:
        # One round trip: what a condition needs is locked before the rows that it is asked about.
        organization, domain = found
        first = organization.cte("organization")
        asked = sa.select(sa.func.count()).select_from(first).scalar_subquery()
        return (domain.where(asked >= 0),)
    return tuple(found)


def write(
    session: Session, kind: type[Work], lease: Lease, change: sa.Update, values: Mapping[str, Any]
) -> bool:
    """Change the leased row without reading it, and renew the lease from now on.

    `change` is a statement made once; `values` are its parameters. Tells whether the lease holds:
    otherwise nothing was written. Somebody who woke the row meanwhile is not forgotten.
    """
    statement = _fenced_change(kind, change)  # type: ignore[arg-type]  # a class is hashable
    until = lease.now() + (lease.until - lease.taken_at)
    own = {"row": lease.id, "fenced": lease.fence, "until": until}
    return session.connection().execute(statement, {**own, **values}).rowcount == 1


@cache
def _fenced_change(kind: Any, change: sa.Update) -> sa.Update:  # noqa: ANN401 - a mapped class
    columns = kind.__table__.c
    until = sa.bindparam("until", type_=UtcDateTime())
    woken = sa.func.nullif(columns.next_action_at, columns.lease_until)
    return change.where(
        columns.id == sa.bindparam("row"), columns.fence == sa.bindparam("fenced")
    ).values(lease_until=until, next_action_at=sa.func.coalesce(woken, until))


@cache
def _by_id(kind: Any, *, lock: bool) -> sa.Select[Any]:  # noqa: ANN401 - a mapped class
    """Return the query for one row: made once, for every step of every worker asks it."""
    query = sa.select(kind).where(kind.id == sa.bindparam("id"))
    return query.with_for_update(key_share=True) if lock else query
