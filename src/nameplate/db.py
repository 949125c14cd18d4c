"""Engine, sessions with a tenant, leases and locks: the same on SQLite, PostgreSQL and MariaDB."""

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Unavailable
from nameplate.models.holdings import NameLock
from nameplate.models.orm import Model, UtcDateTime, Work, utc_now

T = TypeVar("T")
Row = TypeVar("Row", bound=Work)

DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "mysql": "mariadb+pymysql",
    "mariadb": "mariadb+pymysql",
}
"""The driver for each kind of database, whichever an address names."""

RESTED = 1.0
"""Seconds after which a pooled connection is tried before it is used again: the server may be new."""
RETRIES = 8
"""How often a transaction is run again that lost against another one."""


def address(url: str) -> sa.URL:
    """Parse the address of a database and settle its driver.

    Raises SQLAlchemy's `ArgumentError`, without the address and its password, when it is none.
    """
    try:
        parsed = sa.make_url(url)
        return parsed.set(drivername=DRIVERS[parsed.get_backend_name()])
    except (ValueError, KeyError, sa.exc.ArgumentError):
        raise sa.exc.ArgumentError("neither SQLite nor PostgreSQL nor MariaDB") from None


POSTGRESQL_OPTIONS = "-c timezone=UTC -c random_page_cost=1.1"
"""Every session's settings. PostgreSQL's own guess for a random read is that of a spinning disk; by
it the plan for all organizations of the next page of a list reads and sorts an organization's every
row (0.4 s for 100,000 domains) instead of walking fifty along the index."""


def engine(url: str, *, pool_size: int = 10) -> sa.Engine:
    """Create an engine with the settings that Nameplate relies on; connects lazily."""
    parsed = address(url)
    if parsed.drivername == "sqlite":
        made = sa.create_engine(
            parsed,
            connect_args={"timeout": 30, "isolation_level": None},
            hide_parameters=True,  # values may be secret, and errors are logged
        )
        event.listen(made, "connect", _sqlite_connect)
        event.listen(made, "begin", _sqlite_begin)
        return made
    options: dict[str, Any] = {
        "hide_parameters": True,
        "pool_size": pool_size,
        "max_overflow": 20,
    }
    if parsed.get_backend_name() == "postgresql":
        made = sa.create_engine(
            parsed, connect_args={"options": POSTGRESQL_OPTIONS, "connect_timeout": 10}, **options
        )
    else:
        made = sa.create_engine(
            parsed,
            isolation_level="READ COMMITTED",
            connect_args={"connect_timeout": 10, "charset": "utf8mb4"},
            **options,
        )
        event.listen(made, "connect", _mariadb_connect)
    _try_rested_connections(made)
    return made


def _try_rested_connections(made: sa.Engine) -> None:
    """Have a pooled connection tried before its use, as `pool_pre_ping`, but only after a rest."""

    @event.listens_for(made, "checkin")
    def used(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info["used_at"] = time.monotonic()

    @event.listens_for(made, "checkout")
    def taken(
        connection: DBAPIConnection, entry: ConnectionPoolEntry, _: PoolProxiedConnection
    ) -> None:
        if time.monotonic() - entry.info.get("used_at", math.inf) < RESTED:
            return
        try:
            made.dialect.do_ping(connection)
        except made.dialect.loaded_dbapi.Error as error:
            # Its contemporaries are replaced too, each before its next use.
            raise sa.exc.InvalidatePoolError from error


def _sqlite_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: sa.Connection) -> None:
    # A transaction that may write takes the write lock at once: upgrading later could only fail.
    reading = connection.get_execution_options().get("nameplate_read_only")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _mariadb_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("SET time_zone = '+00:00', innodb_lock_wait_timeout = 20")
    cursor.close()


