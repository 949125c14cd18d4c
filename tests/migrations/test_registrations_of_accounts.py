"""Names that accounts of several organizations list, before a version that admits one of them."""

from typing import Any

import pytest
import sqlalchemy as sa

from nameplate.db import engine
from nameplate.usecases.operations import schema

BEFORE, AFTER = "2026_12_06_0310", "2026_12_07_0410"
ROWS: dict[int, dict[str, Any]] = {
    1: {"organization_id": 1, "status": "ended"},
    2: {"organization_id": 2},
    3: {"organization_id": 1},
    4: {"organization_id": 1, "name": "other.test"},
}


def test_the_first_organization_keeps_a_name_that_several_have(database_url: str) -> None:
    schema.upgrade(database_url, AFTER)
    made = engine(database_url)
    with made.begin() as connection:
        _fill(connection)
    with pytest.raises(sa.exc.IntegrityError), made.begin() as connection:
        _insert(connection, "registrations", id=5, organization_id=2, **_USUAL)
    schema.downgrade(database_url, revision=BEFORE)
    assert _current(made) == {2, 4}
    schema.upgrade(database_url, AFTER)
    assert _current(made) == {2, 4}
    made.dispose()


_USUAL = {"name": "shop.test", "status": "active"}


def _current(made: sa.Engine) -> set[int]:
    with made.begin() as connection:
        _free(connection, "registrations")
        query = sa.text("SELECT id FROM registrations WHERE current = 1")
        return set(connection.execute(query).scalars())


def _fill(connection: sa.Connection) -> None:
    _free(connection, "organizations", "registrations")
    for number in (1, 2):
        name = f"acme{number}"
        _insert(
            connection, "organizations",
            id=number, name=name, slug=name, challenge_seed=str(number) * 48,
        )  # fmt: skip
    for number, given in ROWS.items():
        _insert(connection, "registrations", id=number, **{**_USUAL, **given})


def _insert(connection: sa.Connection, table: str, **columns: Any) -> None:
    made = sa.table(table, *map(sa.column, columns))
    connection.execute(made.insert().values(columns))


def _free(connection: sa.Connection, *tables: str) -> None:
    """Let the owner see every row (PostgreSQL)."""
    if connection.dialect.name == "postgresql":
        for table in tables:
            connection.execute(sa.text(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))
