"""Alembic's environment: one migration at a time, all or nothing where the database can.

The address comes from the command (`attributes["url"]`), an open connection from an application
that migrates inside its own (`attributes["connection"]`), else the settings say it.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context

from nameplate.db import address, engine
from nameplate.migrations.compare import include_object
from nameplate.models import metadata
from nameplate.settings import Settings

VERSION_TABLE = "nameplate_version"
LOCK = 0x6E616D65706C6174
"""Number of the advisory lock: the letters `nameplat`."""
LOCK_NAME = "nameplate.migration"
LOCK_SECONDS = int(context.config.attributes.get("wait", 60))
"""How long a migration waits for another one."""

TIMEOUTS = {"lock_timeout": "5s", "statement_timeout": "15min"}
"""PostgreSQL: a migration that cannot get a table soon gives up instead of blocking everybody."""


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
    try:
        with made.connect() as connection:
            migrate(connection)
    finally:
        made.dispose()


def migrate(connection: sa.Connection) -> None:
    """Run the revisions in one transaction while nobody else does."""
    name = connection.dialect.name
    # MariaDB commits at every DDL statement, so its version table follows every revision.
    options = OPTIONS | {"transactional_ddl": name not in {"mysql", "mariadb"}}
    context.configure(connection=connection, **options)
    if name in {"mysql", "mariadb"}:
        got = connection.scalar(sa.text(f"SELECT GET_LOCK('{LOCK_NAME}', {LOCK_SECONDS})"))
        connection.commit()
        if not got:
            raise TimeoutError("another migration is running")
        try:
            run()
        finally:
            connection.execute(sa.text(f"SELECT RELEASE_LOCK('{LOCK_NAME}')"))
            connection.commit()
        return
    run()


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
