"""A migration that is killed at a statement can be run again, and makes the same schema."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
import sqlalchemy as sa
from tests.migrations.cutting import Migrations
from tests.migrations.killing import Killer, killer

from nameplate.core.errors import Conflict
from nameplate.db import engine
from nameplate.usecases.operations import revisions, schema

REVISIONS = revisions.known()
LONG = "2026_12_03_0010"
"""A revision with many statements."""
NEWEST = 6
"""Of these every one is cut in the short form: they are the ones that a change is about."""
EVERY = 8
"""Of those before them each database cuts one in so many, and each database others."""
FIRST = {"sqlite": 0, "postgresql": 3, "mariadb": 6}
MOST = 200
"""More statements than any revision has."""
LEAST_CUTS = 2
"""Before the note of the revision, and before its commit."""

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


@pytest.mark.parametrize(
    "is_short", [True, pytest.param(False, marks=pytest.mark.torture)], ids=["sample", "all"]
)
def test_revisions_are_run_again_after_a_break_at_every_statement(
    database_url: str, is_short: bool
) -> None:
    """6 of 14 kills in `db upgrade` left MariaDB stuck."""
    migrations, former = Migrations(database_url), "base"
    for step in REVISIONS:
        is_cut = not is_short or step in sample(database_url)
        below = schema_of(database_url) if is_cut else []
        migrations.run(step, is_upgrade=True)
        if is_cut:
            above = schema_of(database_url)
            assert migrations.run_through_cuts(former, is_upgrade=False) >= LEAST_CUTS
            if former != "base":  # there the table that notes the revision goes too
                assert schema_of(database_url) == below, step
            assert migrations.run_through_cuts(step, is_upgrade=True) >= LEAST_CUTS
            assert schema_of(database_url) == above, step
        former = step
    migrations.close()


def sample(url: str) -> list[str]:
    """Return the revisions that the short form cuts in this kind of database."""
    first = FIRST[sa.make_url(url).get_backend_name()]
    return [*REVISIONS[:-NEWEST][first::EVERY], *REVISIONS[-NEWEST:]]


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


def test_a_killed_process_is_a_broken_connection(database_url: str, kill: Killer) -> None:
    """The process of a migration is really killed, in the middle of a revision."""
    former, step = REVISIONS[REVISIONS.index(LONG) - 1], LONG
    schema.upgrade(database_url, former)
    below = schema_of(database_url)
    assert kill.migrate(database_url, "upgrade", step, 12, "after")
    assert schema.upgrade(database_url, step) == step
    above = schema_of(database_url)
    assert kill.migrate(database_url, "downgrade", former, 12, "before")
    assert schema.downgrade(database_url, revision=former) == former
    assert schema_of(database_url) == below
    schema.upgrade(database_url, step)
    assert schema_of(database_url) == above


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
    at = REVISIONS.index(LONG)
    one, former, head = REVISIONS[at - 2 : at + 1]
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


def test_columns_that_were_dropped_take_no_room(mariadb_url: str) -> None:
    """After some twenty times down and up MariaDB had no room left in the rows: `Row size too large`."""
    before, step = "2026_11_28_1730", "2026_11_28_1820"
    schema.upgrade(mariadb_url, before)
    right = schema_of(mariadb_url)
    made = engine(mariadb_url)
    with made.begin() as connection:
        for act in ("ADD COLUMN x{} VARCHAR(80) CHARACTER SET ascii", "DROP COLUMN x{}"):
            acts = ", ".join(act.format(number) for number in range(75))
            connection.execute(sa.text(f"ALTER TABLE domain_verifications {acts}"))
    made.dispose()
    assert schema_of(mariadb_url) == right
    said: list[str] = []
    assert schema.upgrade(mariadb_url, step, tell=said.append) == step
    assert said == [
        "Rebuilding table domain_verifications: dropped columns still take up its rows."
    ]
    assert schema.downgrade(mariadb_url, revision=before, tell=said.append) == before
    assert len(said) == 1
    assert schema_of(mariadb_url) == right


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