class Sessions:
    """Transactions on behalf of an actor.

    A tenant's transaction sees and writes that tenant's rows only: row-level security does it on
    PostgreSQL, and a guard in the session on every database (security.md 4.1). The platform's
    transactions go through `system`, whose PostgreSQL role has BYPASSRLS.
    """

    def __init__(self, tenant: sa.Engine, system: sa.Engine | None = None) -> None:
        """Take the engine of the application role and, where there is one, of the system role."""
        self._tenant = tenant
        self._system = system or tenant

    @property
    def dialect(self) -> str:
        """`sqlite`, `postgresql` or `mariadb`."""
        return self._tenant.dialect.name

    @property
    def system_engine(self) -> sa.Engine:
        """The engine of the system role, for connections that are no sessions (NOTIFY)."""
        return self._system

    @contextmanager
    def begin(self, actor: Actor, *, read_only: bool = False, **options: str) -> Iterator[Session]:
        """Open one transaction for `actor`; commit at the end, roll back on any exception.

        `options` are those of a connection that only reads. Raises `Unavailable` with code `database_unavailable` when the database cannot be reached.
        """
        bind = self._system if actor.is_platform else self._tenant
        session = Session(bind, expire_on_commit=False, info={"actor": actor})
        try:
            with session.begin():
                if read_only:
                    session.connection(execution_options={"nameplate_read_only": True, **options})
                yield session
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
            if _lost_connection(error):
                raise Unavailable(
                    "database_unavailable", "the database cannot be reached; try again shortly"
                ) from error
            raise
        finally:
            session.close()

    def look(self) -> AbstractContextManager[Session]:
        """Open a session in which the platform reads a few rows, each statement for itself.

        On PostgreSQL that saves two trips to the server, BEGIN and COMMIT: in READ COMMITTED each
        statement sees what is committed by then, in a transaction or not.
        """
        options = {"isolation_level": "AUTOCOMMIT"} if self.dialect == "postgresql" else {}
        return self.begin(PLATFORM, read_only=True, **options)

    def run(self, actor: Actor, work: Callable[[Session], T]) -> T:
        """Run `work` in one transaction, again when it lost a deadlock or serialisation race."""
        for attempt in range(RETRIES):
            try:
                with self.begin(actor) as session:
                    return work(session)
            except sa.exc.OperationalError as error:
                if attempt == RETRIES - 1 or not _lost_race(error):
                    raise
            time.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    def dispose(self) -> None:
        """Close every pooled connection."""
        self._tenant.dispose()
        self._system.dispose()


