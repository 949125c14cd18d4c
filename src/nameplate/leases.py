"""Leases: one row for one worker for a while, under a number that grows (its fence)."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.db import database_now
from nameplate.models import Domain, Organization
from nameplate.models.orm import BigId, UtcDateTime, Work, among, utc_now

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
    until = now + timedelta(seconds=seconds)
    fences, overrun = _taken(session, kind, ids, now, until)
    if kind is Domain and overrun:
        noted = sa.update(Domain).where(Domain.id.in_(overrun)).values(overrun_at=now)
        session.execute(noted, execution_options={"synchronize_session": False})
    return tuple(Lease(i, fences[i], until, now, tick) for i in ids if i in fences)


def _taken(
    session: Session, kind: type[Work], ids: Sequence[int], now: datetime, until: datetime
) -> tuple[dict[int, int], list[int]]:
    """Take rows; return their new fences by id, and those of whom a lease ran out."""
    connection = session.connection()
    wanted = {"wanted": list(ids), "now": now}
    if connection.dialect.name == "postgresql":
        take_all = _leasing_at_once(kind)  # type: ignore[arg-type]  # a class is hashable
        rows = connection.execute(take_all, {**wanted, "until": until}).all()
        return {row[0]: row[1] for row in rows}, [row[0] for row in rows if row[2] is not None]
    lock, take = _leasing(kind)  # type: ignore[arg-type]  # a class is hashable
    rows = connection.execute(lock, wanted).all()
    if rows:
        connection.execute(take, {"taken": [row[0] for row in rows], "until": until})
    return {row[0]: row[1] + 1 for row in rows}, [row[0] for row in rows if row[2] is not None]


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


class Window(NamedTuple):
    """Of which rows the oldest are looked for."""

    kind: type[Work]
    most: int
    methods: tuple[str, ...] | None = None
    """Of verifications, those by one of these methods."""
    urgent: bool = True
    """Urgent rows of the kind are looked for too, by whatever method."""


@dataclass(frozen=True, slots=True)
class DueWork:
    """What is due and nobody has."""

    now: datetime
    """The database's clock."""
    oldest: Mapping[Window, Sequence[DueRow]]
    urgent: Mapping[type[Work], Sequence[DueRow]]
    """Those that take something out of service; they may be among the oldest too."""


def due(session: Session, windows: tuple[Window, ...]) -> DueWork:
    """Return the database's clock and the rows that are due, the oldest of each window first."""
    rows: dict[Window, list[DueRow]] = {}
    urgent: dict[type[Work], list[DueRow]] = {}
    (_, now, *_), *found = session.connection().execute(_look(windows)).all()
    for place, due_at, *columns in found:
        window = windows[abs(place) - 1]
        id_, organization, account, waits_for = columns
        row = DueRow(id_, organization, due_at, account, waits_for)
        there = rows.setdefault(window, []) if place > 0 else urgent.setdefault(window.kind, [])
        there.append(row)
    for of_kind in (*rows.values(), *urgent.values()):
        of_kind.sort(key=lambda one: one.due_at)
    return DueWork(now, rows, urgent)


@cache
def _look(windows: tuple[Window, ...]) -> sa.Executable:
    """Return one statement for everything: it is asked several times a second.

    Its first row is the clock; urgent rows of a kind carry its place below zero.
    """
    clock = sa.type_coerce(utc_now(), UtcDateTime)
    nothing = sa.cast(sa.null(), BigId)
    text = sa.cast(sa.null(), sa.String(80))
    parts: list[Any] = [sa.select(sa.literal_column("0"), clock, nothing, nothing, nothing, text)]
    for place, window in enumerate(windows, 1):
        own: Any = window.kind.__table__.c  # type: ignore[attr-defined]  # every mapped class has one
        account = own.dns_account_id if "dns_account_id" in own else nothing
        columns = (own.next_action_at, own.id, own.organization_id, account, own.waits_for)
        free = _free(own, clock)
        asked = [(1, window.most, (*free, *_by(own, window.methods)))]
        asked += [(-1, _MAX_URGENT, (*free, own.urgency == 1))] if window.urgent else []
        for sign, limit, where in asked:
            number: Any = sa.literal_column(str(sign * place)).label("place")
            query = sa.select(number, *columns).where(*where).order_by(own.next_action_at)
            parts.append(sa.select(*query.limit(sa.literal_column(str(limit))).subquery().c))
    return sa.union_all(*parts)


def _by(own: Any, methods: tuple[str, ...] | None) -> tuple[sa.ColumnElement[bool], ...]:  # noqa: ANN401 - columns
    return () if methods is None else (own.verification_method.in_(methods),)


def oldest(
    session: Session, kind: type[Work], most: int, methods: tuple[str, ...] | None = None
) -> Sequence[DueRow]:
    """Return up to `most` due rows, oldest first; of verifications those by one of `methods`."""
    query = _oldest(kind, methods)  # type: ignore[arg-type]  # a class is hashable
    return [DueRow(*row) for row in session.connection().execute(query, {"most": most})]


