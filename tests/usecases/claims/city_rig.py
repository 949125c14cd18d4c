"""Some domains that are ready, everything that this rests on, and changes of all of it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.models import world as rows
from tests.proof import prove
from tests.usecases.offline import Offline

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.delegation import Delegated
from nameplate.core.lifecycle import (
    BindingStatus,
    CertificateStatus,
    DomainStatus,
    HealthStatus,
    RecordStatus,
)
from nameplate.db import Sessions
from nameplate.models import (
    Account,
    Binding,
    Certificate,
    ChangedRecords,
    DnsSettings,
    Domain,
    DomainReadiness,
    HoldingScope,
    HostedState,
    HostedZone,
    Hosting,
    KnownDelegation,
    NameHolding,
    Organization,
    Record,
    Server,
)
from nameplate.models.deletion import restore, soft_delete
from nameplate.usecases.claims import conditions, domains, readiness, verifications
from nameplate.usecases.claims.served_conditions import UNCHECKED

Change = Callable[["City", Session], None]
ZONE = Delegated(zone="elsewhere.test", parent=("a",), child=("a",))


@dataclass
class City:
    """Some organizations with domains that are served, and everything that they rest on."""

    sessions: Sessions
    seed: int = 1
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.world = Offline(self.sessions)
        self.tools = self.world.tools
        self.chance = random.Random(self.seed)
        self.actors = [self.world.organization(name) for name in ("acme", "beta")]
        with self.sessions.begin(PLATFORM) as session:
            self.servers = [rows.server(session, None, proxy={"type": "caddy"}).id for _ in "ab"]
        for actor in self.actors:
            for number in range(3):
                self.settle(actor, f"{actor.name}{number}.com")

    def settle(self, actor: Actor, name: str) -> int:
        """Add a domain that is ready."""
        with self.sessions.begin(actor) as session:
            domain_id = domains.add(session, self.tools, actor, name=name).id
        with self.sessions.begin(PLATFORM) as session:
            domain = session.get_one(Domain, domain_id)
            prove(session, domain, self.now)
            owner = session.get_one(Organization, actor.organization_id)
            app = rows.application(session, owner, upstream_host="127.0.0.1", upstream_port=80)
            domain.dns_account_id = rows.account(session, owner).id
            certificate = rows.certificate(
                session, domain, certificate="PEM", expires_at=self.now + timedelta(days=60)
            )
            certificate.activate(self.now)
            rows.record(session, domain, status=RecordStatus.ACTIVE, propagated=True, name="www")
            server = self.chance.choice(self.servers)
            rows.binding(
                session, app, domain, hostname=name, status=BindingStatus.ACTIVE,
                activated_at=self.now, health_status=HealthStatus.HEALTHY,
                last_health_check_at=self.now, server_id=server, served_server_id=server,
            )  # fmt: skip
        return domain_id

    def any(self, session: Session, kind: Any) -> Any:
        """Return some live row."""
        return self.chance.choice(
            session.scalars(kind.visible(PLATFORM).order_by(*sa.inspect(kind).primary_key)).all()
        )

    def sweep(self) -> None:
        while readiness.refresh(self.sessions, self.tools, now=self.now):
            pass

    def agree(self) -> dict[int, bool]:
        """Compare copies, filters and computation; return which domains are ready."""
        self.now = max(self.now, datetime.now(UTC))
        with self.sessions.begin(PLATFORM) as session:
            alive = session.scalars(Domain.visible(PLATFORM).order_by(Domain.id)).all()
            told = conditions.of_many(session, self.tools, alive, self.now)
            copies = {
                row.organization_domain_id: row
                for row in session.scalars(DomainReadiness.visible(PLATFORM))
            }
        ready = {row.id: conditions.ready(told[row.id]) for row in alive}
        for row in alive:
            copy = copies[row.id]
            on_time = all(one.status or one.reason == UNCHECKED for one in told[row.id])
            outdated = copy.holds_until is not None and copy.holds_until <= self.now
            assert outdated or copy.ready == on_time, (row.full_domain, told[row.id])
        for actor in (PLATFORM, *self.actors):
            own = [row.id for row in alive if actor.organization_id in {None, row.organization_id}]
            for wanted in (True, False):
                found = self.listed(actor, ready=wanted)
                assert found == [one for one in own if ready[one] is wanted], (actor, wanted)
            with self.sessions.begin(actor, read_only=True) as session:
                listed = readiness.page(session, self.tools, actor, limit=100, now=self.now)
            for one in listed:
                worst, judged = conditions.loudest(told[one.id]), one.readiness
                reason = None if worst is None else worst.reason
                assert (judged.ready, judged.reason) == (ready[one.id], reason), (actor, one.id)
        return ready

    def listed(self, actor: Actor, **given: Any) -> list[int]:
        with self.sessions.begin(actor, read_only=True) as session:
            told = readiness.page(
                session, self.tools, actor, **{"limit": 100, "now": self.now, **given}
            )
            return [row.id for row in told]


def _set(kind: Any, **values: Any) -> Change:
    """Return a change of some row, each value one or a choice of several."""

    def change(city: City, session: Session) -> None:
        row = city.any(session, kind)
        for name, options in values.items():
            setattr(row, name, city.chance.choice(options))

    return change


def _bulk(kind: Any, statement: Callable[[], Any]) -> Change:
    def change(city: City, session: Session) -> None:
        where = kind.id == city.any(session, kind).id
        session.execute(statement().where(where), execution_options={"synchronize_session": False})

    return change


def _delete(city: City, session: Session) -> None:
    kind = city.chance.choice([Binding, Certificate, Record, Server, Account])
    soft_delete(session, city.any(session, kind), city.now)


def _restore(city: City, session: Session) -> None:
    kind: Any = city.chance.choice([Binding, Certificate, Record, Server, Account])
    restore(session, city.chance.choice(session.scalars(kind.removed(PLATFORM)).all()), city.now)


def _heal(city: City, session: Session) -> None:
    """Make everything of one domain good again."""
    row = city.any(session, Domain)
    row.platform_suspension = row.own_suspension = row.trouble_code = row.drift = None
    row.dns, row.delegation, row.status = DnsSettings(), None, DomainStatus.VERIFIED
    row.holding_name = row.full_domain
    if session.get(NameHolding, row.full_domain) is None:
        rows.holding(session, row)
    for record in session.scalars(
        Record.visible(PLATFORM).where(Record.organization_domain_id == row.id)
    ):
        record.status, record.propagated = RecordStatus.ACTIVE, True
    for certificate in session.scalars(
        Certificate.visible(PLATFORM).where(Certificate.organization_domain_id == row.id)
    ):
        certificate.status = CertificateStatus.ACTIVE
        certificate.expires_at = city.now + timedelta(days=city.chance.choice([1, 30]))
    for binding in session.scalars(
        Binding.visible(PLATFORM).where(Binding.organization_domain_id == row.id)
    ):
        binding.status, binding.health_status = BindingStatus.ACTIVE, HealthStatus.HEALTHY
        binding.last_health_check_at = city.now
    for server in session.scalars(Server.visible(PLATFORM)):
        server.succeed("f", city.now)
        server.overcome()
        server.address = "edge.p.net"


def _server_fails(city: City, session: Session) -> None:
    server, binding = city.any(session, Server), city.any(session, Binding)
    server.fail("down", "It is down.", [binding.hostname], city.now)


def _suspend(city: City, session: Session) -> None:
    row = city.any(session, Domain)
    domains.suspend(session, PLATFORM, ids.show("dom", row.id), city.now, "Unpaid.")


def _resume(city: City, session: Session) -> None:
    row = city.any(session, Domain)
    domains.resume(session, PLATFORM, ids.show("dom", row.id), city.now)


def _lose(city: City, session: Session) -> None:
    row = city.any(session, Domain)
    verifications.release(session, city.tools, row, city.now)
    row.lapse("Lost.")


def _prove(city: City, session: Session) -> None:
    row = city.any(session, Domain)
    if row.holding_name is None and not row.own_suspension and not row.platform_suspension:
        prove(session, row, city.now, subtree=city.chance.random() < 0.5)


def _host(city: City, session: Session) -> None:
    row = city.any(session, Domain)
    there = session.scalars(HostedZone.visible(PLATFORM)).first()
    if there is None:
        account = rows.account(session, None)
        row.dns_account_id = account.id
        row.dns = DnsSettings(row.full_domain, Hosting(("ns1.p.test",), "h.p.test"))
        rows.hosted_zone(session, account, row, name=row.full_domain)
    elif there.state is HostedState.PRESENT and not there.delegated:
        there.see(["all"], delegated=True, now=city.now)
    elif there.delegated:
        session.delete(there)


def _name_a_server(city: City, session: Session) -> None:
    host = city.any(session, Binding).hostname
    owner = session.get_one(Organization, city.actors[0].organization_id)
    rows.server(session, owner, address=host, addresses=None)


def _checked_late(city: City, _session: Session) -> None:
    city.now += timedelta(seconds=city.chance.choice([20, 90, 200]))


def checked(city: City, session: Session) -> None:
    """Do as a sweep of health checks does: nothing that the copy says changes."""
    session.execute(
        sa.update(Binding)
        .where(Binding.status == BindingStatus.ACTIVE)
        .values(last_health_check_at=city.now),
        execution_options={"synchronize_session": False},
    )


def _weeks_pass(city: City, session: Session) -> None:
    city.now += timedelta(days=7)
    checked(city, session)


CHANGES: tuple[Change, ...] = (
    _set(Server, address=["edge.p.net", "edge", "192.0.2.9"], still_served=[None, ["acme0.com"]]),
    _set(Server, trouble_code=[None, "x"]),
    *(_heal,) * 12,
    _set(Binding, status=list(BindingStatus)),
    _set(Binding, health_status=list(HealthStatus)),
    _set(Binding, last_health_check_at=[None]),
    _set(Certificate, status=list(CertificateStatus)),
    _set(Record, status=list(RecordStatus), propagated=[True, False]),
    _set(Record, name=["@", "www", "api"]),
    _set(Domain, trouble_code=[None, "account_down"]),
    _set(Domain, drift=[None, ChangedRecords(rows.NOW, None, [])]),
    _set(Domain, dns=[DnsSettings(), DnsSettings(automatic=False), DnsSettings("elsewhere.test")]),
    _set(Domain, delegation=[None, KnownDelegation("elsewhere.test", ZONE, expected=("b",))]),
    _set(Account, provider=["powerdns", "cloudflare"]),
    _set(NameHolding, scope=list(HoldingScope)),
    _bulk(Record, lambda: sa.update(Record).values(status=RecordStatus.ERROR)),
    _bulk(Record, lambda: Record.hiding(rows.NOW)),
    _bulk(Binding, lambda: Binding.holding_up(1, "Waits.")),
    _bulk(Certificate, lambda: sa.update(Certificate).values(expires_at=rows.NOW)),
    _delete,
    _restore,
    _server_fails,
    _suspend,
    _resume,
    _lose,
    _prove,
    _host,
    _name_a_server,
    _checked_late,
    checked,
    checked,
    _weeks_pass,
)