def _lost_connection(error: sa.exc.DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return "unable to open" in str(error.orig)
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    state = getattr(error.orig, "sqlstate", None)
    refused = error.orig is not None and "connection" in str(error.orig).lower()
    return (
        error.connection_invalidated
        or code in {2002, 2003, 2006, 2013}
        or (state is None and refused and not isinstance(code, int))
        or (isinstance(state, str) and state[:2] in {"08", "57"})
    )


def _lost_race(error: sa.exc.DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return "locked" in str(error.orig)
    state = getattr(error.orig, "sqlstate", None)
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return state in {"40001", "40P01"} or code in {1205, 1213, 1020}


def database_now(session: Session) -> datetime:
    """Return the database's clock, the only one that all workers share."""
    clock = sa.select(sa.type_coerce(utc_now(), UtcDateTime))
    now: datetime = session.connection().execute(clock).scalar_one()
    return now


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
    tick = time.monotonic() if tick is None else tick
    now = now or database_now(session)
    find, take = _leasing(kind)  # type: ignore[arg-type]  # a class is hashable
    rows = session.connection().execute(find, {"now": now, "most": limit}).all()
    if not rows:
        return ()
    until = now + timedelta(seconds=seconds)
    ids = [row.id for row in rows]
    session.connection().execute(take, {"taken": ids, "until": until})
    return tuple(Lease(row.id, row.fence + 1, until, now, tick) for row in rows)


@cache
def _leasing(kind: type[Work]) -> tuple[sa.Select[Any], sa.Update]:
    """Return how due rows are found and taken: made once, for this is asked twenty times a second."""
    table = kind.__table__  # type: ignore[attr-defined]  # every mapped class has one
    now = sa.bindparam("now", type_=UtcDateTime())
    until = sa.bindparam("until", type_=UtcDateTime())
    find = (
        sa.select(table.c.id, table.c.fence)
        .where(
            table.c.next_action_at <= now,
            sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= now),
        )
        .order_by(table.c.next_action_at)
        .limit(sa.bindparam("most", type_=sa.Integer()))
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
    return find, take


def due(session: Session, kinds: tuple[type[Work], ...]) -> tuple[datetime, set[type[Work]]]:
    """Return the database's clock, and which of `kinds` have a row that is due, in one statement."""
    now, *found = session.connection().execute(_look(kinds)).one()
    return now, {kind for kind, there in zip(kinds, found, strict=True) if there}


@cache
def _look(kinds: tuple[type[Work], ...]) -> sa.Executable:
    clock = sa.type_coerce(utc_now(), UtcDateTime)
    asked: list[Any] = [sa.exists().where(kind.next_action_at <= clock) for kind in kinds]
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
    row.fence += 1
    row.lease_until = row.next_action_at = until
    session.flush()
    return Lease(row_id, row.fence, until, now, time.monotonic())


def seen(session: Session, kind: type[Row], lease: Lease) -> Row | None:
    """Return the row as it is now, unlocked, or None when a newer owner has it."""
    return _fenced(session, kind, lease, lock=False)


def held(session: Session, kind: type[Row], lease: Lease) -> Row | None:
    """Return the row locked for this transaction, or None when a newer owner has it."""
    return _fenced(session, kind, lease, lock=True)


def _fenced(session: Session, kind: type[Row], lease: Lease, *, lock: bool) -> Row | None:
    query = _by_id(kind, lock=lock)  # type: ignore[arg-type]  # a class is hashable
    again = {"populate_existing": True}
    row: Row | None = session.scalar(query, {"id": lease.id}, execution_options=again)
    return row if row is not None and row.fence == lease.fence else None


@cache
def _by_id(kind: Any, *, lock: bool) -> sa.Select[Any]:  # noqa: ANN401 - a mapped class
    """Return the query for one row: made once, for every step of every worker asks it."""
    query = sa.select(kind).where(kind.id == sa.bindparam("id"))
    return query.with_for_update(key_share=True) if lock else query


def lock_name(session: Session, base: str) -> None:
    """Lock the row of the registrable domain `base` until the end of the transaction.

    Whoever decides about a name below `base` holds this lock, so that parent and child cannot be
    taken at the same time (security.md, finding 2).
    """
    connection = session.connection()
    kind = connection.dialect.name
    if kind == "postgresql":
        insert: sa.Insert = postgresql.insert(NameLock).on_conflict_do_nothing()
    elif kind == "sqlite":
        insert = sa.insert(NameLock).prefix_with("OR IGNORE")
    else:
        # Takes the exclusive lock at once: IGNORE takes a shared one, and two of those deadlock.
        insert = mysql.insert(NameLock).on_duplicate_key_update(base=NameLock.base)
    connection.execute(insert.values(base=base))
    connection.execute(sa.select(NameLock.base).where(NameLock.base == base).with_for_update())


def upsert(session: Session, kind: type[Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, over those with the same primary key; in a platform's transaction."""
    connection = session.connection()
    connection.execute(_upserting(kind, connection.dialect.name), rows)


@cache
def _upserting(kind: Any, dialect: str) -> Any:  # noqa: ANN401 - a mapped class
    table: sa.Table = kind.__table__
    others = [column.name for column in table.columns if not column.primary_key]
    if dialect in {"mysql", "mariadb"}:
        over: Any = mysql.insert(table)
        return over.on_duplicate_key_update({name: over.inserted[name] for name in others})
    onto = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    return onto.on_conflict_do_update(
        index_elements=list(table.primary_key), set_={name: onto.excluded[name] for name in others}
    )


def listen(
    sessions: Sessions, channel: str, hear: Callable[[], None], stopping: threading.Event
) -> None:
    """Call `hear` at each notification on `channel`, until `stopping` or a broken connection.

    PostgreSQL only. `hear` is called once at the start, for what was announced before anybody
    listened. Raises what the driver raises when the connection breaks.
    """
    connection = sessions.system_engine.raw_connection()
    driver: Any = connection.driver_connection
    connection.detach()  # a listening connection must not go back into the pool
    try:
        driver.autocommit = True
        driver.execute(f"LISTEN {channel}")
        hear()
        while not stopping.is_set():
            for _ in driver.notifies(timeout=1.0, stop_after=1):
                hear()
    finally:
        driver.close()
