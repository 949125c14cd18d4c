"""What one changed host among very many costs the worker: its whole step for the server, by CPU time.

    python bench/serving_step.py [--hosts N] [--rounds N] [--proxies nginx caddy traefik]

A step reads the rows, compares, renders, has the proxy take it over and records it; what the proxy itself
does is not counted. Beside it stands the bare script: it writes the bytes that have changed, and tells the proxy.
CPU seconds of this process, medians of the rounds. `--profile` shows where they go.
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
from tests.models import world as rows
from tests.proof import prove
from tests.servers.origin import Origin
from tests.servers.process import ServerMissing
from tests.usecases.offline import Offline

from nameplate import db
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus, CertificateStatus
from nameplate.models import Binding, Certificate, Server
from nameplate.testing.proxy import self_signed
from nameplate.usecases.certificates import requests
from nameplate.usecases.operations import schema
from nameplate.usecases.serving import pacing, proxies

_TOGETHER = 1000
RATIO = 1.5


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


def bare(server: Any, tell: Any, world: Offline, number: int) -> float:
    """Have the script write what one more change makes other, and tell the proxy."""
    given: list[Any] = []
    render = server.adapter.render

    def noting(routes: Any) -> Any:
        given.append(render(routes))
        return given[-1]

    server.adapter.render = noting
    try:
        change(world.sessions, number)
        step(world, 1)
        change(world.sessions, number)
        step(world, 1)
    finally:
        del server.adapter.render
    before, after = (serving.files_of(server, one) for one in given[-2:])
    changed = {path: content for path, content in after.items() if before.get(path) != content}
    began = time.process_time()
    for path, content in changed.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    tell(server, given[-1].files)
    return time.process_time() - began


def measure(name: str, count: int, rounds: int, *, profiled: bool) -> None:
    """Measure one proxy, and print it."""
    make, tell = serving.PROXIES[name]
    with serving.folder() as place, make(place) as server, Origin("bench") as origin:
        url = f"sqlite:///{place}/bench.db"
        schema.upgrade(url)
        sessions = db.Sessions(db.engine(url)) if hasattr(db, "engine") else _sessions(url)
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
        script = statistics.median(bare(server, tell, world, one) for one in range(rounds))
        if profiled:
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        took = statistics.median(times)
        print(f"{name}, {count} hosts: CPU of the worker")
        print(f"    fill {fill:.2f} s   nothing changed {statistics.median(idle):.3f} s")
        print(
            f"    one change {took:.3f} s   bare script {script:.3f} s   ratio {took / script:.1f}"
        )


def _sessions(url: str) -> db.Sessions:
    from tests.databases import sessions_over

    return sessions_over(url)


def main() -> None:
    """Measure each proxy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--proxies", nargs="+", choices=serving.PROXIES, default=["nginx"])
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    pacing.QUICK = 3600.0  # every change by itself
    for name in asked.proxies:
        try:
            measure(name, asked.hosts, asked.rounds, profiled=asked.profile)
        except ServerMissing as error:
            print(f"{name}: {error}")


if __name__ == "__main__":
    main()
