"""Proved names whose proofs are looked at on any day, with what stands around them."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from tests.models import world as rows
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import Sessions
from nameplate.models import (
    Binding,
    Domain,
    Event,
    NameHolding,
    Organization,
    QuarantinedName,
    Verification,
)
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.ports.verification import Proof, Verdict
from nameplate.usecases import holders
from nameplate.usecases.claims import domains, proving, quarantine
from nameplate.usecases.serving import hosts

NAME = "shop.example.com"
HERE = "192.0.2.5"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
OLD, NEW = ("ns1.old.example", "ns2.old.example"), ("ns1.new.example", "ns2.new.example")


@dataclass
class Dns:
    """What name servers say: the same from two of them; None: nothing."""

    said: dict[tuple[str, str], tuple[str, ...] | None] = field(default_factory=dict)

    def authoritative(self, name: str, rdtype: str, **_: Any) -> LookupResult:
        """Answer from the table; a name that is not in it has nothing."""
        values = self.said.get((name, rdtype), ())
        kind = AnswerKind.DATA if values else AnswerKind.NXDOMAIN
        if values is None:
            kind, values = AnswerKind.SERVFAIL, ()
        servers = ("a.example (192.0.2.1)", "b.example (192.0.2.2)")
        return LookupResult("example.com", tuple(Answer(kind, one, values) for one in servers))

    def addresses(self, _name: str) -> tuple[str, ...]:
        """Find no server by name."""
        return ()

    def served_by(self, servers: tuple[str, ...]) -> None:
        """Delegate the zone."""
        self.said["example.com", "NS"] = tuple(f"{one}." for one in servers)


@dataclass
class Life:
    """One organization, its name, and an application that is served there."""

    sessions: Sessions
    method: str = "dns_txt"

    def __post_init__(self) -> None:
        self.offline = Offline(self.sessions)
        self.dns = Dns()
        self.dns.served_by(OLD)
        self.tools = replace(self.offline.tools, resolver=self.dns)  # type: ignore[arg-type]  # as far as it is asked
        self.published = self.offline.method.published
        self.acme = self.offline.organization("acme")
        self.domain_id = 0
        self.proof_id = 0

    def prove(self) -> None:
        """Claim the name, prove it and serve something there."""
        self.domain_id, self.proof_id = self.claim(self.acme)
        self.publish()
        self.look(timedelta(0))
        with self.sessions.begin(PLATFORM) as session:
            owner = session.get_one(Organization, self.acme.organization_id)
            domain = session.get_one(Domain, self.domain_id)
            server = rows.server(session, owner, address=HERE)
            app = rows.application(session, owner, upstream_host="127.0.0.1", upstream_port=1)
            row = rows.binding(session, app, domain, server_id=server.id, hostname=NAME)
            row.status = BindingStatus.ACTIVE

    def claim(self, actor: Actor, name: str = NAME, method: str | None = None) -> tuple[int, int]:
        """Claim a name; return the domain's id and the proof's."""
        with self.sessions.begin(actor) as session:
            row = domains.add(
                session, self.tools, actor, name=name, verification_method=method or self.method
            )
            number = row.id
        return number, self.fresh(number)

    def fresh(self, domain_id: int | None = None) -> int:
        """Return the verification whose token a domain shows."""
        with self.sessions.begin(PLATFORM) as session:
            domain = session.get_one(Domain, domain_id or self.domain_id)
            query = Verification.visible(PLATFORM).where(
                Verification.verification_token == domain.verification_token
            )
            row: Verification = session.scalars(query).one()
            return row.id

    def publish(self, proof_id: int | None = None, name: str = NAME) -> None:
        """Publish a token."""
        self.published[name] = self.row(proof_id or self.proof_id).verification_token

    def look(self, after: timedelta, proof_id: int | None = None) -> Verification:
        """Look at a proof so long from now."""
        lease = self.offline.leased(Verification, proof_id or self.proof_id, after=after)
        proving.reconcile(self.sessions, self.tools, lease)
        return self.row(proof_id or self.proof_id)

    def lose(self, until: int) -> Verification:
        """Withdraw the proof and look on every day from day 40 on, `until` days after it was lost."""
        self.published.clear()
        for day in range(until + 1):
            row = self.look((40 + day) * DAY)
        return row

    def inconclusive(self) -> None:
        """Let no server answer for the proof."""
        check = lambda *_: Proof(Verdict.INCONCLUSIVE, "servers_unreachable", "No server answered.")  # noqa: E731 - put in place of a method
        for one in self.tools.methods.values():
            one.check = check  # type: ignore[method-assign]  # of this world

    def row(self, proof_id: int) -> Verification:
        """Return a proof as it is now."""
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(Verification, proof_id)

    def domain(self, domain_id: int | None = None) -> Domain:
        """Return the domain as it is now."""
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(Domain, domain_id or self.domain_id)

    def is_served(self) -> bool:
        """Tell whether the edge answers for the name and workers certify it."""
        with self.sessions.begin(PLATFORM) as session:
            _, _, found = hosts.everything(session)
            routed = [one for one in found if one.hostname == NAME and one.permitted]
            held = holders.holds(session, self.acme.organization_id or 0, NAME, live=self.domain_id)
        assert bool(routed) is held, "both ask the holding"
        return held

    def holding(self) -> NameHolding | None:
        """Return who holds the name."""
        with self.sessions.begin(PLATFORM) as session:
            return session.get(NameHolding, NAME)

    def quarantined(self) -> list[QuarantinedName]:
        """Return what is in quarantine."""
        with self.sessions.begin(PLATFORM) as session:
            return list(session.scalars(QuarantinedName.visible(PLATFORM)))

    def look_at_quarantine(self, number: int, after: timedelta) -> None:
        """Look where a quarantined name points so long from now."""
        lease = self.offline.leased(QuarantinedName, number, after=after)
        quarantine.reconcile(self.sessions, self.tools, lease)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return what events of a type show, oldest first."""
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(Event).where(Event.type == kind).order_by(Event.id)
            return [row.after for row in session.scalars(query)]

    def bindings(self) -> list[Binding]:
        """Return the bindings."""
        with self.sessions.begin(PLATFORM) as session:
            return list(session.scalars(Binding.visible(PLATFORM)))
