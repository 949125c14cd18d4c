"""Which revisions of the schema this version knows, and where a database stands among them.

Every process asks at its start, so Alembic, which takes a quarter of a second to import, is not used.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import sqlalchemy as sa

import nameplate
from nameplate.core.errors import Conflict

FOLDER = Path(nameplate.__file__).parent / "migrations" / "versions"
"""Where the revisions are; each file's name begins with the revision."""
VERSION_TABLE = "nameplate_version"
"""Where the migrations note the revision that the database stands at."""
JOURNAL_TABLE = "nameplate_migration"
"""Where MariaDB notes how far a revision has come; there is none between two migrations."""
_HOST_TABLE = "alembic_version"
"""Where a host that runs our revisions as a branch of its own notes them."""
_LENGTH = len("YYYY_MM_DD_HHMM")


class SchemaMatch(StrEnum):
    """How a database's schema fits this version."""

    CURRENT = "current"
    ABSENT = "absent"
    """There are no tables yet."""
    OLDER = "older"
    NEWER = "newer"
    """A newer version of Nameplate has migrated it."""
    INTERRUPTED = "interrupted"
    """A migration has begun and not ended (MariaDB)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a database stands."""

    match: SchemaMatch
    revision: str | None


@cache
def known() -> tuple[str, ...]:
    """Return every revision of this version, oldest first."""
    return tuple(sorted(path.name[:_LENGTH] for path in FOLDER.glob("20*.py")))


def standing(connection: sa.Connection) -> Standing:
    """Tell where the database stands."""
    look = sa.inspect(connection)
    found: str | None = None
    if look.has_table(VERSION_TABLE):
        found = next(iter(_noted(connection, VERSION_TABLE)), None)
    elif look.has_table(_HOST_TABLE):
        found = next((one for one in _noted(connection, _HOST_TABLE) if one in known()), None)
    if connection.dialect.name in {"mysql", "mariadb"} and _is_begun(connection, look):
        return Standing(SchemaMatch.INTERRUPTED, found)
    if found is None:
        return Standing(SchemaMatch.ABSENT, None)
    if found not in known():
        return Standing(SchemaMatch.NEWER, found)
    return Standing(SchemaMatch.CURRENT if found == known()[-1] else SchemaMatch.OLDER, found)


def require(connection: sa.Connection) -> None:
    """Raise `Conflict` unless the schema is the one that this version works with.

    The codes are `schema_absent`, `schema_not_current`, `schema_newer` and `migration_interrupted`;
    each message names the command to run.
    """
    found = standing(connection)
    owner = " as the owner of the database" if connection.dialect.name == "postgresql" else ""
    if found.match is SchemaMatch.ABSENT:
        raise Conflict(
            "schema_absent",
            f"The database has no tables of Nameplate yet. Run `nameplate db upgrade`{owner}.",
        )
    if found.match is SchemaMatch.OLDER:
        raise Conflict(
            "schema_not_current",
            f"The database is at revision {found.revision}, and this version of Nameplate needs "
            f"{known()[-1]}. Run `nameplate db upgrade`{owner}.",
        )
    if found.match is SchemaMatch.NEWER:
        raise newer(found.revision or "")
    if found.match is SchemaMatch.INTERRUPTED:
        raise Conflict(
            "migration_interrupted",
            "A migration of the database was interrupted. Run `nameplate db upgrade` to complete it.",
        )


def newer(revision: str) -> Conflict:
    """Return the refusal of a database that a newer version has migrated."""
    return Conflict(
        "schema_newer",
        f"The database is at revision {revision!r}, which this version of Nameplate does "
        "not know. Install the version that created it, or a newer one.",
    )


def _is_begun(connection: sa.Connection, look: sa.Inspector) -> bool:
    """Tell whether a revision has begun and not ended."""
    if not look.has_table(JOURNAL_TABLE):
        return False
    begun = sa.select(sa.literal(1)).select_from(sa.table(JOURNAL_TABLE)).limit(1)
    return connection.execute(begun).first() is not None


def _noted(connection: sa.Connection, table: str) -> list[str]:
    column: sa.ColumnClause[str] = sa.column("version_num")
    return list(connection.scalars(sa.select(column).select_from(sa.table(table))))
