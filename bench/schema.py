"""What the usual queries cost on the real tables beside bare ones, and what each index costs.

    python -m bench.schema [--domains 100000] [--records-per-domain 5] [--rounds 1000]

Both sets of tables stand in one PostgreSQL database and hold the same rows. The bare ones have no
policies, checks, foreign keys or generated columns, and only the indexes that these queries need.
Each query runs on both by turns with the same random keys: as a tenant's role under row-level
security where a tenant asks, as the system role where the platform does. Goal: p50 within 1.3 times.

Both sets are read into PostgreSQL's own cache before, for what is compared is tables, not which of
them the system happens to have in memory: `blocks` are the pages of 8 KiB that one query touches, and
a smaller `--shared-buffers` shows what a miss costs. Loading takes long, measuring does not, so the
cluster can be kept:

    python -m bench.schema --domains 1000000 --keep /var/tmp/million    # 5,000,000 records
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg
from bench.indexes import report
from bench.tables import AT, TABLES, connected, loaded
from tests.servers import postgresql

from nameplate.seeding.rows import SeedWorld, Size

GOAL = 1.3
WARM_UP = 50
"""Rounds before the measured ones: PostgreSQL plans the first five of each statement anew."""
SECONDS = 30
"""After so long a query's measuring ends, with at least as many rounds as its warm-up has."""
PLACES = ("public", "bare")
PREWARM = """
SELECT sum(pg_prewarm(c.oid)) FROM pg_class c
WHERE c.oid IN (
    SELECT unnest(t.oid || array(SELECT indexrelid FROM pg_index WHERE indrelid = t.oid))
    FROM pg_class t WHERE t.relname = ANY(%s) AND t.relkind = 'r'
)
"""

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """One kind of question; `{}` stands for the schema."""

    name: str
    sql: str
    pick: Callable[[random.Random, SeedWorld], Parameters]
    tenant: bool = False


def _of_domain(dice: random.Random, world: SeedWorld) -> Parameters:
    it = world.domain(dice.randint(1, world.size.domains))
    return {"organization": it.organization, "domain": it.number, "name": it.name}


def _host(dice: random.Random, world: SeedWorld) -> Parameters:
    return {"host": _of_domain(dice, world)["name"].replace("*.", "app.")}


def _record(dice: random.Random, world: SeedWorld) -> Parameters:
    return _of_domain(dice, world) | {"type": dice.choice(("A", "TXT", "MX", "CNAME"))}


def _small(dice: random.Random, world: SeedWorld) -> Parameters:
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
    buffers = options.shared_buffers or f"{max(512, options.domains * 8 // 1000)}MB"
    with loaded(size, options.keep, buffers) as url, connected(url, "postgres") as admin:
        print(f"{size.domains:,} domains, shared_buffers {buffers}, {warm(admin):,} MiB of tables")
        admin.execute("SELECT pg_stat_reset()")
        slow = compare(url, SeedWorld(size, 1, AT), options.rounds)
        if not options.queries_only:
            report(admin)
    sys.exit(bool(slow))


def compare(url: str, world: SeedWorld, rounds: int) -> list[str]:
    """Print what each query costs on both, and return the names of those beyond the goal."""
    slow = []
    titles = f"{'p50 µs':>9}{'bare':>9}{'ratio':>7}{'p95 µs':>10}{'bare':>9}{'ratio':>7}"
    print(f"\n{'':<42}{titles}{'blocks':>10}{'bare':>9}")
    with connected(url, postgresql.APP) as app, connected(url, postgresql.SYSTEM) as system:
        for query in QUERIES:
            connection = app if query.tenant else system
            ours, bare = measure(connection, query, world, rounds)
            p50, p95 = _ratio(ours, bare, 50), _ratio(ours, bare, 95)
            pages = "".join(f"{blocks(connection, query, world, at):>9.1f}" for at in PLACES)
            print(f"{query.name:<42}{p50} {p95} {pages}", flush=True)
            if statistics.median(ours) > GOAL * statistics.median(bare):
                slow.append(query.name)
    print(f"goal: p50 within {GOAL} x: {'missed by ' + ', '.join(slow) if slow else 'met'}")
    return slow


def measure(
    connection: psycopg.Connection[Any], query: Query, world: SeedWorld, rounds: int
) -> tuple[list[float], list[float]]:
    """Return the microseconds of each round on the real and on the bare tables."""
    dice = random.Random(7)
    times: dict[str, list[float]] = {place: [] for place in PLACES}
    sql = {place: query.sql.format(place) for place in PLACES}
    end = time.monotonic() + SECONDS
    for number in range(rounds + WARM_UP):
        if time.monotonic() > end and number > 2 * WARM_UP:
            break
        parameters = query.pick(dice, world)
        order = PLACES if number % 2 else PLACES[::-1]
        with _asking(connection, query, parameters):
            for place in order:
                started = time.perf_counter()
                connection.execute(sql[place], parameters, prepare=True).fetchall()
                if number >= WARM_UP:
                    times[place].append((time.perf_counter() - started) * 1e6)
    return times["public"], times["bare"]


def blocks(
    connection: psycopg.Connection[Any], query: Query, world: SeedWorld, place: str
) -> float:
    """Return how many blocks of the tables and indexes one query touches, the mean of twenty keys."""
    dice = random.Random(8)
    sql = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query.sql.format(place)}"
    touched: list[int] = []
    for _ in range(20):
        parameters = query.pick(dice, world)
        with _asking(connection, query, parameters):
            ((explained,),) = connection.execute(sql, parameters).fetchall()
        plan = explained[0]["Plan"]
        touched.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
    return statistics.mean(touched)


def warm(admin: psycopg.Connection[Any]) -> int:
    """Read both sets of tables with their indexes into the cache and return how many MiB they are."""
    admin.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
    row = admin.execute(PREWARM, (list(TABLES),)).fetchone()
    return int(row[0]) // 128 if row else 0


@contextmanager
def _asking(
    connection: psycopg.Connection[Any], query: Query, parameters: Parameters
) -> Iterator[None]:
    """Open the transaction of a request: for one organization where a tenant asks."""
    with connection.transaction():
        if query.tenant:
            connection.execute(
                "SELECT set_config('nameplate.organization_id', %s, true)",
                (str(parameters["organization"]),),
            )
        yield


def _ratio(ours: Sequence[float], bare: Sequence[float], percent: int) -> str:
    mine, theirs = (statistics.quantiles(times, n=100)[percent - 1] for times in (ours, bare))
    return f"{mine:>9.0f}{theirs:>9.0f}{mine / theirs:>7.2f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--domains", type=int, default=100_000)
    parser.add_argument("--records-per-domain", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--keep", type=Path, help="folder of the cluster, loaded in the first run")
    parser.add_argument("--shared-buffers", help="PostgreSQL's cache; default: holds all tables")
    parser.add_argument("--queries-only", action="store_true", help="leave the indexes out")
    return parser.parse_args()


if __name__ == "__main__":
    main()
