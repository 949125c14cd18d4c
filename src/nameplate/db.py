"""Engine, sessions with a tenant, leases and locks: the same on SQLite, PostgreSQL and MariaDB."""

import importlib
import math
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, TypeVarTuple

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, Unavailable
from nameplate.database_errors import lasting
from nameplate.models import postgresql
from nameplate.models.holdings import NameLock
from nameplate.models.orm import Model, UtcDateTime, utc_now
from nameplate.models.tenancy import CLOCK

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

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

    Raises `Invalid`, without the address and its password, when it is none.
    """
    try:
        parsed = sa.make_url(url)
        return parsed.set(drivername=DRIVERS[parsed.get_backend_name()])
    except (ValueError, KeyError, sa.exc.ArgumentError):
        # The message of the original would repeat the address and the password in it.
        raise Invalid(
            "database_url_invalid",
            "Not a database address. Expected sqlite:///FILE, "
            "postgresql://USER:PASSWORD@HOST/NAME or mariadb://USER:PASSWORD@HOST/NAME.",
        ) from None


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
            # A connection knows the statistics of the moment it was made; one in memory is all there is.
            pool_recycle=-1 if parsed.database in {None, "", ":memory:"} else 3600,
        )
        event.listen(made, "do_connect", _sqlite_private)
        event.listen(made, "connect", _sqlite_connect)
        event.listen(made, "begin", _sqlite_begin)
        return made
    options: dict[str, Any] = {
        "hide_parameters": True,
        "pool_size": pool_size,
        "max_overflow": 20,
        "pool_use_lifo": True,  # each plans every statement for itself: few are used
    }
    if parsed.get_backend_name() == "postgresql":
        made = sa.create_engine(parsed, connect_args=_postgresql_arguments(), **options)
        event.listen(made, "connect", _postgresql_connect)
        event.listen(made, "begin", postgresql.begin)
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


def _postgresql_arguments() -> Mapping[str, Any]:
    lazy = importlib.import_module("nameplate.database_cursors").LazyCursor
    return {"options": POSTGRESQL_OPTIONS, "connect_timeout": 10, "cursor_factory": lazy}


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


def _sqlite_private(
    _dialect: object, _entry: object, given: Sequence[Any], _options: object
) -> None:
    """Make a file that is not there yet so that nobody but its owner reads it."""
    path = str(given[0]) if given else ""
    if not path.startswith(("file:", ":")):
        with suppress(OSError):  # it is there, or SQLite says what is wrong
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


def _sqlite_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Half a megabyte of pages, not two: every thread has a connection, and the system keeps the file.
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL", "cache_size=-512"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: sa.Connection) -> None:
    # A transaction that may write takes the write lock at once: upgrading later could only fail.
    reading = connection.get_execution_options().get("nameplate_read_only")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _postgresql_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # A worker has more statements than the driver keeps by itself, and would plan each again and again.
    driver: Any = connection
    driver.prepared_max = 500
    driver.autocommit = True  # transactions are begun by `postgresql.begin`


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
        """Use the engine of the application role and, if there is one, of the system role."""
        self._tenant = tenant
        self._system = system or tenant
        self._asked = self._system.execution_options(nameplate_read_only=True, **self._each)

    @property
    def dialect(self) -> str:
        """`sqlite`, `postgresql` or `mariadb`."""
        return self._tenant.dialect.name

    @property
    def tenant_engine(self) -> sa.Engine:
        """The engine of the application role."""
        return self._tenant

    @property
    def system_engine(self) -> sa.Engine:
        """The engine of the system role, for connections that are no sessions (NOTIFY)."""
        return self._system

    def begin(self, actor: Actor, *, read_only: bool = False) -> AbstractContextManager[Session]:
        """Open one transaction for `actor`; commit at the end, roll back on any exception.

        Raises `Unavailable` with code `database_unavailable` when the database cannot be reached, and
        with a code of its own when its schema, the login or a permission is not as needed; `Conflict`
        ("conflict") when another transaction made the same object a moment before.
        """
        options = {"nameplate_read_only": True} if read_only else {}
        return self._open(actor, options if actor.is_platform else options | self._told)

    @contextmanager
    def _open(self, actor: Actor, options: Mapping[str, Any]) -> Iterator[Session]:
        bind = self._system if actor.is_platform else self._tenant
        with _explained():
            session = Session(
                bind, expire_on_commit=False, info={"actor": actor, "system": self._system}
            )
            try:
                with session.begin():
                    if options:
                        session.connection(execution_options=options)
                    yield session
            finally:
                session.close()

    def first(self, statement: sa.Select[*Ts], given: Mapping[str, Any]) -> sa.Row[*Ts] | None:
        """Return the first row of one statement, which the platform asks by itself.

        Raises as `begin` does.
        """
        with _explained(), self._asked.connect() as connection:
            return connection.execute(statement, given).first()

    def look(self) -> AbstractContextManager[Session]:
        """Open a session in which the platform reads a few rows, each statement for itself.

        On PostgreSQL that saves two trips to the server, BEGIN and COMMIT: in READ COMMITTED each
        statement sees what is committed by then, in a transaction or not.
        """
        return self._open(PLATFORM, {"nameplate_read_only": True, **self._each})

    @property
    def _each(self) -> dict[str, Any]:
        return {postgresql.EACH: True} if self.dialect == "postgresql" else {}

    @property
    def _told(self) -> dict[str, Any]:
        return {postgresql.TOLD: True} if self.dialect == "postgresql" else {}

    def run(self, actor: Actor, work: Callable[[Session], T]) -> T:
        """Run `work` in one transaction, again when it lost a deadlock or serialisation race."""
        for attempt in range(RETRIES):
            try:
                with self.begin(actor) as session:
                    return work(session)
            except sa.exc.OperationalError as error:
                if attempt == RETRIES - 1 or not lost_race(error):
                    raise
            time.sleep(pause(attempt))
        raise AssertionError("unreachable")

    def dispose(self) -> None:
        """Close every pooled connection."""
        self._tenant.dispose()
        self._system.dispose()


@contextmanager
def _explained() -> Iterator[None]:
    """Raise what `Sessions.begin` says for what the database raises."""
    try:
        yield
    except (
        sa.exc.OperationalError,
        sa.exc.InterfaceError,
        sa.exc.ProgrammingError,
    ) as error:
        said = lasting(error)
        if said is not None:
            raise said from error
        if _lost_connection(error):
            raise Unavailable(
                "database_unavailable", "The database cannot be reached. Try again shortly."
            ) from error
        raise
    except sa.exc.IntegrityError as error:
        if _is_duplicate(error):
            raise Conflict(
                "conflict",
                "The object already exists or was changed at the same time. Read it and try again.",
            ) from error
        raise


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


def _is_duplicate(error: sa.exc.IntegrityError) -> bool:
    """Tell whether a unique index refused a row: others refuse only what is a bug."""
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    state = getattr(error.orig, "sqlstate", None)
    return state == "23505" or code == 1062 or "UNIQUE constraint" in str(code)  # noqa: PLR2004 - MariaDB's number


def pause(attempt: int) -> float:
    """Return for how many seconds to wait before a transaction that lost is run again."""
    share: float = 0.5 + random.random()  # noqa: S311 - keeps two losers apart
    return 0.01 * float(2**attempt) * share


def lost_race(error: sa.exc.DBAPIError) -> bool:
    """Tell whether a transaction was given up for another one and may be run again as it was."""
    if isinstance(error.orig, sqlite3.Error):
        return "locked" in str(error.orig)
    state = getattr(error.orig, "sqlstate", None)
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return state in {"40001", "40P01"} or code in {1205, 1213, 1020}


def database_now(session: Session) -> datetime:
    """Return the database's clock, the only one that all workers share."""
    connection = session.connection()  # which begins the transaction, if need be
    told: datetime | None = session.info.get(CLOCK)
    if told is not None:
        return told
    now: datetime = connection.execute(_CLOCK).scalar_one()
    return now


