"""A binding on a group of two servers, in a domain whose records Nameplate keeps."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from tests.models import event_reader
from tests.models import world as rows
from tests.proof import prove
from tests.usecases.offline import Offline
from tests.usecases.serving.renewal_rig import Machine

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.conditions import Condition
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import CertificateStatus, DomainStatus
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now
from nameplate.models import (
    Application,
    Binding,
    BindingPlacement,
    Certificate,
    Domain,
    Organization,
    Record,
    Server,
    ServerGroup,
)
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget
from nameplate.usecases.certificates import requests
from nameplate.usecases.claims import facts, served_conditions
from nameplate.usecases.serving import bindings, probes, proxies, server_groups

CADDY = {"type": "caddy"}


@dataclass
class Group:
    """Two servers in one group, and who looks through them."""

    world: Offline
    ids: dict[type[Any], int]
    servers: list[int]
    machines: dict[int, Machine]
    down: set[int] = field(default_factory=set)
    """Servers that answer nothing."""
    broken: set[int] = field(default_factory=set)
    """Servers that answer with 502."""
    upstreams: dict[str, int] = field(default_factory=dict)
    """What applications answer at their own addresses."""
    looked: list[ProbeTarget] = field(default_factory=list)
    serials: dict[str, str] = field(default_factory=dict)
    """Id of a key pair -> serial number."""

    @property
    def actor(self) -> Actor:
        return Actor(self.ids[Organization])

    def look_many(self, targets: list[ProbeTarget]) -> list[ProbeResult]:
        return [self.look(target) for target in targets]

    def look(self, target: ProbeTarget) -> ProbeResult:
        self.looked.append(target)
        if target.is_upstream:
            return ProbeResult(target, None, connected=True, status=self.upstreams[target.address])
        number = int(target.address.rpartition(".")[2])
        served = self.machines[number].serves.get(target.hostname)
        if number in self.down or served is None:
            return ProbeResult(target, Failure.CONNECTION_FAILED, "nobody listens")
        status = 502 if number in self.broken else 200
        return ProbeResult(target, None, "", True, self.serials.get(served), status=status)

    def server(self, session: Any, **columns: Any) -> int:
        """Add a shared server, and its proxy."""
        name = f"edge {len(self.machines) + 1}"
        row = rows.server(session, None, **({"name": name, "proxy": CADDY} | columns))
        row.address = columns.get("address", f"192.0.2.{row.id}")
        self.machines[row.id] = Machine()
        return row.id

    def join(self, server: int) -> None:
        with self.world.sessions.begin(PLATFORM) as session:
            group = ids.show(Prefix.SERVER_GROUP, self.ids[ServerGroup])
            shown = ids.show(Prefix.SERVER, server)
            server_groups.join(session, PLATFORM, group, shown, database_now(session))

    def leave(self, server: int) -> None:
        with self.world.sessions.begin(PLATFORM) as session:
            group = ids.show(Prefix.SERVER_GROUP, self.ids[ServerGroup])
            shown = ids.show(Prefix.SERVER, server)
            server_groups.leave(session, PLATFORM, group, shown, database_now(session))

    def bind(self, **more: Any) -> Binding:
        with self.world.sessions.begin(self.actor) as session:
            group = ids.show(Prefix.SERVER_GROUP, self.ids[ServerGroup])
            given = {
                "server_group": group, "ssl_enabled": False, "application": "Shop", **more,
            }  # fmt: skip
            row = bindings.add(
                session, self.world.tools, self.actor, domain="acme.com",
                now=database_now(session), **given,
            )  # fmt: skip
            self.ids[Binding] = row.id
            return row

    def configure(self, *servers: int) -> None:
        """Have a worker tell proxies what to serve."""
        for one in servers or self.servers:
            lease = self.world.leased(Server, one)
            proxies.reconcile(self.world.sessions, self.world.tools, lease)

    def look_at(self, times: int = 1, *, after: timedelta = timedelta(0)) -> Binding:
        """Have a worker take steps with the binding."""
        for _ in range(times):
            lease = self.world.leased(Binding, self.ids[Binding], after=after)
            probes.sweep(self.world.sessions, self.world.tools, [lease])
        return self.binding()

    def settle(self) -> Binding:
        """Bring the binding to life at every server that answers."""
        self.look_at()
        self.configure()
        return self.look_at(2)

    def binding(self) -> Binding:
        with self.world.sessions.begin(PLATFORM) as session:
            return session.get_one(Binding, self.ids[Binding])

    def at(self, server: int) -> BindingPlacement:
        with self.world.sessions.begin(PLATFORM) as session:
            return session.get_one(BindingPlacement, (self.ids[Binding], server))

    def led_to(self) -> list[str]:
        """Return the addresses in the records that Nameplate keeps."""
        with self.world.sessions.begin(PLATFORM) as session:
            found = session.scalars(Record.visible(PLATFORM).order_by(Record.value))
            return [one.value for one in found]

    def addresses(self, *servers: int) -> list[str]:
        return sorted(f"192.0.2.{one}" for one in servers)

    def serving(self) -> Condition:
        with self.world.sessions.begin(PLATFORM) as session:
            domain = session.get_one(Domain, self.ids[Domain])
            known = facts.read(session, [domain], database_now(session))[domain.id]
            return served_conditions.serving(known)

    def secure(self, bundle: str = "", key: str = "", serial: str = "") -> str:
        """Install the next generation of a certificate for the host; return its serial number."""
        with self.world.sessions.begin(PLATFORM) as session:
            query = sa.select(Certificate)
            row = session.scalars(query).first()
            if row is None:
                domain = session.get_one(Domain, self.ids[Domain])
                row = rows.certificate(
                    session, domain, subject_alternative_names=["acme.com"],
                    status=CertificateStatus.ACTIVE,
                )  # fmt: skip
                self.ids[Certificate] = row.id
            now = datetime.now(UTC)
            number = row.generation + 1
            row.certificate = row.certificate_bundle = bundle or f"PEM {number}"
            ring = self.world.tools.keyring
            row.private_key = ring.seal(Secret(key or f"key {number}"), requests.key_place(row))
            row.serial_number = serial or f"{number:02x}"
            row.issued_at, row.expires_at = now, now + timedelta(days=90)
            row.activate(now)
            self.serials[f"{ids.show('crt', row.id)}-{number}"] = row.serial_number
            return row.serial_number

    def events(self) -> list[str]:
        return [one.type for one in event_reader.read(self.world.sessions)]


def grouped(sessions: Sessions) -> Group:
    """Return the rig over an empty database; nothing is bound yet."""
    world = Offline(sessions)
    with sessions.begin(PLATFORM) as session:
        owner = rows.organization(session)
        app = rows.application(session, owner, upstream_host="10.0.0.1", upstream_port=8080)
        account = rows.account(session, owner, provider="powerdns")
        domain = rows.domain(
            session, owner, dns_account_id=account.id, status=DomainStatus.PENDING_VERIFICATION
        )
        prove(session, domain, datetime.now(UTC), subtree=True)
        group = rows.server_group(session, None)
        known = {
            Organization: owner.id, Application: app.id, Domain: domain.id, ServerGroup: group.id,
        }  # fmt: skip
        rig = Group(world, known, [], {})
        rig.servers = [rig.server(session), rig.server(session, region="us-east")]
    prober: Any = rig
    world.tools = replace(world.tools, proxy=lambda server: rig.machines[server.id], prober=prober)
    for one in rig.servers:
        rig.join(one)
    return rig


def secured(sessions: Sessions) -> Group:
    """Return the rig with one host that both servers serve with its certificate."""
    rig = grouped(sessions)
    rig.secure()
    rig.bind(ssl_enabled=True)
    rig.settle()
    return rig
