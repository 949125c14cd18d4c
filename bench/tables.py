"""The real tables beside bare ones with the same rows, in a cluster that can be kept for more runs.

The rows come in without the checks of foreign keys, and the indexes that no constraint needs are
made afterwards, on both sets of tables alike: quicker, and the same rows.
"""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from tests.servers import postgresql

from nameplate.db import POSTGRESQL_OPTIONS, Sessions, engine
from nameplate.seeding import load
from nameplate.seeding.rows import Size
from nameplate.usecases.operations import schema

AT = datetime(2026, 11, 1, tzinfo=UTC)
DATABASE = "nameplate_bench"
SETTINGS = {
    "maintenance_work_mem": "1GB",
    "max_wal_size": "8GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
TABLES = (
    "organization_domains",
    "dns_records",
    "ssl_certificates",
    "application_domain_bindings",
)
BARE_INDEXES = (
    "CREATE UNIQUE INDEX ON bare.organization_domains (organization_id, id)",
    "CREATE INDEX ON bare.organization_domains (full_domain)",
    "CREATE INDEX ON bare.organization_domains (organization_id, status)",
    "CREATE INDEX ON bare.dns_records (organization_domain_id, record_type)",
    "CREATE UNIQUE INDEX ON bare.ssl_certificates (id)",
    "CREATE INDEX ON bare.ssl_certificates (next_action_at)",
    "CREATE INDEX ON bare.application_domain_bindings (hostname)",
    "CREATE INDEX ON bare.application_domain_bindings (next_action_at)",
)
WITHOUT_CONSTRAINT = """
SELECT i.relname, pg_get_indexdef(i.oid) FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
WHERE i.relnamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.oid)
ORDER BY i.oid
"""


@contextmanager
def loaded(size: Size, keep: Path | None, shared_buffers: str) -> Iterator[str]:
    """Yield the owner's URL of a database with both sets of tables, loaded unless `keep` has it.

    With `keep` the cluster stays in that folder, which must be one that the server's user can reach;
    a kept one is brought to the schema of today.
    """
    with tempfile.TemporaryDirectory(prefix="nameplate-bench-") as temporary:
        folder = keep or Path(temporary) / "server"
        folder.mkdir(parents=True, exist_ok=True)
        Path(temporary).chmod(0o711)
        settings = SETTINGS | {"shared_buffers": shared_buffers}
        with postgresql.PostgreSQL(folder, settings) as server:
            port = server.facts["port"]
            if not (folder / "size").exists():
                _fill(_new_database(port, folder), size)
                (folder / "size").write_text(repr(size))
            kept = (folder / "size").read_text()
            if kept != repr(size):
                raise SystemExit(f"{folder} holds {kept}, not {size}: name another folder")
            url = postgresql.database_url(port, DATABASE)
            schema.upgrade(url)
            yield url


def connected(url: str, role: str) -> psycopg.Connection[Any]:
    """Connect as a role, with the settings of the product's sessions; each statement commits."""
    address = postgresql.role_url(url, role).replace("+psycopg", "")
    return psycopg.connect(address, autocommit=True, options=POSTGRESQL_OPTIONS)


def _new_database(port: int, folder: Path) -> str:
    try:
        return postgresql.create_database(port, DATABASE)
    except psycopg.errors.DuplicateDatabase:
        raise SystemExit(f"loading did not come to its end in {folder}: remove it") from None


def _fill(url: str, size: Size) -> None:
    """Make the real tables and the bare ones with the same rows, then the indexes of both."""
    schema.upgrade(url)
    with connected(url, "postgres") as admin:
        indexes = admin.execute(WITHOUT_CONSTRAINT).fetchall()
        for name, _ in indexes:
            admin.execute(f"DROP INDEX public.{name}")
        rows = _timed("rows", lambda: _load(admin, url, size))
        admin.execute("CREATE SCHEMA bare")
        copies = [f"CREATE TABLE bare.{table} AS TABLE public.{table}" for table in TABLES]
        _timed("bare copies", lambda: _each(admin, copies))
        _timed("indexes", lambda: _each(admin, [definition for _, definition in indexes]))
        _timed("bare indexes", lambda: _each(admin, BARE_INDEXES))
        admin.execute("GRANT USAGE ON SCHEMA bare TO nameplate_app, nameplate_system")
        admin.execute(
            "GRANT SELECT ON ALL TABLES IN SCHEMA bare TO nameplate_app, nameplate_system"
        )
        _timed("VACUUM ANALYZE", lambda: admin.execute("VACUUM ANALYZE"))
        admin.execute("CHECKPOINT")
    print(f"{size.domains:,} domains: {rows:,} rows")


def _load(admin: psycopg.Connection[Any], url: str, size: Size) -> int:
    """Load the rows of a seed, whose parents are known to be there, and return how many."""
    admin.execute("ALTER ROLE postgres SET session_replication_role = replica")
    sessions = Sessions(engine(postgresql.role_url(url, "postgres")))
    rows = load.load(sessions, size, seed=1, at=AT, progress=lambda *_: None)
    sessions.dispose()
    admin.execute("ALTER ROLE postgres RESET session_replication_role")
    return sum(rows.values())


def _each(admin: psycopg.Connection[Any], statements: Iterable[str]) -> None:
    for statement in statements:
        admin.execute(statement)


def _timed(what: str, act: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = act()
    print(f"  {what:<16}{time.perf_counter() - started:>7.0f} s", flush=True)
    return result