_CLOCK = sa.select(sa.type_coerce(utc_now(), UtcDateTime))


def refresh_statistics(session: Session, _now: datetime) -> None:
    """Have SQLite see how full its tables are, which the other databases do by themselves.

    Without that it takes the index of an organization, all of whose records it then reads, for one
    of its domains. A sample of each index is enough: the rest would take minutes of a large file. What
    is said of small tables is taken back: they would be read whole, by open connections even when grown.
    """
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA analysis_limit = 10000")
        connection.exec_driver_sql("ANALYZE")
        connection.exec_driver_sql("DELETE FROM sqlite_stat1 WHERE CAST(stat AS INTEGER) < 1000")
        connection.exec_driver_sql("ANALYZE sqlite_master")  # reads that table again


def lock_name(session: Session, base: str) -> None:
    """Lock the row of the registrable domain `base` until the end of the transaction.

    Whoever decides about a name below `base` holds this lock, so that parent and child cannot be
    taken at the same time (security.md, finding 2).
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        # Row-level security shows a tenant no lock but the one it names.
        connection.execute(
            sa.text("SELECT set_config('nameplate.base', :base, true)"), {"base": base}
        )
    insert_missing(session, NameLock, [{"base": base}])
    connection.execute(sa.select(NameLock.base).where(NameLock.base == base).with_for_update())


def lock_names(session: Session, bases: Collection[str]) -> None:
    """Lock the rows of several registrable domains, in their order; in a platform's transaction."""
    ordered = sorted(set(bases))
    insert_missing(session, NameLock, [{"base": base} for base in ordered])
    locked = sa.select(NameLock.base).where(NameLock.base.in_(ordered)).order_by(NameLock.base)
    session.connection().execute(locked.with_for_update())


def insert_missing(session: Session, kind: type[Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, except those whose primary key is there already."""
    connection = session.connection()
    connection.execute(_inserting_missing(kind, connection.dialect.name), rows)


@cache
def _inserting_missing(kind: Any, dialect: str) -> Any:  # noqa: ANN401 - a mapped class
    insert = inserting(kind.__table__, dialect)
    if dialect in {"postgresql", "sqlite"}:
        return insert.on_conflict_do_nothing()
    # Takes the exclusive lock at once: IGNORE takes a shared one, and two of those deadlock.
    key = next(iter(kind.__table__.primary_key))
    return insert.on_duplicate_key_update({key.name: key})


def upsert(session: Session, kind: type[Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, over those with the same primary key; in a platform's transaction."""
    connection = session.connection()
    connection.execute(_upserting(kind, connection.dialect.name), rows)


@cache
def _upserting(kind: Any, dialect: str) -> Any:  # noqa: ANN401 - a mapped class
    table: sa.Table = kind.__table__
    others = [column.name for column in table.columns if not column.primary_key]
    insert = inserting(table, dialect)
    if dialect in {"mysql", "mariadb"}:
        return insert.on_duplicate_key_update({name: insert.inserted[name] for name in others})
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: insert.excluded[name] for name in others},
    )


def inserting(kind: Any, dialect: str) -> Any:  # noqa: ANN401 - what dialects have in common has no type
    """Return an INSERT that knows what the database does about duplicates.

    Only the dialect of the database in use is imported: all three take 4 MB.
    """
    name = "mysql" if dialect == "mariadb" else dialect
    return importlib.import_module(f"sqlalchemy.dialects.{name}").insert(kind)


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
