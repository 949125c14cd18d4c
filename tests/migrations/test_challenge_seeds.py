"""Organizations of former versions get what their labels are made from, each another."""

import sqlalchemy as sa

from nameplate.db import engine
from nameplate.usecases.operations import schema

BEFORE, AFTER = "2026_11_30_0800", "2026_11_30_1000"
SHORTEST = 48


def test_both_ways(database_url: str) -> None:
    schema.upgrade(database_url, BEFORE)
    made = engine(database_url)
    with made.begin() as connection:
        _force(connection, "NO FORCE")
        for number in (1, 2, 3):
            row = {"id": number, "name": "Acme", "slug": f"acme-{number}"}
            insert = "INSERT INTO organizations (id, name, slug) VALUES (:id, :name, :slug)"
            connection.execute(sa.text(insert), row)
        _force(connection, "FORCE")
    schema.upgrade(database_url, AFTER)
    with made.begin() as connection:
        _force(connection, "NO FORCE")
        query = sa.text("SELECT challenge_seed FROM organizations")
        seeds = list(connection.scalars(query))
        _force(connection, "FORCE")
    made.dispose()
    assert len(set(seeds)) == 3
    assert all(len(one) >= SHORTEST for one in seeds)
    schema.downgrade(database_url, revision=BEFORE)
    schema.upgrade(database_url, AFTER)


def _force(connection: sa.Connection, word: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"ALTER TABLE organizations {word} ROW LEVEL SECURITY"))
