"""What is known of a domain's zone before its provider is asked: records, ledger, what is held back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import PlanStatus, RecordStatus
from nameplate.core.plan import Drift, Key, Plan, drift
from nameplate.core.records import RRset
from nameplate.core.spelling import Spelling
from nameplate.models import Account, ChangePlan, Domain, DriftPolicy, LedgerPurpose, LedgerState
from nameplate.usecases import holders
from nameplate.usecases.dns import markers, wanted
from nameplate.usecases.dns.ledger import SETTLING
from nameplate.usecases.dns.wanted import OwnedValue, Value, Want, WantedRecord, Wants
from nameplate.usecases.tools import Tools


@dataclass(frozen=True, slots=True)
class DesiredZone:
    """All that is known of a domain's zone before the provider is asked."""

    account: Account
    zone_name: str | None
    bare_name: str
    lines: Sequence[WantedRecord]
    wants: Wants
    entries: Mapping[Value, OwnedValue]
    is_proved: bool
    """Otherwise nothing new is written, and what is there is left alone."""
    may_be_shown: bool
    """The organization may see what stands in the zone: its own account's, or that of names it holds."""
    policy: DriftPolicy
    is_free: bool
    """Nothing is held back: the domain is being released, or a person forced the plan."""
    plan_id: int | None
    """The plan that is being carried out."""
    others: frozenset[Value]
    """Values that other domains have in the zone: theirs to write, whoever else wants them."""
    automatic: frozenset[int]
    """Ids of the records that follow a binding or a server, removed ones included."""

    @property
    def unquestioned(self) -> frozenset[Key]:
        """Record sets of which a part follows from an act elsewhere: challenges, bindings, servers."""
        following = {line.value[:2] for line in self.lines if line.is_made}
        following |= {
            value[:2]
            for value, entry in self.entries.items()
            if entry.purpose is LedgerPurpose.CHALLENGE or entry.record_id in self.automatic
        }
        return frozenset(following)

    def begun(self, todo: Plan) -> "DesiredZone":
        """Return the same with its records as they are once the intents of `todo` are written."""
        if todo.is_empty:
            return self
        touched = todo.keys
        lines = [
            line._replace(status=RecordStatus.SYNCING) if line.value[:2] in touched else line
            for line in self.lines
        ]
        return replace(self, lines=lines)

    def spelled_as(self, live: Sequence[RRset]) -> "DesiredZone":
        """Return the same with texts cut into strings as they are in the zone.

        Otherwise a text that its provider cuts elsewhere would be published a second time.
        """
        spelling = Spelling(live)
        known = chain((line.value for line in self.lines), self.wants, self.entries)
        moved = {value: seen for value in known if (seen := spelling.of(value)) is not value}
        if not moved:
            return self
        lines = [
            line._replace(value=moved[line.value]) if line.value in moved else line
            for line in self.lines
        ]
        wants = {
            moved.get(value, value): want._replace(value=moved.get(value, value))
            for value, want in self.wants.items()
        }
        entries = {
            moved.get(value, value): entry._replace(value=moved.get(value, value))
            for value, entry in self.entries.items()
        }
        return replace(self, lines=lines, wants=wants, entries=entries)

    @property
    def is_empty(self) -> bool:
        """Nothing is wanted, and nothing of ours is there."""
        return not self.wants and not self.entries

    def rrsets(self, live: Sequence[RRset]) -> Iterator[RRset]:
        """Yield what is wanted as record sets (one for each value; the plan merges them)."""
        if self.is_proved:
            return (want.rrset() for value, want in self.wants.items() if value not in self.others)
        return (
            rrset._replace(values=(value,))
            for rrset in live
            for value in rrset.values
            if (rrset.name, rrset.type, value) in self.wants
        )

    def drifts(self, live: Sequence[RRset]) -> tuple[Drift, ...]:
        """Return what somebody else changed: no set that we are changing ourselves."""
        if not self.is_proved:
            return ()
        settled = [
            want.rrset()
            for want in self.wants.values()
            if want.is_settled and want.value in self.entries
        ]
        found = drift(live, settled, self.entries.keys())
        if not found:
            return ()
        ours = {want.value[:2] for want in self.wants.values() if not want.is_settled}
        ours |= {value[:2] for value in self.entries if value not in self.wants}
        return tuple(one for one in found if one.key not in ours)


def read_desired(
    session: Session, domain: Domain, tools: Tools, now: datetime
) -> DesiredZone | None:
    """Return what is wanted of a domain's zone, or None when there is no account to write with."""
    account = session.get(Account, domain.dns_account_id) if domain.dns_account_id else None
    if account is None or not _serves(account, domain):
        return None
    since = now - settling(tools)
    lines = wanted.lines(session, domain, since) if domain.deleted_at is None else []
    entries = wanted.ledger(session, domain, lines)
    outlives = _outlives(domain)
    wants: list[Want | WantedRecord] = [
        Want(e.value, e.ttl, e.purpose, e.record_id, e.certificate_id)
        for e in entries.values()
        if e.state is not LedgerState.LEAVING and (outlives or e.purpose is LedgerPurpose.CHALLENGE)
    ]
    holding = holders.holding(session, domain.organization_id, domain.full_domain)
    whole = holding is not None and holding.subtree
    if domain.is_live:
        own = holders.held_name(domain)
        wants += [line for line in lines if line.is_wanted and (whole or line.owner == own)]
        wants += markers.wants(account, domain) if wants else []
    current = _being_applied(session, domain)
    return DesiredZone(
        account=account,
        zone_name=domain.dns.zone,
        bare_name=holders.held_name(domain),
        lines=lines,
        wants={want.value: want for want in wants},
        entries=entries,
        is_proved=domain.is_live,
        may_be_shown=account.organization_id is not None or (domain.is_live and whole),
        policy=domain.drift_policy,
        is_free=domain.deleted_at is not None or (current is not None and current.forced),
        plan_id=None if current is None else current.id,
        others=wanted.others(session, account.id, domain),
        automatic=wanted.automatic(session, lines, entries.values()),
    )


def _serves(account: Account, domain: Domain) -> bool:
    """Tell whether an account may be used: one that went with its organization takes back what is ours."""
    if account.deleted_at is None:
        return True
    return domain.deleted_at is not None and account.credentials is not None


def _outlives(domain: Domain) -> bool:
    """Tell whether records stay in the zone although nothing new is written: proof has lapsed."""
    return not domain.is_live and domain.deleted_at is None


def _being_applied(session: Session, domain: Domain) -> ChangePlan | None:
    query = ChangePlan.visible(PLATFORM).where(
        ChangePlan.organization_domain_id == domain.id, ChangePlan.status == PlanStatus.APPLYING
    )
    return session.scalars(query.order_by(ChangePlan.id.desc()).limit(1)).first()


def settling(tools: Tools) -> timedelta:
    """Return how long readings are not trusted to be up to date."""
    return SETTLING if tools.poll is None else min(SETTLING, tools.poll)
