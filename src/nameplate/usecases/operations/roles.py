"""Make the three roles of PostgreSQL, the database, its grants and its schema.

`nameplate_owner` owns and migrates the database, `nameplate_app` serves tenants and is bound by
row-level security, `nameplate_system` (BYPASSRLS) does background work.
"""

import os
import pwd
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from nameplate.core.errors import Conflict, Invalid, NotPermitted
from nameplate.core.secret import Secret
from nameplate.database_errors import explained
from nameplate.db import Sessions, address, engine
from nameplate.models import postgresql
from nameplate.usecases.operations import installation, schema

OWNER, APP, SYSTEM = "nameplate_owner", "nameplate_app", "nameplate_system"
ROLES = (OWNER, APP, SYSTEM)
_PASSWORD_BYTES = 24
_GRANTS = (
    "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {0}, {1}",
    "ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT ON SEQUENCES TO {0}, {1}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {0}, {1}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {0}, {1}",
)
"""Run by the owner: for the tables that are there, and for those of later revisions."""


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One role or database, and what happens to it."""

    subject: str
    """Such as `role nameplate_app`."""
    exists: bool
    """It is there already: a role is given its password again, a database stays."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is to be made, where, and the addresses that follow from it."""

    admin: str
    """Address of the administrator."""
    host: str
    port: int
    database: str
    passwords: Mapping[str, Secret]
    steps: tuple[SetupStep, ...]

    def url(self, role: str) -> Secret:
        """Return the address of the database for one of the three roles."""
        made = sa.URL.create(
            "postgresql", role, self.passwords[role].reveal(), self.host, self.port, self.database
        )
        return Secret(made.render_as_string(hide_password=False))


def plan(
    admin: str,
    database: str,
    known: Mapping[str, Secret],
    *,
    new_passwords: bool = False,
) -> Setup:
    """Look at the server and return what `make` would do; nothing is changed.

    `known` are the passwords of an earlier run, by role; others are made at random. Raises Invalid
    `setup_postgresql_only`, NotPermitted `database_admin_needed`, Conflict `role_exists` for a role
    whose password is not known unless there shall be `new_passwords`, `database_of_another`, and
    what the database's failures are.
    """
    with _connected(admin) as connection:
        _check_admin(connection)
        there = _roles(connection)
        given = {} if new_passwords else known
        lost = [role for role in ROLES if role in there and role not in given]
        if lost and not new_passwords:
            raise Conflict(
                "role_exists",
                f"The role {lost[0]} exists, and its password is not in the environment file. Name the "
                "file that has it, or pass `--new-passwords` to replace the passwords.",
            )
        steps = [SetupStep(f"role {role}", exists=role in there) for role in ROLES]
        steps.append(SetupStep(f"database {database}", exists=_is_ours(connection, database)))
        host, port = _place(admin, connection)
    passwords = {
        role: given.get(role) or Secret(secrets.token_urlsafe(_PASSWORD_BYTES)) for role in ROLES
    }
    return Setup(admin, host, port, database, passwords, tuple(steps))


def make(setup: Setup) -> str | None:
    """Make what `plan` said and return the revision of the schema. It can be run again.

    Raises what `schema.upgrade` and `installation.check` do.
    """
    with _connected(setup.admin) as connection:
        there = _roles(connection)
        for role in ROLES:
            _give_password(connection, role, setup.passwords[role], exists=role in there)
        if not _is_ours(connection, setup.database):
            _create_database(connection, setup.database)
    owner = setup.url(OWNER).reveal()
    with _connected(owner) as connection:
        for statement in _GRANTS:
            connection.exec_driver_sql(statement.format(APP, SYSTEM))
    revision = schema.upgrade(owner)
    opened = Sessions(engine(setup.url(APP).reveal()), engine(setup.url(SYSTEM).reveal()))
    try:
        installation.check(opened)
    finally:
        opened.dispose()
    return revision


