"""Bindings that share a host and path, on several ports, before a version that knows one."""

from typing import Any

import sqlalchemy as sa

from nameplate.db import engine
from nameplate.usecases.operations import schema

BEFORE, AFTER = "2026_12_01_0310", "2026_12_02_0010"
TARGETS: dict[int, dict[str, Any]] = {
    1: {"deleted_at": "2026-01-01 00:00:00"},
    2: {"port": 8081},
    3: {},
    4: {"port": 8082},
    5: {"port": 8081, "path": "/api"},
    6: {"port": 8081, "subdomain": "www"},
    7: {"port": 8081, "application_id": 2},
    8: {"port": 8082, "application_id": 2},
}
"""1 is removed already; 2, 3 and 4 share one place, 7 and 8 another."""
KEPT = {2, 5, 6, 7}


def test_the_oldest_target_of_an_application_stays(database_url: str) -> None:
    """The later ones are removed, not deleted; one that was removed before makes none go."""
    schema.upgrade(database_url, AFTER)
    made = engine(database_url)
    with made.begin() as connection:
        _fill(connection)
    schema.downgrade(database_url, revision=BEFORE)
    assert _live(made) == KEPT
    schema.upgrade(database_url, AFTER)
    assert _live(made) == KEPT
    with made.begin() as connection:
        query = sa.text("SELECT count(*) FROM application_domain_bindings")
        assert connection.execute(query).scalar_one() == len(TARGETS)
    made.dispose()


def _live(made: sa.Engine) -> set[int]:
    with made.begin() as connection:
        _free(connection, "application_domain_bindings")
        query = sa.text("SELECT id FROM application_domain_bindings WHERE deleted_at IS NULL")
        return set(connection.execute(query).scalars())


def _fill(connection: sa.Connection) -> None:
    tables = "organizations", "applications", "organization_domains", "application_domain_bindings"
    _free(connection, *tables)
    _insert(connection, tables[0], id=1, name="Acme", slug="acme", challenge_seed="x" * 48)
    for number in (1, 2):
        _insert(connection, tables[1], id=number, organization_id=1, name=f"App {number}")
    _insert(connection, tables[2], id=1, organization_id=1, domain_name="acme.test")
    for number, given in TARGETS.items():
        subdomain = given.get("subdomain")
        hostname = f"{subdomain}.acme.test" if subdomain else "acme.test"
        usual = {"application_id": 1, "organization_domain_id": 1, "hostname": hostname}
        _insert(connection, tables[3], id=number, organization_id=1, **{**usual, **given})


def _insert(connection: sa.Connection, table: str, **columns: Any) -> None:
    made = sa.table(table, *map(sa.column, columns))
    connection.execute(made.insert().values(columns))


def _free(connection: sa.Connection, *tables: str) -> None:
    """Let the owner see every row (PostgreSQL)."""
    if connection.dialect.name == "postgresql":
        for table in tables:
            connection.execute(sa.text(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))
