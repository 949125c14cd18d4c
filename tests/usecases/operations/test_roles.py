"""One command's work on PostgreSQL: three roles, a database, its grants and its schema."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from tests.servers import postgresql
from tests.servers.shared import Run, shared

from nameplate.core.errors import Conflict, Invalid, NotPermitted
from nameplate.core.secret import Secret
from nameplate.db import engine
from nameplate.usecases.operations import revisions, roles

NONE: dict[str, Secret] = {}


class DebianPostgreSQL(postgresql.PostgreSQL):
    """A cluster without roles of ours, as `apt-get install postgresql` leaves it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, as_debian=True)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Run() as run:
        facts = shared(run.folder, DebianPostgreSQL)
        yield facts["port"]


@pytest.fixture
def admin(port: int) -> Iterator[str]:
    """Yield the address of the superuser, and drop what was made."""
    yield f"postgresql://postgres:{postgresql.PASSWORD}@127.0.0.1:{port}/postgres"
    with _open(port) as connection:
        for name in ("nameplate", "odd name%"):
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)
        for role in (*roles.ROLES, "somebody"):
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def _open(port: int) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host="127.0.0.1",
        port=port,
        user="postgres",
        password=postgresql.PASSWORD,
        dbname="postgres",
        autocommit=True,
    )


def ask(url: Secret, query: str) -> Any:
    made = engine(url.reveal())
    try:
        with made.connect() as connection:
            return connection.execute(sa.text(query)).scalar()
    finally:
        made.dispose()


def test_everything_is_made_and_works_as_documented(admin: str) -> None:
    planned = roles.plan(admin, "nameplate", NONE)
    assert [(one.subject, one.exists) for one in planned.steps] == [
        ("role nameplate_owner", False),
        ("role nameplate_app", False),
        ("role nameplate_system", False),
        ("database nameplate", False),
    ]
    assert roles.make(planned) == revisions.known()[-1]
    bypass = "SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = current_user"
    seen = {role: ask(planned.url(role), bypass) for role in roles.ROLES}
    assert seen == {roles.OWNER: False, roles.APP: False, roles.SYSTEM: True}
    for role in (roles.APP, roles.SYSTEM):
        assert ask(planned.url(role), "SELECT count(*) FROM organizations") == 0
    assert ask(planned.url(roles.OWNER), "SHOW server_encoding") == "UTF8"
    assert len({planned.passwords[role].reveal() for role in roles.ROLES}) == 3


def test_looking_changes_nothing(admin: str, port: int) -> None:
    roles.plan(admin, "nameplate", NONE)
    with _open(port) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_roles WHERE rolname LIKE 'nameplate%' UNION ALL "
            "SELECT 1 FROM pg_database WHERE datname = 'nameplate'"
        )
        assert found.fetchall() == []


def test_it_completes_what_an_earlier_run_left_and_keeps_passwords(admin: str, port: int) -> None:
    first = roles.plan(admin, "nameplate", NONE)
    with _open(port) as connection:  # as if the first run had been killed after one role
        connection.execute("CREATE ROLE nameplate_app")
    planned = roles.plan(admin, "nameplate", first.passwords)
    assert [one.exists for one in planned.steps] == [False, True, False, False]
    roles.make(planned)
    again = roles.plan(admin, "nameplate", first.passwords)
    assert all(one.exists for one in again.steps)
    roles.make(again)
    assert ask(first.url(roles.APP), "SELECT 1") == 1


def test_a_role_whose_password_is_lost_needs_a_word(admin: str) -> None:
    first = roles.plan(admin, "nameplate", NONE)
    roles.make(first)
    with pytest.raises(Conflict) as caught:
        roles.plan(admin, "nameplate", NONE)
    assert caught.value.code == "role_exists"
    roles.make(roles.plan(admin, "nameplate", first.passwords, new_passwords=True))
    with pytest.raises(sa.exc.OperationalError, match="password authentication failed"):
        ask(first.url(roles.APP), "SELECT 1")


def test_the_database_of_another_stays(admin: str, port: int) -> None:
    with _open(port) as connection:
        connection.execute("CREATE DATABASE nameplate")
    with pytest.raises(Conflict) as caught:
        roles.plan(admin, "nameplate", NONE)
    assert caught.value.code == "database_of_another"


def test_who_may_not_make_roles_hears_it_first(admin: str, port: int) -> None:
    with _open(port) as connection:
        connection.execute("CREATE ROLE somebody LOGIN CREATEROLE CREATEDB PASSWORD 'nameplate'")
    with pytest.raises(NotPermitted) as caught:
        roles.plan(admin.replace("postgres:", "somebody:"), "nameplate", NONE)
    assert caught.value.code == "database_admin_needed"


def test_a_name_is_only_a_name(admin: str) -> None:
    planned = roles.plan(admin, "odd name%", NONE)
    roles.make(planned)
    assert ask(planned.url(roles.APP), "SELECT current_database()") == "odd name%"


@pytest.mark.parametrize("url", ["sqlite:///x.db", "mariadb://root@127.0.0.1/mysql"])
def test_other_databases_have_no_such_roles(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        roles.plan(url, "nameplate", NONE)
    assert caught.value.code == "setup_postgresql_only"
