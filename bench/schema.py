"""What the usual queries cost on the real tables beside bare ones, and what each index costs.

    python -m bench.schema [--domains 100000] [--records-per-domain 5] [--rounds 1000]

Both sets of tables stand in one PostgreSQL database and hold the same rows. The bare ones have no
policies, checks, foreign keys or generated columns, and only the indexes that these queries need.
Each query runs on both by turns with random parameters: as a tenant's role under row-level security
where a tenant asks, as the system role where the platform does. Goal: p50 within 1.3 times.

    python -m bench.schema --domains 1000000    # 5,000,000 records
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg
from bench.indexes import report
from tests.servers import postgresql

from nameplate.db import Sessions, engine
from nameplate.usecases import schema, seeding
from nameplate.usecases.seeding_rows import Size, World

GOAL = 1.3
AT = datetime(2026, 11, 1, tzinfo=UTC)
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

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """One kind of question; `{}` stands for the schema."""

    name: str
    sql: str
    pick: Callable[[random.Random, World], Parameters]
    tenant: bool = False


def _of_domain(dice: random.Random, world: World) -> Parameters:
    it = world.domain(dice.randint(1, world.size.domains))
    return {"organization": it.organization, "domain": it.number, "name": it.name}


def _host(dice: random.Random, world: World) -> Parameters:
    return {"host": _of_domain(dice, world)["name"].replace("*.", "app.")}


def _record(dice: random.Random, world: World) -> Parameters:
    return _of_domain(dice, world) | {"type": dice.choice(("A", "TXT", "MX", "CNAME"))}


def _small(dice: random.Random, world: World) -> Parameters:
    return {"organization": dice.randint(2, world.size.organizations)}


DUE = (
    "SELECT id, fence FROM {{}}.{} WHERE next_action_at <= %(now)s"
    " AND (lease_until IS NULL OR lease_until <= %(now)s) ORDER BY next_action_at LIMIT 200"
)
COUNTS = (
    "SELECT status, count(*) FROM {}.organization_domains"
    " WHERE organization_id = %(organization)s AND deleted_at IS NULL GROUP BY status"
)
QUERIES = (
    Query(
        "an organization's domains, keyset page",
        "SELECT * FROM {}.organization_domains WHERE organization_id = %(organization)s"
        " AND id > %(domain)s AND deleted_at IS NULL ORDER BY id LIMIT 50",
        _of_domain,
        tenant=True,
    ),
    Query(
        "a domain by full name",
        "SELECT * FROM {}.organization_domains WHERE full_domain = %(name)s AND deleted_at IS NULL",
        _of_domain,
    ),
    Query(
        "a binding with its certificate by host",
        "SELECT b.*, c.certificate_bundle, c.private_key, c.expires_at"
        " FROM {0}.application_domain_bindings b"
        " LEFT JOIN {0}.ssl_certificates c ON c.id = b.ssl_certificate_id"
        " WHERE b.hostname = %(host)s AND b.deleted_at IS NULL AND b.status = 'active'",
        _host,
    ),
    Query("certificates due", DUE.format("ssl_certificates"), lambda *_: {"now": AT}),
    Query("health checks due", DUE.format("application_domain_bindings"), lambda *_: {"now": AT}),
    Query(
        "a domain's records by type",
        "SELECT * FROM {}.dns_records WHERE organization_id = %(organization)s"
        " AND organization_domain_id = %(domain)s AND record_type = %(type)s AND deleted_at IS NULL",
        _record,
        tenant=True,
    ),
    Query("counts by status, a usual organization", COUNTS, _small, tenant=True),
    Query("counts by status, the largest", COUNTS, lambda *_: {"organization": 1}, tenant=True),
)


def main() -> None:
    options = _options()
    organizations = max(10, options.domains // 100)
    size = Size(organizations, options.domains, options.records_per_domain)
    with tempfile.TemporaryDirectory(prefix="nameplate-bench-") as name:
        folder = Path(name) / "server"
        folder.mkdir()
        folder.parent.chmod(0o711)
        with (
            postgresql.PostgreSQL(folder) as server,
            postgresql.fresh_database(server.facts["port"]) as url,
        ):
            fill(url, size)
            slow = compare(url, World(size, 1, AT), options.rounds)
            with connected(url, "postgres") as admin:
                report(admin)
    sys.exit(bool(slow))


def fill(url: str, size: Size) -> None:
    """Make the real tables and the bare ones with the same rows."""
    schema.upgrade(url)
    sessions = Sessions(engine(postgresql.role_url(url, postgresql.SYSTEM)))
    started = time.perf_counter()
    rows = sum(seeding.load(sessions, size, seed=1, at=AT, progress=lambda *_: None).values())
    seconds = time.perf_counter() - started
    sessions.dispose()
    print(
        f"{size.domains:,} domains: {rows:,} rows in {seconds:.0f} s, {rows / seconds:,.0f} rows/s"
    )
    with connected(url, "postgres") as admin:
        admin.execute("CREATE SCHEMA bare")
        started = time.perf_counter()
        for table in TABLES:
            admin.execute(f"CREATE TABLE bare.{table} AS TABLE public.{table}")
        for index in BARE_INDEXES:
            admin.execute(index)
        print(f"bare tables: copied and indexed in {time.perf_counter() - started:.0f} s")
        admin.execute("GRANT USAGE ON SCHEMA bare TO nameplate_app, nameplate_system")
        admin.execute(
            "GRANT SELECT ON ALL TABLES IN SCHEMA bare TO nameplate_app, nameplate_system"
        )
        admin.execute("VACUUM ANALYZE")
        admin.execute("SELECT pg_stat_reset()")


def compare(url: str, world: World, rounds: int) -> list[str]:
    """Print p50 and p95 of each query on both, and return the names of those beyond the goal."""
    slow = []
    print(f"\n{'µs':<42}{'p50':>9}{'bare':>9}{'ratio':>7}{'p95':>10}{'bare':>9}{'ratio':>7}")
    with connected(url, postgresql.APP) as app, connected(url, postgresql.SYSTEM) as system:
        for query in QUERIES:
            ours, bare = measure(app if query.tenant else system, query, world, rounds)
            p50, p95 = _ratio(ours, bare, 50), _ratio(ours, bare, 95)
            print(f"{query.name:<42}{p50} {p95}")
            if statistics.median(ours) > GOAL * statistics.median(bare):
                slow.append(query.name)
    print(f"goal: p50 within {GOAL} x: {'missed by ' + ', '.join(slow) if slow else 'met'}")
    return slow


def measure(
    connection: psycopg.Connection[Any], query: Query, world: World, rounds: int
) -> tuple[list[float], list[float]]:
    """Return the microseconds of each round on the real and on the bare tables."""
    dice = random.Random(7)
    times: dict[str, list[float]] = {"public": [], "bare": []}
    sql = {place: query.sql.format(place) for place in times}
    for number in range(rounds + 20):
        parameters = query.pick(dice, world)
        order = ("public", "bare") if number % 2 else ("bare", "public")
        with connection.transaction():
            if query.tenant:
                connection.execute(
                    "SELECT set_config('nameplate.organization_id', %s, true)",
                    (str(parameters["organization"]),),
                )
            for place in order:
                started = time.perf_counter()
                connection.execute(sql[place], parameters, prepare=True).fetchall()
                if number >= 20:
                    times[place].append((time.perf_counter() - started) * 1e6)
    return times["public"], times["bare"]


def connected(url: str, role: str) -> psycopg.Connection[Any]:
    """Connect as a role; every statement outside a transaction commits by itself."""
    address = postgresql.role_url(url, role).replace("+psycopg", "")
    return psycopg.connect(address, autocommit=True)


def _ratio(ours: Sequence[float], bare: Sequence[float], percent: int) -> str:
    mine, theirs = (statistics.quantiles(times, n=100)[percent - 1] for times in (ours, bare))
    return f"{mine:>9.0f}{theirs:>9.0f}{mine / theirs:>7.2f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--domains", type=int, default=100_000)
    parser.add_argument("--records-per-domain", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
