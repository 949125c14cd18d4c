"""PostgreSQL in a temporary folder, with the three roles that Nameplate is run with.

`nameplate_owner` owns the databases and migrates them; `nameplate_app` serves tenants and cannot
get around row-level security; `nameplate_system` can (BYPASSRLS) and does the background work.
None of them is a superuser.
"""

import contextlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, LiteralString, Self

import psycopg
import sqlalchemy as sa
from psycopg import sql

from tests.servers.process import Server, free_port, program
from tests.servers.shared import unprivileged

PASSWORD = "nameplate"
OWNER, APP, SYSTEM = "nameplate_owner", "nameplate_app", "nameplate_system"

ROLES: LiteralString = """
CREATE ROLE nameplate_owner  LOGIN PASSWORD 'nameplate' NOSUPERUSER NOBYPASSRLS;
CREATE ROLE nameplate_app    LOGIN PASSWORD 'nameplate' NOSUPERUSER NOBYPASSRLS;
CREATE ROLE nameplate_system LOGIN PASSWORD 'nameplate' NOSUPERUSER BYPASSRLS;
"""

GRANTS: LiteralString = """
ALTER DEFAULT PRIVILEGES FOR ROLE nameplate_owner
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO nameplate_app, nameplate_system;
ALTER DEFAULT PRIVILEGES FOR ROLE nameplate_owner
    GRANT USAGE, SELECT ON SEQUENCES TO nameplate_app, nameplate_system;
"""

_DEBIAN_LOGINS = "local all all peer\nhost all all 127.0.0.1/32 scram-sha-256\n"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # the data lives as long as the test run
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
}


class PostgreSQL:
    """A cluster on loopback; `facts["port"]` says where. It refuses root, so root lends it a user."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str] = MappingProxyType({}),
        *,
        as_debian: bool = False,
    ) -> None:
        """Start the cluster in `folder`, made with its roles unless it is there already.

        `settings` are PostgreSQL's own and go before those of the tests. `as_debian` it has no roles
        of ours, and a socket in `folder` that knows system users by their name.
        """
        if as_debian:
            settings = {"unix_socket_directories": str(folder), **settings}
        postgres, user = program("postgres"), unprivileged("postgres")
        data, port = folder / "data", free_port()
        is_new = not data.exists()
        if is_new:
            _make(data, user)
        if is_new and as_debian:
            (data / "pg_hba.conf").write_text(_DEBIAN_LOGINS)
        options = [f"--{name}={value}" for name, value in {**SETTINGS, **settings}.items()]
        self.facts: dict[str, Any] = {"port": port}
        self._server = Server(
            [postgres, "-D", str(data), "-p", str(port), *options],
            folder,
            ready=lambda: _answers(port),
            user=user,
        )
        if is_new and not as_debian:
            with admin(port) as connection:
                connection.execute(ROLES)

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        return self._server.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


@contextlib.contextmanager
def fresh_database(port: int, template: str | None = None) -> Iterator[str]:
    """Yield the URL, as its owner, of a new database; it is dropped afterwards.

    It is empty, or a copy of the database `template`.
    """
    name = f"nameplate_{uuid.uuid4().hex}"
    try:
        yield create_database(port, name, template)
    finally:
        with admin(port) as connection:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)


def create_database(port: int, name: str, template: str | None = None) -> str:
    """Make a database, empty or a copy of `template`, and return its URL as its owner."""
    with admin(port) as connection:
        create = sql.SQL("CREATE DATABASE {} OWNER nameplate_owner TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template1")
        )
        connection.execute(create)
    if template is None:
        with admin(port, name) as connection:
            connection.execute(GRANTS)
    return database_url(port, name)


def database_url(port: int, name: str) -> str:
    """Return the URL of a database as its owner."""
    return f"postgresql+psycopg://{OWNER}:{PASSWORD}@127.0.0.1:{port}/{name}"


def role_url(url: str, role: str) -> str:
    """Return the same database's URL for another role: `nameplate_app`, `nameplate_system`."""
    return sa.make_url(url).set(username=role).render_as_string(hide_password=False)


def admin(port: int, database: str = "postgres") -> psycopg.Connection[Any]:
    """Connect as the superuser; each statement is its own transaction."""
    return psycopg.connect(
        host="127.0.0.1",
        port=port,
        user="postgres",
        password=PASSWORD,
        dbname=database,
        autocommit=True,
        connect_timeout=10,
    )


def _make(data: Path, user: str | None) -> None:
    folder = data.parent
    if user:
        shutil.chown(folder, user)
    secret = folder / "password"
    secret.write_text(PASSWORD)
    made = subprocess.run(
        [
            *(program("initdb"), "-D", str(data), "-U", "postgres", "-E", "UTF8"),
            *("--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync"),
        ],
        cwd=folder,
        user=user,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")


def _answers(port: int) -> bool:
    with contextlib.suppress(psycopg.OperationalError), admin(port):
        return True
    return False
