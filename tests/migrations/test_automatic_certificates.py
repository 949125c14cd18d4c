"""Which certificates of former versions were made for bindings, and which renewals were planned."""

import sqlalchemy as sa

from nameplate.db import engine
from nameplate.usecases.operations import schema

BEFORE, AFTER = "2026_11_28_1901", "2026_11_28_1910"
EARLY, LATE = "2026-11-01 12:00:00.000000", "2026-11-02 12:00:00.000000"
CERTIFICATES = {
    "made": (["shop.acme.com"], LATE, True),
    "older": (["old.acme.com"], EARLY, False),
    "several": (["two.acme.com", "three.acme.com"], LATE, False),
    "unbound": (["free.acme.com"], LATE, False),
}
"""Name -> its hosts, when it was made, and whether it counts as made for a binding."""
TABLES = (
    *("organizations", "applications", "organization_domains", "ssl_certificates"),
    "application_domain_bindings",
)


def test_both_ways(database_url: str) -> None:
    schema.upgrade(database_url, BEFORE)
    made = engine(database_url)
    with made.begin() as connection:
        _force(connection, on=False)
        _fill(connection)
        _force(connection, on=True)
    schema.upgrade(database_url, AFTER)
    assert _read(made, "is_automatic") == {name: row[2] for name, row in CERTIFICATES.items()}
    planned = _read(made, "next_renewal_attempt_at IS NOT NULL")
    assert planned == {"made": True, "older": True, "several": True, "unbound": False}
    schema.downgrade(database_url, revision=BEFORE)
    schema.upgrade(database_url, AFTER)
    assert _read(made, "is_automatic")["made"]
    made.dispose()


def _fill(connection: sa.Connection) -> None:
    def put(table: str, **row: object) -> None:
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), row)

    put("organizations", id=1, name="Acme", slug="acme")
    put("applications", id=1, organization_id=1, name="Shop")
    put("organization_domains", id=1, organization_id=1, domain_name="acme.com")
    as_json = "CAST(:hosts AS jsonb)" if connection.dialect.name == "postgresql" else ":hosts"
    insert = sa.text(
        "INSERT INTO ssl_certificates (id, organization_id, organization_domain_id, common_name,"
        " certificate_name, subject_alternative_names, created_at, auto_renew,"
        f" next_renewal_attempt_at) VALUES (:id, 1, 1, :host, :name, {as_json}, :at, :renew, :at)"
    )
    for number, (name, (hosts, at, _)) in enumerate(CERTIFICATES.items(), 1):
        listed = "[" + ", ".join(f'"{host}"' for host in hosts) + "]"
        bound = name != "unbound"
        connection.execute(
            insert,
            {"id": number, "host": hosts[0], "name": name, "hosts": listed, "at": at, "renew": bound},
        )  # fmt: skip
        if bound:
            put(
                "application_domain_bindings", id=number, organization_id=1, application_id=1,
                organization_domain_id=1, hostname=hosts[0], subdomain=hosts[0].partition(".")[0],
                ssl_certificate_id=number, created_at="2026-11-02 11:00:00.000000",
            )  # fmt: skip


def _force(connection: sa.Connection, *, on: bool) -> None:
    """Let the tables' owner see every organization's rows meanwhile (PostgreSQL)."""
    if connection.dialect.name == "postgresql":
        for table in TABLES:
            how = "FORCE" if on else "NO FORCE"
            connection.execute(sa.text(f"ALTER TABLE {table} {how} ROW LEVEL SECURITY"))


def _read(made: sa.Engine, expression: str) -> dict[str, bool]:
    with made.connect() as connection:
        _force(connection, on=False)
        query = sa.text(f"SELECT certificate_name, {expression} FROM ssl_certificates")
        found = {name: bool(value) for name, value in connection.execute(query)}
        connection.rollback()
    return found
