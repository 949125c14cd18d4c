"""Where a database stands, told without Alembic, is what Alembic says."""

import pytest
import sqlalchemy as sa

from nameplate.core.errors import Conflict
from nameplate.db import engine
from nameplate.usecases.operations import revisions, schema
from nameplate.usecases.operations.revisions import SchemaMatch


def standing(url: str) -> revisions.Standing:
    made = engine(url)
    with made.connect() as connection:
        found = revisions.standing(connection)
    made.dispose()
    return found


def test_the_files_name_what_alembic_knows() -> None:
    assert list(revisions.known()) == [step.id for step in reversed(schema.history())]


def test_each_standing_is_told(sqlite_url: str) -> None:
    assert standing(sqlite_url).match is SchemaMatch.ABSENT
    schema.upgrade(sqlite_url, revisions.known()[2])
    assert standing(sqlite_url) == revisions.Standing(SchemaMatch.OLDER, revisions.known()[2])
    schema.upgrade(sqlite_url)
    assert standing(sqlite_url).match is SchemaMatch.CURRENT


def test_revisions_among_those_of_a_host_are_found(database_url: str) -> None:
    made = engine(database_url)
    with made.begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        for one in ("host1", revisions.known()[-1]):
            connection.execute(sa.text(f"INSERT INTO alembic_version VALUES ('{one}')"))
        assert revisions.standing(connection).match is SchemaMatch.CURRENT
        connection.execute(sa.text("DELETE FROM alembic_version WHERE version_num <> 'host1'"))
        assert revisions.standing(connection).match is SchemaMatch.ABSENT
    made.dispose()


@pytest.mark.parametrize(
    ("revision", "code"),
    [("2031_01_01_0000", "schema_newer"), ("2026_11_23_1000", "schema_not_current")],
)
def test_what_does_not_fit_is_refused(migrated_sqlite_url: str, revision: str, code: str) -> None:
    made = engine(migrated_sqlite_url)
    with made.begin() as connection:
        revisions.require(connection)
        connection.execute(sa.text(f"UPDATE nameplate_version SET version_num = '{revision}'"))
        with pytest.raises(Conflict) as caught:
            revisions.require(connection)
    made.dispose()
    assert caught.value.code == code
