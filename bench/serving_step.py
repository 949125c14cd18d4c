"""What one changed host among very many costs the worker: its whole step for the server, by CPU time.

    python bench/serving_step.py [--hosts N] [--rounds N] [--proxies nginx caddy traefik]

A step reads the rows, compares, renders, has the proxy take it over and records it; what the proxy itself
does is not counted. CPU seconds of this process, medians of the rounds. `--profile` shows where they go.
"""

import argparse
import cProfile
import pstats
import statistics
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parent))

import serving
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from tests.databases import sessions_over
from tests.models import world as rows
from tests.proof import prove
from tests.servers.origin import Origin
from tests.servers.process import ServerMissing
from tests.usecases.offline import Offline

from nameplate import bootstrap, db
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus, CertificateStatus
from nameplate.models import Binding, Certificate, Server
from nameplate.testing.proxy import self_signed
from nameplate.usecases.certificates import requests
from nameplate.usecases.operations import schema
from nameplate.usecases.serving import pacing, proxies

_TOGETHER = 1000


def populate(sessions: db.Sessions, world: Offline, upstream: Any, kind: str, count: int) -> int:
    """Make a server with so many hosts, each with its certificate; return its id."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    with sessions.begin(PLATFORM) as session:
        owner = rows.organization(session)
        app = rows.application(
            session, owner, upstream_host=upstream.host, upstream_port=upstream.port
        )
        server = rows.server(session, None, proxy={"type": kind})
        domain = rows.domain(session, owner, "bench.test")
        prove(session, domain, now)
        for number in range(count):
            name = f"h{number}.bench.test"
            pair, serial = self_signed(name, key=key)
            row = Certificate(
                organization_id=owner.id, organization_domain_id=domain.id, common_name=name,
                subject_alternative_names=[name], status=CertificateStatus.ACTIVE, generation=1,
                certificate_bundle=pair.bundle, serial_number=serial, last_renewed_at=now,
                expires_at=now + timedelta(days=60),
            )  # fmt: skip
            session.add(row)
            session.flush()
            ring = world.tools.keyring
            row.private_key = ring.seal(pair.private_key, requests.key_place(row))
            session.add(
                Binding(
                    organization_id=owner.id, application_id=app.id, server_id=server.id,
                    organization_domain_id=domain.id, hostname=name, subdomain=f"h{number}",
                    ssl_certificate_id=row.id, status=BindingStatus.ACTIVE,
                )
            )  # fmt: skip
            if number % _TOGETHER == 0:
                session.flush()
                session.expunge_all()
        return server.id


def change(sessions: db.Sessions, number: int) -> None:
    """Change one host."""
    with sessions.begin(PLATFORM) as session:
        session.execute(
            sa.update(Binding)
            .where(Binding.hostname == f"h{number}.bench.test")
            .values(hsts_enabled=sa.not_(Binding.hsts_enabled))
        )


def step(world: Offline, server: int) -> float:
    """Have a worker take its step with the server; return the CPU seconds."""
    lease = world.leased(Server, server)
    began = time.process_time()
    code = proxies.reconcile(world.sessions, world.tools, lease)
    if code is not None:
        raise SystemExit(code)
    return time.process_time() - began


def measure(name: str, count: int, rounds: int, *, profiled: bool) -> None:
    """Measure one proxy, and print it."""
    make, _ = serving.PROXIES[name]
    with serving.folder() as place, make(place) as server, Origin("bench") as origin:
        url = f"sqlite:///{place}/bench.db"
        schema.upgrade(url)
        sessions = sessions_over(url)
        world = Offline(sessions)
        world.tools = replace(world.tools, proxy=lambda _server: server.adapter)
        id_ = populate(sessions, world, origin.upstream, name, count)
        fill = step(world, id_)
        step(world, id_)
        profile = cProfile.Profile()
        times, idle = [], []
        for number in range(rounds):
            change(sessions, number)
            if profiled:
                profile.enable()
            times.append(step(world, id_))
            profile.disable()
            idle.append(step(world, id_))
        if profiled:
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        took = statistics.median(times)
        print(f"{name}, {count} hosts: CPU of the worker")
        print(f"    fill {fill:.2f} s   nothing changed {statistics.median(idle):.3f} s")
        print(f"    one change {took:.3f} s, {took / count * 1e6:.0f} microseconds for each host")


def main() -> None:
    """Measure each proxy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--proxies", nargs="+", choices=serving.PROXIES, default=["nginx"])
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    pacing.QUICK = 3600.0  # every change by itself
    bootstrap.collect_rarely()  # as a worker does
    for name in asked.proxies:
        try:
            measure(name, asked.hosts, asked.rounds, profiled=asked.profile)
        except ServerMissing as error:
            print(f"{name}: {error}")


if __name__ == "__main__":
    main()