@contextmanager
def _connected(url: str) -> Iterator[sa.Connection]:
    """Connect, each statement for itself, as the system user of the same name where that is how.

    Without a host PostgreSQL knows a user by the socket (`peer`): root becomes that user for it.
    """
    parsed = address(url)
    if parsed.get_backend_name() != "postgresql":
        raise Invalid(
            "setup_postgresql_only",
            "Only PostgreSQL has the roles that this command makes. For other databases run "
            "`nameplate db upgrade`.",
        )
    made = engine(url, pool_size=1)
    try:
        with explained(), _as_user(parsed), made.connect() as connection:
            yield connection.execution_options(**{postgresql.EACH: True})
    finally:
        made.dispose()


@contextmanager
def _as_user(url: sa.URL) -> Iterator[None]:
    """Take the effective user that the socket is to show, and give it back."""
    try:
        peer = pwd.getpwnam(url.username or "").pw_uid
    except KeyError:
        peer = 0
    if url.host or url.password or os.geteuid() != 0 or peer == 0:
        yield
        return
    os.seteuid(peer)
    try:
        yield
    finally:
        os.seteuid(0)


def _check_admin(connection: sa.Connection) -> None:
    """Refuse an administrator that cannot make what is needed, before anything is made."""
    query = (
        "SELECT rolname, rolsuper OR (rolcreaterole AND rolcreatedb AND rolbypassrls) "
        "FROM pg_roles WHERE rolname = current_user"
    )
    name, may = connection.execute(sa.text(query)).one()
    if not may:
        raise NotPermitted(
            "database_admin_needed",
            f"The role {name} may not make roles with BYPASSRLS and databases. Give the address of "
            "a superuser in `--admin-url`.",
        )


def _roles(connection: sa.Connection) -> frozenset[str]:
    query = sa.text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles)")
    return frozenset(connection.scalars(query, {"roles": list(ROLES)}))


def _is_ours(connection: sa.Connection, database: str) -> bool:
    """Tell whether the database is there; raise when it is somebody else's."""
    query = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = :name"
    owner = connection.scalar(sa.text(query), {"name": database})
    if owner not in {None, OWNER}:
        raise Conflict(
            "database_of_another",
            f"The database {database} belongs to the role {owner}. Choose another name with "
            f"`--database`, or make {OWNER} its owner.",
        )
    return owner is not None


def _give_password(connection: sa.Connection, role: str, password: Secret, *, exists: bool) -> None:
    """Make the role, or give it its password again; only a verifier travels (SCRAM, RFC 5802)."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise AssertionError("a connection in use has its driver's")
    verifier = driver.pgconn.encrypt_password(
        password.reveal().encode(), role.encode(), b"scram-sha-256"
    ).decode()
    verb = "ALTER" if exists else "CREATE"
    bypass = " BYPASSRLS" if role == SYSTEM else ""
    # Base64, `$` and `:` alone: nothing in a verifier ends the literal.
    connection.exec_driver_sql(f"{verb} ROLE {role} LOGIN{bypass} PASSWORD '{verifier}'")


def _create_database(connection: sa.Connection, database: str) -> None:
    """Create it in UTF-8, also where the server was set up in the C locale."""
    if not connection.scalar(sa.text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")):
        connection.exec_driver_sql(f"GRANT {OWNER} TO CURRENT_USER")
    name = connection.dialect.identifier_preparer.quote_identifier(database)
    connection.exec_driver_sql(
        f"CREATE DATABASE {name} OWNER {OWNER} ENCODING 'UTF8' TEMPLATE template0"
    )


def _place(admin: str, connection: sa.Connection) -> tuple[str, int]:
    """Return where the roles reach the server: as the administrator does, or by TCP on this machine."""
    parsed = address(admin)
    port = parsed.port or int(str(connection.scalar(sa.text("SHOW port"))))
    return parsed.host or "localhost", port
