"""Alembic's environment: one migration at a time, all or nothing where the database can.

The address comes from the command (`attributes["url"]`), an open connection from an application
that migrates inside its own (`attributes["connection"]`), else the settings say it.
"""

import logging
from typing import Any

import sqlalchemy as sa
from alembic import context
from sqlalchemy.engine.interfaces import DBAPIConnection

from nameplate.db import address, engine
from nameplate.migrations.compare import include_object
from nameplate.migrations.resume import Journal, Tell
from nameplate.models import metadata
from nameplate.settings import Settings
from nameplate.usecases.operations.revisions import VERSION_TABLE

log = logging.getLogger(__name__)

LOCK = 0x6E616D65706C6174
"""Number of the advisory lock: the letters `nameplat`."""
LOCK_NAME = "nameplate.migration"
LOCK_SECONDS = int(context.config.attributes.get("wait", 60))
"""How long a migration waits for another one."""

TIMEOUTS = {"lock_timeout": "5s", "statement_timeout": "15min"}
"""PostgreSQL: a migration that cannot get a table soon gives up instead of blocking everybody."""
PATIENCE = 5
"""The same on MariaDB, in seconds, for tables and for rows."""
FILE_PATIENCE = 8
"""The same on SQLite, where another migration is waited for no longer than anybody else."""

OPTIONS: dict[str, Any] = {
    "target_metadata": metadata,
    "version_table": VERSION_TABLE,
    "transactional_ddl": True,
    "include_object": include_object,
    "compare_type": True,
}


def url() -> str:
    """Return the address of the database to migrate."""
    given = context.config.attributes.get("url")
    if given is not None:
        return str(given)
    settings = Settings.read()
    if settings.database_url is None:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.url.reveal()


def online() -> None:
    """Migrate over a connection."""
    given = context.config.attributes.get("connection")
    if given is not None:
        migrate(given)
        return
    made = engine(url(), pool_size=1)
    if made.dialect.name == "sqlite":
        sa.event.listen(made, "connect", _wait_shortly)
    try:
        with made.connect() as connection:
            migrate(connection)
    finally:
        made.dispose()


def _wait_shortly(connection: DBAPIConnection, _entry: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {1000 * min(FILE_PATIENCE, LOCK_SECONDS)}")
    cursor.close()


def migrate(connection: sa.Connection) -> None:
    """Run the revisions in one transaction while nobody else does."""
    name = connection.dialect.name
    # MariaDB commits at every DDL statement, so its version table follows every revision.
    options = OPTIONS | {"transactional_ddl": name not in {"mysql", "mariadb"}}
    context.configure(connection=connection, **options)
    if name not in {"mysql", "mariadb"}:
        run()
        return
    got = connection.scalar(sa.text(f"SELECT GET_LOCK('{LOCK_NAME}', {LOCK_SECONDS})"))
    connection.commit()
    if not got:
        raise TimeoutError("another migration is running")
    waits = f"lock_wait_timeout = {PATIENCE}, innodb_lock_wait_timeout = {PATIENCE}"
    before = connection.execute(
        sa.text("SELECT @@SESSION.lock_wait_timeout, @@SESSION.innodb_lock_wait_timeout")
    ).one()
    try:
        connection.execute(sa.text(f"SET SESSION {waits}"))
        connection.commit()
        here = context.get_context()
        if "destination_rev" in here.opts:
            Journal(connection, context.script, _tell()).keep(here)
        run()
    finally:
        if (
            not connection.invalidated
        ):  # else the server has ended the session, and the lock with it
            connection.rollback()
            _release(connection, *before)


def _release(connection: sa.Connection, tables: int, rows: int) -> None:
    """Give the session its own patience back, and let the next migration begin."""
    waits = f"lock_wait_timeout = {tables}, innodb_lock_wait_timeout = {rows}"
    connection.execute(sa.text(f"SET SESSION {waits}"))
    connection.execute(sa.text(f"SELECT RELEASE_LOCK('{LOCK_NAME}')"))
    connection.commit()


def _tell() -> Tell:
    """Return how to say what a person should know."""
    given: Tell | None = context.config.attributes.get("tell")
    return given or log.info


def run() -> None:
    """Run the revisions; SQLite's `BEGIN IMMEDIATE` and PostgreSQL's lock last until the commit."""
    with context.begin_transaction():
        connection = context.get_bind()
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            for setting, value in TIMEOUTS.items():
                connection.execute(sa.text(f"SET LOCAL {setting} = '{value}'"))
        context.run_migrations()
        here = context.get_context()
        if not here.opts.get("dont_mutate") and not here.get_current_heads():
            connection.execute(sa.text(f"DROP TABLE IF EXISTS {VERSION_TABLE}"))


def offline() -> None:
    """Print the statements instead of running them."""
    context.configure(dialect_name=address(url()).get_backend_name(), literal_binds=True, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    offline()
else:
    online()