@cache
def _oldest(kind: Any, methods: tuple[str, ...] | None) -> sa.Select[Any]:  # noqa: ANN401 - a mapped class
    own = kind.__table__.c
    where = (*_free(own, sa.type_coerce(utc_now(), UtcDateTime)), *_by(own, methods))
    most = sa.bindparam("most", type_=sa.Integer())
    return sa.select(*_shown(own)).where(*where).order_by(own.next_action_at).limit(most)


def _shown(own: Any) -> tuple[sa.ColumnElement[Any], ...]:  # noqa: ANN401 - columns
    account = own.dns_account_id if "dns_account_id" in own else sa.null()
    return (
        own.id, own.organization_id, own.next_action_at, account.label("dns_account_id"),
        own.waits_for,
    )  # fmt: skip


def some_of_each(
    session: Session, kind: type[Work], methods: tuple[str, ...] | None = None
) -> Sequence[DueRow]:
    """Return the oldest due rows of each organization: reads everything that is due."""
    query = _of_each(kind, methods)  # type: ignore[arg-type]  # a class is hashable
    rows: Any = session.connection().execute(query, {"most": _MAX_OF_EACH})
    return [DueRow(*row) for row in rows]


@cache
def _of_each(kind: Any, methods: tuple[str, ...] | None) -> sa.Select[Any]:  # noqa: ANN401 - a mapped class
    own = kind.__table__.c
    place = sa.func.row_number().over(partition_by=own.organization_id, order_by=own.next_action_at)
    free = _free(own, sa.type_coerce(utc_now(), UtcDateTime))
    ranked = (
        sa.select(*_shown(own), place.label("place")).where(*free, *_by(own, methods)).subquery().c
    )
    most = sa.bindparam("most", type_=sa.Integer())
    columns = [one for one in ranked if one.key != "place"]
    return sa.select(*columns).where(ranked.place <= EACH).order_by(ranked.place).limit(most)


@cache
def _finding(kind: type[Work]) -> sa.Select[Any]:
    table = kind.__table__  # type: ignore[attr-defined]  # every mapped class has one
    return (
        sa.select(table.c.id)
        .where(*_free(table.c, _NOW))
        .order_by(table.c.next_action_at)
        .limit(sa.bindparam("most", type_=sa.Integer()))
        .with_for_update(skip_locked=True, key_share=True)
    )


_NOW: sa.BindParameter[datetime] = sa.bindparam("now", type_=UtcDateTime)


def _free(own: Any, now: Any) -> tuple[sa.ColumnElement[bool], ...]:  # noqa: ANN401 - columns and an expression
    """Return what is true of rows that are due at `now` and that nobody has."""
    return own.next_action_at <= now, sa.or_(own.lease_until.is_(None), own.lease_until <= now)


@cache
def _leasing(kind: Any) -> tuple[sa.Select[Any], sa.Update]:  # noqa: ANN401 - a mapped class
    """Return how rows are locked and taken: made once, for this is asked twenty times a second."""
    table = kind.__table__
    until = sa.bindparam("until", type_=UtcDateTime)
    lock = (
        sa.select(table.c.id, table.c.fence, table.c.lease_until)
        .where(among(table.c.id, "wanted"), *_free(table.c, _NOW))
        .order_by(table.c.id)
        .with_for_update(skip_locked=True, key_share=True)
    )
    take = sa.update(table).values(
        fence=table.c.fence + 1,
        lease_until=until,
        next_action_at=until,
        updated_at=table.c.updated_at,
    )
    return lock, take.where(among(table.c.id, "taken"))


@cache
def _leasing_at_once(kind: Any) -> Any:  # noqa: ANN401 - a mapped class, a statement
    """Return the same as one statement, for a database that can."""
    table, until = kind.__table__, sa.bindparam("until", type_=UtcDateTime)
    locked = _leasing(kind)[0].cte("locked")
    take = sa.update(table).where(table.c.id == locked.c.id)
    return take.values(
        fence=table.c.fence + 1,
        lease_until=until,
        next_action_at=until,
        updated_at=table.c.updated_at,
    ).returning(table.c.id, table.c.fence, locked.c.lease_until)


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
    query = _by_id(kind, lock=False)  # type: ignore[arg-type]  # a class is hashable
    found: Row | None = _fenced(session, lease, query)
    return found


def current(session: Session, kind: type[Work], leases: Sequence[Lease]) -> list[Lease]:
    """Return those of the leases whose rows nobody else has taken meanwhile."""
    table = kind.__table__.c  # type: ignore[attr-defined]  # every mapped class has one
    query = sa.select(table.id, table.fence).where(table.id.in_([one.id for one in leases]))
    fences = {row.id: row.fence for row in session.connection().execute(query)} if leases else {}
    return [one for one in leases if fences.get(one.id) == one.fence]


