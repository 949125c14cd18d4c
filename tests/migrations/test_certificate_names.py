"""Certificates of former versions get a row for each of their names, and lose them again."""

from typing import Any

import sqlalchemy as sa

from nameplate.db import engine
from nameplate.usecases.operations import schema

BEFORE, AFTER = "2026_11_30_1230", "2026_12_01_0010"
DOMAINS = {1: "a.example", 2: "b.example", 3: "shop.b.example", 4: "*.c.example"}
CERTIFICATES = {
    1: (1, ["a.example", "www.a.example"], False),
    2: (1, ["a.example", "www.b.example", "x.shop.b.example", "*.c.example"], True),
    3: (2, None, False),
}
NAMES = {
    (1, "a.example", 1),
    (1, "www.a.example", 1),
    (2, "a.example", 1),
    (2, "www.b.example", 2),
    (2, "x.shop.b.example", 3),
    (2, "*.c.example", 4),
    (3, "first.b.example", 2),
}


def test_both_ways(database_url: str) -> None:
    schema.upgrade(database_url, BEFORE)
    made = engine(database_url)
    with made.begin() as connection:
        _free(connection, "organizations", "organization_domains", "ssl_certificates")
        _fill(connection)
    schema.upgrade(database_url, AFTER)
    assert _names(made) == NAMES
    schema.downgrade(database_url, revision=BEFORE)
    with made.begin() as connection:
        _free(connection, "ssl_certificates")
        query = sa.text("SELECT id, spans_domains FROM ssl_certificates ORDER BY id")
        found = {row.id: bool(row.spans_domains) for row in connection.execute(query)}
    assert found == {1: False, 2: True, 3: False}
    schema.upgrade(database_url, AFTER)
    assert _names(made) == NAMES
    made.dispose()


def _names(made: sa.Engine) -> set[tuple[int, str, int]]:
    with made.begin() as connection:
        _free(connection, "certificate_names")
        query = sa.text(
            "SELECT ssl_certificate_id, hostname, organization_domain_id FROM certificate_names"
        )
        return {(row[0], row[1], row[2]) for row in connection.execute(query)}


def _fill(connection: sa.Connection) -> None:
    _insert(connection, "organizations", id=1, name="Acme", slug="acme", challenge_seed="x" * 48)
    for number, name in DOMAINS.items():
        bare = name.removeprefix("*.")
        base = ".".join(bare.split(".")[-2:])
        sub = name.removesuffix(base).removesuffix(".") or None
        _insert(
            connection, "organization_domains",
            id=number, organization_id=1, domain_name=base, subdomain=sub,
        )  # fmt: skip
    table = sa.table(
        "ssl_certificates",
        *(sa.column(name) for name in ("id", "organization_id", "organization_domain_id")),
        sa.column("common_name"),
        sa.column("subject_alternative_names", sa.JSON(none_as_null=True)),
        sa.column("spans_domains", sa.Boolean),
    )
    for number, (domain, names, spans) in CERTIFICATES.items():
        row = {
            "id": number, "organization_id": 1, "organization_domain_id": domain,
            "common_name": names[0] if names else "first.b.example",
            "subject_alternative_names": names, "spans_domains": spans,
        }  # fmt: skip
        connection.execute(table.insert().values(row))


def _insert(connection: sa.Connection, table: str, **columns: Any) -> None:
    made = sa.table(table, *map(sa.column, columns))
    connection.execute(made.insert().values(columns))


def _free(connection: sa.Connection, *tables: str) -> None:
    """Let the owner see every row (PostgreSQL)."""
    if connection.dialect.name == "postgresql":
        for table in tables:
            connection.execute(sa.text(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))
