"""Tables of no organization show a tenant nothing of others (PostgreSQL)."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from tests.servers import postgresql

from nameplate.db import engine

KEPT = (
    "INSERT INTO idempotency_keys (id, principal, route, key, request_hash) "
    "VALUES ({0}, '{0}:np_a', '/', 'k', 'h')"
)
MADE = (
    KEPT.format(7),
    KEPT.format(8),
    "INSERT INTO budgets (key) VALUES ('acme:1:domain:rival.com')",
    "INSERT INTO name_locks (base) VALUES ('rival.com')",
    "INSERT INTO step_counts (kind, outcome) VALUES ('domain', 'ok')",
    "INSERT INTO live_processes (id, host, pid, key_id) VALUES ('x', 'h', 1, 'k')",
    "INSERT INTO sealing_keys (key_id) VALUES ('k')",
)


@pytest.fixture
def tenant(migrated_postgresql_url: str) -> Iterator[sa.Connection]:
    """Return a transaction of organization 7, in a database with rows of others."""
    system = engine(postgresql.role_url(migrated_postgresql_url, postgresql.SYSTEM))
    with system.begin() as connection:
        for statement in MADE:
            connection.execute(sa.text(statement))
    system.dispose()
    app = engine(postgresql.role_url(migrated_postgresql_url, postgresql.APP))
    with app.begin() as connection:
        connection.execute(sa.text("SELECT set_config('nameplate.organization_id', '7', true)"))
        yield connection
    app.dispose()


def test_nothing_of_others_is_seen(tenant: sa.Connection) -> None:
    """`idempotency_keys`, `budgets` and `name_locks` of everybody could be read."""
    principals = tenant.scalars(sa.text("SELECT principal FROM idempotency_keys")).all()
    assert principals == ["7:np_a"]
    for table in ("budgets", "name_locks", "step_counts", "live_processes"):
        assert tenant.execute(sa.text(f"SELECT * FROM {table}")).all() == [], table


@pytest.mark.parametrize(
    "statement",
    [
        KEPT.format(9),
        "INSERT INTO budgets (key) VALUES ('x')",
        "INSERT INTO name_locks (base) VALUES ('other.com')",
        "UPDATE sealing_keys SET retired_at = now()",
        "INSERT INTO sealing_keys (key_id, retired_at) VALUES ('new', now())",
    ],
)
def test_nothing_of_others_is_written(tenant: sa.Connection, statement: str) -> None:
    with pytest.raises(sa.exc.ProgrammingError, match="row-level security"), tenant.begin_nested():
        tenant.execute(sa.text(statement))


def test_keys_are_not_removed(tenant: sa.Connection) -> None:
    assert tenant.execute(sa.text("DELETE FROM sealing_keys")).rowcount == 0


def test_a_named_lock_is_taken(tenant: sa.Connection) -> None:
    tenant.execute(sa.text("SELECT set_config('nameplate.base', 'rival.com', true)"))
    locked = tenant.execute(sa.text("SELECT base FROM name_locks FOR UPDATE")).all()
    assert len(locked) == 1
