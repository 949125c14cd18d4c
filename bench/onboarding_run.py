"""One run of `bench.onboarding`: what is done, what is seen, and the figures of it."""

import contextlib
import os
import random
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from bench.acme_peers import cpu_of, cpu_of_group, peak_of
from bench.onboarding_world import ZONES, World
from psycopg import sql
from tests.servers import postgresql

from nameplate.usecases.operations import schema

SINGLE = f"single.{ZONES[0]}"
CLIENTS, VISITORS = 4, 4
LOOK_EVERY = 0.5
GIVEN_UP_AFTER = 120.0
"""Seconds without one more live domain."""
COUNTED = {
    "claimed": "SELECT count(*) FROM organization_domains",
    "proved": "SELECT count(*) FROM organization_domains WHERE verified_at IS NOT NULL",
    "certified": "SELECT count(*) FROM ssl_certificates WHERE certificate IS NOT NULL",
    "active": "SELECT count(*) FROM application_domain_bindings WHERE status = 'active'",
}
LEASED = {
    "verification": "domain_verifications",
    "domain": "organization_domains",
    "record": "dns_records",
    "certificate": "ssl_certificates",
    "binding": "application_domain_bindings",
    "server": "servers",
}
ACTIVE = "SELECT hostname FROM application_domain_bindings WHERE status = 'active'"


@dataclass
class Run:
    """What was seen, in seconds from the first claim."""

    started: float = 0.0
    claimed: dict[str, float] = field(default_factory=dict)
    live: dict[str, float] = field(default_factory=dict)
    curve: list[tuple[float, dict[str, int]]] = field(default_factory=list)
    single: float | None = None
    suspension: float | None = None
    """Seconds from the request until the proxy answered otherwise."""
    single_at: float | None = None
    amid: int = 0
    """How many were live when the suspension was effective."""
    kills: int = 0
    refused: list[str] = field(default_factory=list)

    def now(self) -> float:
        """Return the seconds since the first claim."""
        return time.monotonic() - self.started


def _server_of(name: str) -> str:
    return "nginx" if int(name[1:].partition(".")[0]) % 2 else "caddy"


def _claims(world: World, run: Run, names: list[str], every: float) -> None:
    def one(name: str) -> None:
        run.claimed[name] = run.now()
        world.onboard(world.crowd, name, _server_of(name))

    claims = []
    with ThreadPoolExecutor(CLIENTS) as pool:
        for place, name in enumerate(names):
            if every:
                time.sleep(max(0.0, run.started + place * every - time.monotonic()))
            claims.append(pool.submit(one, name))
    run.refused = [repr(done.exception()) for done in claims if done.exception()]


def _visits(world: World, run: Run, names: list[str], stop: threading.Event) -> None:
    """Count what the database says, and visit what has become active until it is live."""
    with (
        psycopg.connect(world.url, autocommit=True) as database,
        ThreadPoolExecutor(VISITORS) as pool,
    ):
        while not stop.is_set():
            counts = {
                what: int(database.execute(asked).fetchall()[0][0])
                for what, asked in COUNTED.items()
            }
            run.curve.append((run.now(), counts))
            active = {row[0] for row in database.execute(ACTIVE)}
            waiting = [one for one in names if one in active and one not in run.live]
            if 4 * len(waiting) < len(names) and len(run.live) < len(names) - len(waiting):
                stop.wait(LOOK_EVERY)
            for name, there in zip(
                waiting, pool.map(lambda n: world.serves(n, _server_of(n)), waiting), strict=True
            ):
                if there:
                    run.live[name] = run.now()
            if len(run.live) == len(names):
                return


def _in_the_middle(world: World, run: Run, count: int) -> None:
    """Add another organization's domain and suspend a live one, when half of all is claimed."""
    while len(run.claimed) < count // 2 or not run.live:
        time.sleep(0.1)
    began = run.now()
    world.onboard(world.other, SINGLE, "nginx")
    victim = next(iter(run.live))
    suspended = run.now()
    world.nameplate.call("POST", f"/v1/domains/{victim}:suspend", token=world.crowd["token"])
    while run.suspension is None or run.single is None:
        if run.suspension is None and not world.serves(victim, _server_of(victim)):
            run.suspension, run.amid = run.now() - suspended, len(run.live)
        if run.single is None and world.serves(SINGLE, "nginx"):
            run.single_at = run.now()
            run.single = run.single_at - began
        time.sleep(0.1)


def _kills(world: World, run: Run, kills: int, seconds: float, stop: threading.Event) -> None:
    chosen = random.Random(1)
    for _ in range(kills):
        if stop.wait(chosen.uniform(0.5, 1.5) * seconds / kills):
            return
        world.nameplate.kill_worker(chosen.randrange(2))
        run.kills += 1


