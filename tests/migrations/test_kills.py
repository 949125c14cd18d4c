"""A migration that is killed at a statement can be run again, and makes the same schema."""

import os
import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
import sqlalchemy as sa
from tests.migrations.killing import Killer, killer

from nameplate.core.errors import Conflict
from nameplate.db import engine
from nameplate.usecases.operations import revisions, schema

REVISIONS = revisions.known()
MOST = 200
"""More statements than any revision has."""

_SHOWN = {
    "information_schema.columns WHERE table_schema = 'public'": (
        "table_name, column_name, data_type, is_nullable, column_default"
    ),
    "pg_constraint WHERE connamespace = 'public'::regnamespace": (
        "conrelid::regclass, conname, pg_get_constraintdef(oid), 0, 0"
    ),
    "pg_indexes WHERE schemaname = 'public'": "indexdef, 0, 0, 0, 0",
    "pg_policies": "tablename, policyname, cmd, qual, with_check",
    "pg_class WHERE relnamespace = 'public'::regnamespace": (
        "relname, relrowsecurity, relforcerowsecurity, 0, 0"
    ),
}
POSTGRESQL = tuple(
    f"SELECT format('%s %s %s %s %s', {columns}) FROM {source}"
    for source, columns in _SHOWN.items()
)


def schema_of(url: str) -> list[str]:
    """Return everything that the database knows of its tables."""
    made = engine(url)
    with made.connect() as connection:
        if connection.dialect.name == "sqlite":
            kept = connection.scalars(sa.text("SELECT sql FROM sqlite_master WHERE sql <> ''"))
            # Columns that are dropped and added again stand in another order.
            found = [", ".join(sorted(" ".join(text.split()).split(", "))) for text in kept]
        elif connection.dialect.name == "postgresql":
            found = [one for query in POSTGRESQL for one in connection.scalars(sa.text(query))]
        else:
            tables = sa.inspect(connection).get_table_names()
            shown = [
                connection.execute(sa.text(f"SHOW CREATE TABLE {table}")).one()[1]
                for table in tables
            ]
            # Constraints that are dropped and added again stand in another order.
            found = [
                "\n".join(sorted(text.rstrip().split("\n"))).replace(",", "") for text in shown
            ]
    made.dispose()
    return sorted(found)


@pytest.fixture(scope="module")
def kill() -> Iterator[Killer]:
    with killer() as started:
        yield started


@pytest.fixture
def right(database_url: str) -> dict[str, list[str]]:
    """Return the schema at each revision, of migrations that nobody disturbed."""
    found = {}
    for step in REVISIONS:
        schema.upgrade(database_url, step)
        found[step] = schema_of(database_url)
    schema.downgrade(database_url, revision=REVISIONS[0])
    return found


def _stop(url: str, kill: Killer, step: str, former: str, at: tuple[int, str]) -> bool:
    """Kill the step up and run it again, then the step down; tell whether either came so far."""
    came_up = kill.migrate(url, "upgrade", step, *at)
    assert schema.upgrade(url, step) == step
    came_down = kill.migrate(url, "downgrade", former, *at)
    return came_up or came_down


def test_a_killed_revision_is_run_again(
    database_url: str, right: dict[str, list[str]], kill: Killer
) -> None:
    """6 of 14 kills in `db upgrade` left MariaDB stuck."""
    dice = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID", "1"))
    for former, step in pairwise(REVISIONS):
        for _ in range(2):
            at = dice.randint(3, 18), dice.choice(("before", "after"))
            _stop(database_url, kill, step, former, at)
            assert schema.downgrade(database_url, revision=former) == former
            assert schema_of(database_url) == right[former], (step, at)
        schema.upgrade(database_url, step)
        assert schema_of(database_url) == right[step], step


@pytest.mark.torture
@pytest.mark.parametrize("when", ["before", "after"])
def test_every_revision_killed_at_every_statement(
    database_url: str, right: dict[str, list[str]], kill: Killer, when: str
) -> None:
    for former, step in pairwise(REVISIONS):
        for number in range(1, MOST):
            came = kill.migrate(database_url, "upgrade", step, number, when)
            assert schema.upgrade(database_url, step) == step
            assert schema_of(database_url) == right[step], (step, number)
            came |= kill.migrate(database_url, "downgrade", former, number, when)
            assert schema.downgrade(database_url, revision=former) == former
            assert schema_of(database_url) == right[former], (step, number)
            if not came:
                break
        else:
            pytest.fail(f"{step} has more than {MOST} statements")
        schema.upgrade(database_url, step)


def test_what_was_interrupted_is_said_and_completed_first(mariadb_url: str, kill: Killer) -> None:
    head, former, one = REVISIONS[-1], REVISIONS[-2], REVISIONS[-3]
    schema.upgrade(mariadb_url, former)
    for number in range(3, MOST):  # somewhere in the middle of the revision
        assert kill.migrate(mariadb_url, "upgrade", head, number, "after")
        if _standing(mariadb_url) is revisions.SchemaMatch.INTERRUPTED:
            break
    with pytest.raises(Conflict) as caught:
        _require(mariadb_url)
    assert caught.value.code == "migration_interrupted"
    said: list[str] = []
    assert schema.downgrade(mariadb_url, revision=one, tell=said.append) == one
    assert said == [f"Completing revision {head}, which was interrupted."]
    said.clear()
    schema.upgrade(mariadb_url, tell=said.append)
    assert said == []
    _require(mariadb_url)


def _standing(url: str) -> revisions.SchemaMatch:
    made = engine(url)
    with made.connect() as connection:
        found = revisions.standing(connection).match
    made.dispose()
    return found


def _require(url: str) -> None:
    made = engine(url)
    try:
        with made.connect() as connection:
            revisions.require(connection)
    finally:
        made.dispose()
