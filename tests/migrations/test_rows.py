"""Migrations with rows in the tables, as the documented roles, and behind others that use them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.models import world

from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import Conflict
from nameplate.db import engine
from nameplate.models import Record, RecordType
from nameplate.seeding import load
from nameplate.seeding.rows import Size
from nameplate.usecases.operations import revisions, schema

NOW = datetime(2026, 11, 28, tzinfo=UTC)
RING = KeyRing({"k1": bytes(range(32))}, "k1")
REVISIONS = revisions.known()


def fill(url: str, each: int) -> None:
    """Make rows in every table, and `each` records of every type."""
    sessions = sessions_over(url)
    load.world(sessions, RING, NOW)
    with sessions.begin(PLATFORM) as session:
        domain = world.domain(session, world.organization(session))
        session.flush()
        for kind in RecordType:
            session.execute(
                sa.insert(Record),
                [
                    {
                        "organization_id": domain.organization_id,
                        "organization_domain_id": domain.id,
                        "record_type": kind,
                        "name": f"n{number}",
                        "value": "value",
                        "value_digest": f"{number}",
                    }
                    for number in range(each)
                ],
            )
    sessions.dispose()


def counted(url: str) -> dict[str, int]:
    """Return how many records there are, by type, however old the schema is."""
    sessions = sessions_over(url)
    with sessions.system_engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT record_type, count(*) FROM dns_records GROUP BY record_type")
        ).all()
    sessions.dispose()
    return {str(kind): int(number) for kind, number in rows}


def _down_and_up(url: str, each: int) -> None:
    fill(url, each)
    before = counted(url)
    assert all(before[kind.value] >= each for kind in RecordType)
    assert schema.downgrade(url, revision="2026_11_23_1070") == "2026_11_23_1070"
    left = counted(url)
    old = {"A", "AAAA", "CNAME", "MX", "TXT", "SRV", "CAA", "NS", "SOA", "PTR"}
    assert left == {kind: number for kind, number in before.items() if kind in old}
    assert schema.upgrade(url) == REVISIONS[-1]
    assert counted(url) == left
    assert schema.downgrade(url, revision="base") is None
    assert schema.upgrade(url) == REVISIONS[-1]


def test_down_and_up_again_with_every_type(migrated_url: str) -> None:
    """As the documented owner, PostgreSQL failed once a newer type existed: FORCE hid the rows."""
    _down_and_up(migrated_url, 3)


@pytest.mark.torture
def test_down_and_up_again_with_10000_rows_of_every_type(migrated_url: str) -> None:
    _down_and_up(migrated_url, 10_000)


@pytest.mark.torture
def test_down_and_up_again_with_a_bulk_load(migrated_url: str) -> None:
    sessions = sessions_over(migrated_url)
    load.load(sessions, Size(100, 10_000, 5), seed=1, at=NOW, progress=lambda *_: None)
    sessions.dispose()
    assert schema.downgrade(migrated_url, revision="2026_11_23_1070") == "2026_11_23_1070"
    assert schema.upgrade(migrated_url) == REVISIONS[-1]


@contextmanager
def using(url: str, statement: str) -> Iterator[None]:
    """Keep a transaction open that has used a table."""
    made = engine(url)
    with made.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.text(statement)).all()
        yield
        transaction.rollback()
    made.dispose()


def _gives_up(url: str, migrate: Callable[[], str | None]) -> None:
    """Migrate while somebody reads, which must fail within 10 s but for a file."""
    made = engine(url)
    with made.connect().execution_options(nameplate_read_only=True) as reader:
        reader.execute(sa.text("SELECT count(*) FROM dns_records")).all()
        began = time.monotonic()
        if url.startswith("sqlite"):  # a reader has the file as it was, and holds nobody up
            migrate()
        else:
            with pytest.raises(Conflict) as caught:
                migrate()
            assert caught.value.code == "database_busy"
        assert time.monotonic() - began < 10
        reader.rollback()
    made.dispose()


def test_behind_an_open_reader_a_migration_gives_up_soon(migrated_url: str) -> None:
    """MariaDB waited 45 s and longer, and everybody behind it."""
    target = "2026_11_23_1070"
    _gives_up(migrated_url, lambda: schema.downgrade(migrated_url, revision=target))
    assert schema.downgrade(migrated_url, revision=target) == target
    _gives_up(migrated_url, lambda: schema.upgrade(migrated_url))
    assert schema.upgrade(migrated_url) == REVISIONS[-1]


def test_behind_an_open_writer_of_a_file_too(migrated_sqlite_url: str) -> None:
    began = time.monotonic()
    with using(migrated_sqlite_url, "SELECT 1"), pytest.raises(Conflict) as caught:
        schema.downgrade(migrated_sqlite_url, revision="-1")
    assert caught.value.code == "database_busy"
    assert time.monotonic() - began < 10