def measure(count: int, every: float, kills: int) -> tuple[Run, dict[str, Any]]:
    """Onboard `count` domains, and return what was seen with its figures."""
    names = [f"d{number}.{ZONES[number % len(ZONES)]}" for number in range(count)]
    run, stop = Run(), threading.Event()
    with tempfile.TemporaryDirectory(prefix="nameplate-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)
        with contextlib.ExitStack() as stack:
            (folder / "postgresql").mkdir()
            cluster = stack.enter_context(postgresql.PostgreSQL(folder / "postgresql"))
            url = stack.enter_context(postgresql.fresh_database(cluster.facts["port"]))
            schema.upgrade(url)
            world = World(folder, stack, url)
            before = _cpu(world, cluster)
            run.started = time.monotonic()
            threads = [
                threading.Thread(target=_claims, args=(world, run, names, every)),
                threading.Thread(target=_in_the_middle, args=(world, run, count), daemon=True),
                threading.Thread(
                    target=_kills,
                    args=(world, run, kills, every * count or 30.0, stop),
                    daemon=True,
                ),
            ]
            owner = threading.Thread(target=world.publish, args=(stop,), daemon=True)
            watching = threading.Thread(target=_visits, args=(world, run, names, stop))
            for thread in (*threads, owner, watching):
                thread.start()
            _wait(run, watching)
            threads[1].join(30)
            stop.set()
            watching.join()
            threads[0].join()
            after = _cpu(world, cluster)
            figures = _figures(world, run, count)
            figures["cpu_ms_each"] = {
                name: round((seconds - before[name]) * 1000 / count, 1)
                for name, seconds in after.items()
            }
    return run, figures


def _wait(run: Run, watching: threading.Thread) -> None:
    seen, moved = 0, time.monotonic()
    while watching.is_alive() and time.monotonic() - moved < GIVEN_UP_AFTER and not run.refused:
        watching.join(1.0)
        if len(run.live) != seen:
            seen, moved = len(run.live), time.monotonic()


def _cpu(world: World, cluster: postgresql.PostgreSQL) -> dict[str, float]:
    """Return the CPU seconds of every program since its start."""
    groups = {
        "serve": world.nameplate.serve_pid,
        "worker": world.nameplate.worker_pids[0],
        "worker 2": world.nameplate.worker_pids[1],
        "postgresql": cluster.pid,
        "powerdns": world.dns.server.pid,
        "pebble": world.pebble.pid,
        "nginx": world.nginx.server.pid,
        "caddy": world.caddy.server.pid,
    }
    found = {name: cpu_of_group(pid) for name, pid in groups.items()}
    found["this bench"] = cpu_of(os.getpid())
    return found


def _figures(world: World, run: Run, count: int) -> dict[str, Any]:
    missing = next((name for name in run.claimed if name not in run.live), None)
    waited = sorted(run.live[name] - run.claimed[name] for name in run.live)
    with psycopg.connect(world.url) as database:
        steps = database.execute("SELECT kind, outcome, steps FROM step_counts").fetchall()
        leases = {kind: _leases(database, table) for kind, table in LEASED.items()}
    failed = {
        f"{kind}:{outcome}": int(number) for kind, outcome, number in steps
        if outcome not in {"ok", "lease_lost", "given_back"}
    }  # fmt: skip
    seconds = max(run.live.values(), default=0.0)
    orders, failed_orders = world.pebble.orders()
    return {
        "domains": count,
        "live": len(run.live),
        "first_missing": missing and _why(world, missing),
        "seconds": round(seconds, 1),
        "rate": round(len(run.live) / seconds, 1) if seconds else 0.0,
        "p50": round(statistics.median(waited), 1) if waited else None,
        "p95": round(waited[len(waited) * 95 // 100], 1) if waited else None,
        "single": run.single and round(run.single, 1),
        "suspension": run.suspension and round(run.suspension, 1),
        "orders": orders,
        "failed_orders": failed_orders,
        "kills": run.kills,
        "failed_steps": failed,
        "leases_each": {kind: round(number / count, 2) for kind, number in leases.items()},
        "worker_mib": [round(peak_of(pid)) for pid in world.nameplate.worker_pids],
    }


def _leases(database: "psycopg.Connection[Any]", table: str) -> int:
    """Return how often the rows of a table were leased together: each lease is a look."""
    asked = sql.SQL("SELECT coalesce(sum(fence), 0) FROM {}").format(sql.Identifier(table))
    return int(database.execute(asked).fetchall()[0][0])


def _why(world: World, name: str) -> list[str]:
    found = world.nameplate.call("GET", f"/v1/domains/{name}", token=world.crowd["token"])
    return [
        f"{name}: {one['type']}: {one['reason']}: {one['message']}"
        for one in found["conditions"]
        if one["status"] not in {"true", True, "True"}
    ]
