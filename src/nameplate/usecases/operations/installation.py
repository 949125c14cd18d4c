"""Whether the database can be worked with: asked once, before a process begins to work."""

import logging
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa

from nameplate.core.errors import NotPermitted, Refused
from nameplate.database_errors import explained
from nameplate.db import Sessions
from nameplate.usecases.operations import revisions
from nameplate.usecases.operations.revisions import SchemaMatch

log = logging.getLogger(__name__)

_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_TABLE = "organization_domains"
"""A table that every role needs whole."""


def check(sessions: Sessions) -> None:
    """Raise unless the database answers, its schema is current, and its roles are as documented.

    Raises what `revisions.require` and the database's failures are, and `NotPermitted`
    (`database_refuses`, `system_role_needed`, `tenant_role_unbound`).
    """
    for engine in dict.fromkeys((sessions.tenant_engine, sessions.system_engine)):
        with explained(), engine.connect() as connection:
            revisions.require(connection)
            _check_rights(connection)
    if sessions.dialect == "postgresql":
        _check_roles(sessions)


def migrate_default(sessions: Sessions, path: Path) -> None:
    """Bring the embedded default's file up to date, and see to it that nobody else reads it.

    Raises `Refused` `database_folder_refused`, and as `schema.upgrade`.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(
            "database_folder_refused",
            f"Cannot create the folder {path.parent}: {error.strerror}. Set NAMEPLATE_HOME to a "
            "writable folder.",
        ) from None
    with suppress(OSError):  # not there yet, or somebody else's, which SQLite tells
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)  # former versions let everybody read it
    with explained(), sessions.system_engine.connect() as connection:
        before = revisions.standing(connection)
    if before.match not in {SchemaMatch.ABSENT, SchemaMatch.OLDER}:
        return
    from nameplate.usecases.operations import schema  # noqa: PLC0415 - Alembic, needed once

    sessions.dispose()
    now = schema.upgrade(f"sqlite:///{path}")
    log.info("database_migrated", extra={"before": before.revision, "now": now})


def _check_rights(connection: sa.Connection) -> None:
    """Refuse a role that cannot read and write; only PostgreSQL can tell without trying."""
    if connection.dialect.name != "postgresql":
        connection.execute(sa.text(f"SELECT 1 FROM {_TABLE} WHERE 1 = 0"))  # noqa: S608 - our own word
        return
    may = sa.and_(*(sa.func.has_table_privilege(_TABLE, right) for right in _RIGHTS))
    if not connection.scalar(sa.select(may)):
        raise NotPermitted(
            "database_refuses",
            f"The role {_role(connection)} may not read and write the tables of Nameplate. Grant "
            "it SELECT, INSERT, UPDATE and DELETE on them, as docs/how-to/postgresql-roles.md shows.",
        )


def _check_roles(sessions: Sessions) -> None:
    """See to it that the system role sees every organization, and another tenant role does not."""
    tenant, system = sessions.tenant_engine, sessions.system_engine
    with explained(), system.connect() as connection:
        if not _sees_everything(connection):
            more = (
                " Set NAMEPLATE_SYSTEM_DATABASE_URL to the address of the role that does."
                if tenant is system
                else " Grant it BYPASSRLS, or name the role that has it there."
            )
            raise NotPermitted(
                "system_role_needed",
                f"The role {_role(connection)} sees no organization's rows, and background work "
                f"needs those of all.{more}",
            )
    if tenant is system:
        return
    with explained(), tenant.connect() as connection:
        if _sees_everything(connection):
            raise NotPermitted(
                "tenant_role_unbound",
                f"The role {_role(connection)} in NAMEPLATE_DATABASE_URL sees every organization. "
                "Use a role without BYPASSRLS there.",
            )


def _sees_everything(connection: sa.Connection) -> bool:
    query = "SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = current_user"
    return bool(connection.scalar(sa.text(query)))


def _role(connection: sa.Connection) -> str:
    return str(connection.scalar(sa.text("SELECT current_user")))