def held(session: Session, kind: type[Row], lease: Lease) -> Row | None:
    """Return the row locked for this transaction, or None when a newer owner has it.

    Its organization and its domain are locked before it, as in every transaction that locks several.
    """
    if session.connection().dialect.name == "postgresql":
        query = _held_at_once(kind)  # type: ignore[arg-type]  # a class is hashable
    else:
        lock_above(session, kind, lease.id)
        query = _by_id(kind, lock=True)  # type: ignore[arg-type]  # a class is hashable
    found: Row | None = _fenced(session, lease, query)
    return found


def held_together(
    session: Session, kind: type[Row], leases: Sequence[Lease]
) -> list[tuple[Lease, Row]]:
    """Return those of the rows that nobody else has taken meanwhile, locked as by `held`."""
    ids = [lease.id for lease in leases]
    if session.connection().dialect.name != "sqlite":
        for query in _above_many(kind):  # type: ignore[arg-type]  # a class is hashable
            session.connection().execute(query, {"ids": ids}).all()
    return _fenced_many(session, _many(kind, lock=True), leases)  # type: ignore[arg-type]  # a class is hashable


def seen_together(
    session: Session, kind: type[Row], leases: Sequence[Lease]
) -> list[tuple[Lease, Row]]:
    """Return those of the rows that nobody else has taken meanwhile, unlocked, in one statement."""
    return _fenced_many(session, _many(kind, lock=False), leases)  # type: ignore[arg-type]  # a class is hashable


def _fenced_many(
    session: Session, query: sa.Select[Any], leases: Sequence[Lease]
) -> list[tuple[Lease, Any]]:
    given = {"ids": [lease.id for lease in leases]}
    found = session.scalars(query, given, execution_options={"populate_existing": True})
    rows = {row.id: row for row in found}
    return [
        (one, rows[one.id]) for one in leases if one.id in rows and rows[one.id].fence == one.fence
    ]


@cache
def _many(kind: Any, *, lock: bool) -> sa.Select[Any]:  # noqa: ANN401 - a mapped class
    query = sa.select(kind).where(among(kind.id, "ids")).order_by(kind.id)
    return query.with_for_update(key_share=True) if lock else query


@cache
def _above_many(kind: Any) -> tuple[sa.Select[Any], ...]:  # noqa: ANN401 - a mapped class
    own = kind.__table__.c
    rows = among(own.id, "ids")
    found: list[sa.Select[Any]] = []
    for parent, column, shared in _PARENTS:
        if column in own:
            above: Any = parent.__table__
            query = sa.select(above.c.id).where(above.c.id.in_(sa.select(own[column]).where(rows)))
            found.append(query.order_by(above.c.id).with_for_update(read=shared, key_share=True))
    return tuple(found)


def _fenced(session: Session, lease: Lease, query: sa.Select[Any]) -> Any:  # noqa: ANN401 - the row of the query
    again = {"populate_existing": True}
    row = session.scalar(query, {"id": lease.id}, execution_options=again)
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


_PARENTS = ((Organization, "organization_id", True), (Domain, "organization_domain_id", False))
"""What rows belong to, in the order of locks, and whether others may share the lock."""


@cache
def _above(kind: Any, dialect: str) -> tuple[sa.Select[Any], ...]:  # noqa: ANN401 - a mapped class
    own = kind.__table__.c
    found: list[sa.Select[Any]] = []
    for parent, column, shared in _PARENTS:
        if column in own:
            of_row = sa.select(own[column]).where(own.id == sa.bindparam("id")).scalar_subquery()
            above: Any = parent.__table__
            query = sa.select(above.c.id).where(above.c.id == of_row)
            found.append(query.with_for_update(read=shared, key_share=True))
    if dialect == "postgresql" and len(found) > 1:
        # One round trip: what a condition needs is locked before the rows that it is asked about.
        organization, domain = found
        return (_after(organization, domain, "organization"),)
    return tuple(found)


def _after(first: sa.Select[Any], then: sa.Select[Any], name: str) -> sa.Select[Any]:
    """Return `then`, asked after the rows of `first` were locked."""
    rows = sa.select(sa.func.count()).select_from(first.cte(name)).scalar_subquery()
    return then.where(rows >= 0)


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
    until = sa.bindparam("until", type_=UtcDateTime)
    woken = sa.func.nullif(columns.next_action_at, columns.lease_until)
    return change.where(
        columns.id == sa.bindparam("row"), columns.fence == sa.bindparam("fenced")
    ).values(lease_until=until, next_action_at=sa.func.coalesce(woken, until))


@cache
def _held_at_once(kind: Any) -> sa.Select[Any]:  # noqa: ANN401 - a mapped class
    """Return the same as `lock_above` and `_by_id` as one statement, for a database that can."""
    query = _by_id(kind, lock=True)
    for above in _above(kind, "postgresql"):
        query = _after(above, query, "above")
    return query


@cache
def _by_id(kind: Any, *, lock: bool) -> sa.Select[Any]:  # noqa: ANN401 - a mapped class
    """Return the query for one row: made once, for every step of every worker asks it."""
    query = sa.select(kind).where(kind.id == sa.bindparam("id"))
    return query.with_for_update(key_share=True) if lock else query
