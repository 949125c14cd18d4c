"""Fill an empty database for people who look and for measurements."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import Conflict, NotPermitted
from nameplate.database_errors import explain
from nameplate.db import Sessions
from nameplate.models import Domain, Organization, metadata, readiness
from nameplate.seeding import small_world
from nameplate.seeding.rows import Load, Row, SeedWorld, Size

Progress = Callable[[str, int, int], None]
"""Called with a table, how many of its numbers are done, and how many there are."""

BATCH = 2000
"""Rows in one statement where the database takes rows in statements."""

TABLES = (
    "organizations",
    "applications",
    "servers",
    "organization_domains",
    "dns_records",
    "ssl_certificates",
    "certificate_names",
    "domain_verifications",
    "application_domain_bindings",
    "name_locks",
    "name_holdings",
    "accounts",
)
"""What must be empty before a seed, parents first."""


def load(
    sessions: Sessions, size: Size, *, seed: int, at: datetime, progress: Progress
) -> dict[str, int]:
    """Fill an empty database with made-up rows and return how many each table got.

    The same size, seed and moment give the same rows, ids included. All or nothing: it is one
    transaction. On PostgreSQL the system role is needed, because COPY does not pass row-level
    security. Raises `Conflict` (`database_not_empty`, `schema_absent`), `NotPermitted`.
    """
    with begin(sessions) as connection:
        refuse_rows(connection)
        for part in SeedWorld(size, seed, at).loads():
            _FAST[connection.dialect.name](connection, part, progress)
        _pass_ids(connection)
        readiness.begin(connection)
        return counts(connection)


def world(sessions: Sessions, ring: KeyRing, now: datetime) -> tuple[dict[str, int], bool]:
    """Make the small world of `small_world` in an empty database.

    Returns how many rows each table has, and whether they were made now: where the world is there
    already, nothing changes. Raises as `load` does.
    """
    with begin(sessions) as connection, Session(connection, info={"actor": PLATFORM}) as session:
        made = not _is_world(session)
        if made:
            refuse_rows(connection)
            small_world.build(session, ring, now)
        return counts(connection), made


def claims(sessions: Sessions) -> list[dict[str, str]]:
    """Return whose each domain is, its name, type and status: the short tour of a small world."""
    with begin(sessions) as connection, Session(connection, info={"actor": PLATFORM}) as session:
        owners = {row.id: row.name for row in session.scalars(Organization.visible(PLATFORM))}
        return [
            {
                "organization": owners[row.organization_id],
                "domain": row.full_domain,
                "type": row.domain_type.value,
                "status": row.status.value,
            }
            for row in session.scalars(Domain.visible(PLATFORM).order_by(Domain.id))
        ]


def _is_world(session: Session) -> bool:
    rows = session.scalars(Organization.visible(PLATFORM).limit(len(small_world.SLUGS) + 1)).all()
    marked = all(row.metadata_ == small_world.MARK for row in rows)
    return marked and {row.slug for row in rows} == small_world.SLUGS


@contextmanager
def begin(sessions: Sessions) -> Iterator[sa.Connection]:
    """Open one transaction of the platform on a migrated database, or say what is missing."""
    try:
        with sessions.system_engine.begin() as connection:
            if not sa.inspect(connection).has_table("organizations"):
                raise Conflict(
                    "schema_absent", "the database has no tables: run `nameplate db upgrade`"
                )
            if not _sees_everything(connection):
                raise NotPermitted(
                    "seed_needs_system_role",
                    "seeding needs a database role that passes row-level security (BYPASSRLS): "
                    "set NAMEPLATE_SYSTEM_DATABASE_URL to the system role's address",
                )
            yield connection
    except sa.exc.DBAPIError as error:
        raise explain(error) from None


def counts(connection: sa.Connection) -> dict[str, int]:
    """Return how many rows each table of a seed has."""
    return {
        name: connection.scalar(sa.select(sa.func.count()).select_from(metadata.tables[name])) or 0
        for name in TABLES
    }


def refuse_rows(connection: sa.Connection) -> None:
    """Raise `Conflict` `database_not_empty` when a table of the seed has a row."""
    for name in TABLES:
        table = metadata.tables[name]
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise Conflict(
                "database_not_empty",
                f"the database is not empty ({name} has rows): seed a new one",
            )


def _sees_everything(connection: sa.Connection) -> bool:
    if connection.dialect.name != "postgresql":
        return True
    query = "SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = current_user"
    return bool(connection.scalar(sa.text(query)))


def _copy(connection: sa.Connection, part: Load, progress: Progress) -> None:
    """Load by COPY. The text is made here, without escapes: no row holds a character that needs one."""
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {part.table} ({', '.join(part.columns)}) FROM STDIN") as copy:
        for rows in _batches(part, progress):
            copy.write("".join(map(_copy_line, rows)))


def _copy_line(row: Row) -> str:
    fields = ["\\N" if field is None else str(field) for field in row]
    line = "\t".join(fields)
    return f"{line}\n"


def _insert(connection: sa.Connection, part: Load, progress: Progress, mark: str = "%s") -> None:
    """Load by statements of many rows: the driver joins the rows of one `executemany`."""
    marks = ", ".join([mark] * len(part.columns))
    columns = ", ".join(part.columns)
    statement = f"INSERT INTO {part.table} ({columns}) VALUES ({marks})"  # noqa: S608 - our own names
    cursor: Any = connection.connection.cursor()
    for rows in _batches(part, progress):
        cursor.executemany(statement, rows)


def _insert_sqlite(connection: sa.Connection, part: Load, progress: Progress) -> None:
    _insert(connection, part, progress, mark="?")


_FAST: dict[str, Callable[[sa.Connection, Load, Progress], None]] = {
    "postgresql": _copy,
    "sqlite": _insert_sqlite,
    "mysql": _insert,
    "mariadb": _insert,
}


def _batches(part: Load, progress: Progress) -> Iterator[Sequence[Row]]:
    batch: list[Row] = []
    for row in part.rows(lambda done: progress(part.table, done, part.numbers)):
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _pass_ids(connection: sa.Connection) -> None:
    """Move PostgreSQL's sequences past the ids that were given; the others look at the table.

    nextval needs the one right on sequences that the system role has, unlike setval. The subquery
    looks the sequence up once, not for every number.
    """
    if connection.dialect.name != "postgresql":
        return
    for name in TABLES:
        table = metadata.tables[name]
        if "id" not in table.c:
            continue
        last = connection.scalar(sa.select(sa.func.max(table.c.id))) or 0
        named = sa.cast(sa.func.pg_get_serial_sequence(name, "id"), postgresql.REGCLASS)
        pulled = sa.func.max(sa.func.nextval(sa.select(named).scalar_subquery()))
        connection.execute(sa.select(pulled).select_from(sa.func.generate_series(1, last)))
