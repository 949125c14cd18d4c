"""The specification's high-priority queries are answered through an index on every database."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over

from nameplate.db import Sessions, engine
from nameplate.models import metadata
from nameplate.seeding import load
from nameplate.seeding.rows import SeedWorld, Size

AT = datetime(2026, 11, 1, tzinfo=UTC)
SIZE = Size(organizations=50, domains=1500, records_per_domain=3)

domains = metadata.tables["organization_domains"]
records = metadata.tables["dns_records"]
certificates = metadata.tables["ssl_certificates"]
bindings = metadata.tables["application_domain_bindings"]

UNINDEXED = (
    sa.select(domains).where(domains.c.notes == "x"),
    sa.select(records).where(records.c.external_record_id == "x"),
)
SAMPLE = SeedWorld(SIZE, 1, AT).domain(17)
QUERIES = {
    "organization_id": sa.select(domains)
    .where(domains.c.organization_id == 9, domains.c.id > 100)
    .order_by(domains.c.id)
    .limit(50),
    "status": sa.select(domains).where(domains.c.status == "suspended"),
    "organization_id + status": sa.select(records).where(
        records.c.organization_id == 9, records.c.status == "error"
    ),
    "expires_at": sa.select(certificates)
    .where(certificates.c.expires_at < AT, certificates.c.auto_renew)
    .order_by(certificates.c.expires_at)
    .limit(20),
    "domain_name": sa.select(domains).where(domains.c.domain_name == SAMPLE.base),
    "full_domain": sa.select(domains).where(domains.c.full_domain == SAMPLE.name),
    "recordable_type + recordable_id": sa.select(records).where(
        records.c.recordable_type == "domain_verification", records.c.recordable_id == 17
    ),
    "the worker's lease": sa.select(bindings.c.id, bindings.c.fence)
    .where(
        bindings.c.next_action_at <= datetime(2026, 10, 31, 23, tzinfo=UTC),
        sa.or_(bindings.c.lease_until.is_(None), bindings.c.lease_until <= AT),
    )
    .order_by(bindings.c.next_action_at)
    .limit(20),
}

OF_A_DOMAIN = sa.select(records).where(
    records.c.organization_id == SAMPLE.organization, records.c.organization_domain_id == 17
)
SMALLEST = (
    (OF_A_DOMAIN.where(records.c.record_type == "TXT"), "dns_records_domain_type_index"),
    (OF_A_DOMAIN.where(records.c.name == "www"), "unique_dns_record"),
)
"""Questions that two indexes could answer, and the one that does it with less to read."""


@pytest.fixture
def analysed(migrated_url: str) -> Iterator[sa.Connection]:
    """Connect to some thousand rows whose statistics the database knows."""
    sessions: Sessions = sessions_over(migrated_url)
    load.load(sessions, SIZE, seed=1, at=AT, progress=lambda *_: None)
    sessions.dispose()  # SQLite reads its statistics when a connection is opened
    owner = engine(migrated_url)
    with owner.begin() as connection:
        for table in (domains, records, certificates, bindings):
            word = "ANALYZE TABLE" if owner.dialect.name in {"mysql", "mariadb"} else "ANALYZE"
            connection.execute(sa.text(f"{word} {table.name}"))
    owner.dispose()
    with sessions.system_engine.connect() as connection:
        yield connection
    sessions.dispose()


def plan(connection: sa.Connection, query: sa.Select[Any]) -> tuple[str, bool]:
    """Return the database's plan, and whether every table in it is reached by an index."""
    dialect = connection.dialect
    compiled = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    text = str(compiled).replace("%%", "%")
    if dialect.name == "sqlite":
        rows = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
        return "\n".join(rows), all("USING" in row and "INDEX" in row for row in rows)
    if dialect.name == "postgresql":
        lines = "\n".join(connection.exec_driver_sql(f"EXPLAIN {text}").scalars())
        return lines, "Seq Scan" not in lines and "Index" in lines
    found = connection.exec_driver_sql(f"EXPLAIN {text}").mappings().all()
    return str(found), all(row["key"] is not None and row["type"] != "ALL" for row in found)


def test_each_query_uses_an_index(analysed: sa.Connection) -> None:
    plans = {name: plan(analysed, query) for name, query in QUERIES.items()}
    scans = [f"{name}:\n{text}" for name, (text, indexed) in plans.items() if not indexed]
    assert not scans, "\n\n".join(["", *scans])
    for query in UNINDEXED:  # a plan that scans must look like one, or the test shows nothing
        text, indexed = plan(analysed, query)
        assert not indexed, text
    for query, index in SMALLEST:
        text, _ = plan(analysed, query)
        assert index in text, text
