"""One certificate that two servers serve, and its renewal."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.models import event_reader
from tests.models import world as rows
from tests.proof import prove
from tests.usecases.offline import Offline

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, HealthStatus
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Binding, Certificate, Server
from nameplate.ports.prober import ProbeResult, ProbeTarget
from nameplate.ports.proxy import Config, Route, RouteRefused
from nameplate.usecases.certificates import issuance, requests, rollout
from nameplate.usecases.serving import probes, proxies

DAY = timedelta(days=1)


@dataclass
class Machine:
    """A server's proxy: what it serves, by host, and what it does not take."""

    serves: dict[str, str] = field(default_factory=dict)
    """Host -> id of the key pair."""
    refused: set[str] = field(default_factory=set)
    """Key pairs that it does not take."""
    failure: Exception | None = None
    applied: int = 0

    def render(self, routes: Any) -> Config:
        bad = [one.id for one in routes if one.key_pair and one.key_pair.id in self.refused]
        if bad:
            raise RouteRefused("key_pair_invalid", "The key is too new for this proxy.", bad)
        lines = [_line(one) for one in routes]
        return Config({"routes": "\n".join(lines).encode()}, {})

    def apply(self, config: Config) -> None:
        if self.failure is not None:
            raise self.failure
        self.applied += 1
        lines = config.files["routes"].decode().splitlines()
        self.serves = dict(line.split() for line in lines)


def _line(route: Route) -> str:
    return f"{route.hostname} {route.key_pair.id if route.key_pair else '-'}"


@dataclass
class Renewals:
    """Two servers, a host at each, and a certificate for both."""

    world: Offline
    machines: dict[int, Machine]
    servers: list[int]
    bindings: list[int]
    certificate_id: int
    serials: dict[str, str] = field(default_factory=dict)
    """Id of a key pair -> serial number."""

    def look_many(self, targets: list[ProbeTarget]) -> list[ProbeResult]:
        return [self.look(target) for target in targets]

    def look(self, target: ProbeTarget) -> ProbeResult:
        machine = self.machines[int(target.address.rpartition(".")[2])]
        serial = self.serials.get(machine.serves.get(target.hostname, ""))
        if serial is None:
            return ProbeResult(target, connected=True)
        return ProbeResult(target, connected=True, serial=serial, status=200)

    def row(self) -> Certificate:
        with self.world.sessions.begin(PLATFORM) as session:
            return session.get_one(Certificate, self.certificate_id)

    def change(self, kind: Any, row_id: int, **columns: Any) -> None:
        with self.world.sessions.begin(PLATFORM) as session:
            row = session.get_one(kind, row_id)
            for name, value in columns.items():
                setattr(row, name, value)

    def binding(self, place: int) -> Binding:
        with self.world.sessions.begin(PLATFORM) as session:
            return session.get_one(Binding, self.bindings[place])

    def renew(self, *, lifetime: timedelta = 90 * DAY, ago: timedelta = timedelta(0)) -> str:
        """Install the next generation, and return its key pair."""
        ring = self.world.tools.keyring
        with self.world.sessions.begin(PLATFORM) as session:
            row = session.get_one(Certificate, self.certificate_id)
            now = datetime.now(UTC) - ago
            rollout.keep_former(ring, row, [row.common_name], now)
            number = row.generation + 1
            row.certificate = row.certificate_bundle = f"PEM {number}"
            row.private_key = ring.seal(Secret(f"key {number}"), requests.key_place(row))
            row.serial_number = f"{number:02x}"
            row.issued_at, row.expires_at = now, now + lifetime
            row.next_renewal_attempt_at = now + lifetime * 2 / 3
            row.activate(now)
            row.next_action_at = now
            pair = f"{ids.show('crt', row.id)}-{number}"
            self.serials[pair] = row.serial_number
        return pair

    def configure(self, place: int, after: timedelta = timedelta(0)) -> str | None:
        lease = self.world.leased(Server, self.servers[place], after=after)
        return proxies.reconcile(self.world.sessions, self.world.tools, lease)

    def probe(self, *places: int, after: timedelta = timedelta(0)) -> None:
        for place in places:
            lease = self.world.leased(Binding, self.bindings[place], after=after)
            probes.sweep(self.world.sessions, self.world.tools, [lease])

    def settle(self, after: timedelta = timedelta(0)) -> Certificate:
        """Have the worker look at the certificate."""
        lease = self.world.leased(Certificate, self.certificate_id, after=after)
        issuance.reconcile(self.world.sessions, self.world.tools, lease)
        return self.row()

    def served(self, place: int) -> str:
        """Return the key pair that a server presents."""
        (pair,) = set(self.machines[self.servers[place]].serves.values())
        return pair

    def events(self, kind: str) -> list[Any]:
        return [
            one
            for one in event_reader.read(self.world.sessions)
            if one.type == f"certificate.{kind}"
        ]


def renewals(sessions: Sessions, servers: int = 2) -> Renewals:
    """Return the rig with the first generation served everywhere."""
    world = Offline(sessions)
    with sessions.begin(PLATFORM) as session:
        owner = rows.organization(session)
        app = rows.application(session, owner, upstream_host="10.0.0.1", upstream_port=8080)
        domain = rows.domain(session, owner)
        prove(session, domain, datetime.now(UTC), subtree=True)
        hosts = ["acme.com", "www.acme.com", "api.acme.com"][:servers]
        row = rows.certificate(
            session, domain, subject_alternative_names=hosts, status=CertificateStatus.ACTIVE
        )
        machines: dict[int, Machine] = {}
        bindings: list[int] = []
        for host in hosts:
            server = rows.server(
                session, None, name=f"edge {len(machines) + 1}", proxy={"type": "caddy"},
                configured_at=datetime.now(UTC) - DAY,
            )  # fmt: skip
            server.address = f"192.0.2.{server.id}"
            machines[server.id] = Machine()
            bound = rows.binding(
                session, app, domain, hostname=host, server_id=server.id, subdomain=host.partition(".")[0],
                ssl_certificate_id=row.id, status=BindingStatus.ACTIVE,
                activated_at=datetime.now(UTC), health_status=HealthStatus.HEALTHY,
            )  # fmt: skip
            bindings.append(bound.id)
        rig = Renewals(world, machines, list(machines), bindings, row.id)
    prober: Any = rig
    world.tools = replace(world.tools, proxy=lambda server: rig.machines[server.id], prober=prober)
    rig.renew(ago=60 * DAY)
    for place in range(servers):
        rig.configure(place)
        rig.probe(place)
    return rig
