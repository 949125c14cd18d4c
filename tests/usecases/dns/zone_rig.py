"""One proved domain with a DNS account at a provider in memory, for tests of plans."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from tests.usecases.offline import Offline

from nameplate.adapters.dns.memory import MemoryDns
from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.records import RRset
from nameplate.models import ChangePlan, Domain, LedgerEntry, LedgerState, Record
from nameplate.ports.dns import Outcome, Result, Zone
from nameplate.usecases.claims import domains
from nameplate.usecases.dns import drafts, plans, transfers, zones
from nameplate.usecases.tenants import accounts

APEX = "acme.example.com"
ZONE = Zone(APEX)
SOA = RRset(APEX, "SOA", 3600, ("ns. host. 1 2 3 4 5",))
NS = RRset(APEX, "NS", 3600, ("ns1.host.net.",))


def a(label: str, *last: int, ttl: int = 300) -> RRset:
    values = tuple(sorted(f"192.0.2.{number}" for number in last))
    return RRset(f"{label}.{APEX}", "A", ttl, values)


def given(label: str, last: int, ttl: int = 300) -> dict[str, Any]:
    return {"type": "A", "name": label, "value": f"192.0.2.{last}", "ttl": ttl}


class Provider(MemoryDns):
    """A memory zone that can refuse, lose an answer, and lag behind when it is read."""

    refused = ""
    lost = False
    lagging: list[RRset] | None = None

    def records(self, zone: Zone) -> Any:
        return super().records(zone) if self.lagging is None else list(self.lagging)

    def apply(self, zone: Zone, changes: Any) -> Any:
        ours = [c for c in changes if not (self.refused and c.key[0].startswith(self.refused))]
        done = {outcome.change: outcome for outcome in super().apply(zone, ours)}
        outcomes = [done.get(c) or Outcome(c, Result.REFUSED, "quota reached") for c in changes]
        if self.lost:
            return [one._replace(result=Result.UNKNOWN) for one in outcomes]
        return outcomes


@dataclass
class Rig:
    """One proved domain with a DNS account, and its zone."""

    offline: Offline
    provider: Provider
    actor: Actor
    domain_id: int

    @property
    def name(self) -> str:
        return ids.show("dom", self.domain_id)

    def provider_is(self, provider: Any) -> None:
        """Have the account lead to another provider."""
        self.offline.tools = replace(self.offline.tools, dns_provider=lambda _account: provider)

    @property
    def zone(self) -> dict[tuple[str, str], RRset]:
        provider = MemoryDns.records(self.provider, ZONE)
        return {rrset.key: rrset for rrset in provider if rrset.type not in {"SOA", "NS"}}

    def make(self, wish: drafts.Edits | None = None) -> ChangePlan:
        offline = self.offline
        wish = wish or plans.as_wanted()
        return plans.make(offline.sessions, offline.tools, self.actor, self.name, wish)

    def apply(self, plan: ChangePlan, *, force: bool = False) -> ChangePlan:
        reference = ids.show("plan", plan.id)
        offline = self.offline
        return plans.apply(offline.sessions, offline.tools, self.actor, reference, force=force)

    def want(self, *wanted: dict[str, Any], **more: Any) -> ChangePlan:
        return self.apply(self.make(transfers.from_records(wanted, **more)), force=True)

    def undo(self) -> ChangePlan:
        offline = self.offline
        return self.apply(
            plans.undo(offline.sessions, offline.tools, self.actor, self.name), force=True
        )

    def work(self, after: timedelta = timedelta(0)) -> None:
        lease = self.offline.leased(Domain, self.domain_id, after=after)
        zones.reconcile(self.offline.sessions, self.offline.tools, lease)

    def rows(self) -> dict[tuple[str, str], Record]:
        with self.offline.sessions.begin(self.actor) as session:
            found = session.scalars(Record.visible(self.actor)).all()
        return {(row.name, row.value): row for row in found}

    def ledger(self) -> dict[str, LedgerState]:
        with self.offline.sessions.begin(self.actor) as session:
            rows = session.scalars(LedgerEntry.visible(self.actor)).all()
        return {f"{row.name} {row.value}": row.state for row in rows}

    def domain(self) -> Domain:
        with self.offline.sessions.begin(self.actor) as session:
            return domains.get(session, self.actor, self.name)


def made(sessions):
    """Return a rig over an empty database."""
    offline = Offline(sessions)
    theirs = [a(f"theirs{number}", number + 100) for number in range(12)]
    provider = Provider({APEX: [SOA, NS, *theirs]})
    offline.tools = replace(offline.tools, dns_provider=lambda _account: provider)
    actor = offline.organization("acme")
    with sessions.begin(actor) as session:
        accounts.add(
            session, actor, offline.tools, kind="dns", provider="memory", name="dns",
            credentials={"api_key": "a secret"},
        )  # fmt: skip
        row = domains.add(session, offline.tools, actor, name=APEX, account="dns", zone=APEX)
    with sessions.begin(PLATFORM) as session:
        now = offline.tools.clock()
        session.get_one(Domain, row.id).verify(now, now + timedelta(days=30))
    return Rig(offline, provider, actor, row.id)
