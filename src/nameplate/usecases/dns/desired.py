"""What is known of a domain's zone before its provider is asked: records, ledger, what is held back."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy.orm import Session

from nameplate.core import provider_limits
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import PlanStatus, RecordStatus
from nameplate.core.plan import Drift, Key, Plan, drift
from nameplate.core.records import RRset, by_key
from nameplate.core.spelling import SPELLED, Spelling
from nameplate.core.wildcards import Hidden
from nameplate.models import Account, ChangePlan, Domain, DriftPolicy, LedgerState
from nameplate.models.orm import among
from nameplate.usecases import holders
from nameplate.usecases.dns import markers, proofs, wanted
from nameplate.usecases.dns.ledger import SETTLING
from nameplate.usecases.dns.proofs import WrittenProof
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
    proof: WrittenProof
    """What is written although nothing is proved yet: it proves the name."""
    hidden: tuple[Hidden, ...] = ()
    """Hosts that a wildcard answers for, and that come to exist with what is wanted."""

    @property
    def unquestioned(self) -> frozenset[Key]:
        """Record sets of which a part follows from an act elsewhere: challenges, bindings, servers."""
        following = {line.value[:2] for line in self.lines if line.is_made}
        following |= {
            value[:2]
            for value, entry in self.entries.items()
            if entry.purpose.is_proof or entry.record_id in self.automatic
        }
        return frozenset(following)

    def is_lost(self, live: Sequence[RRset], apex: str) -> bool:
        """Tell whether a zone reads as empty although values of ours were read in it before."""
        if any(rrset.type != "SOA" and rrset.key != (apex, "NS") for rrset in live):
            return False
        return any(
            entry.state is LedgerState.PRESENT and value[:2] != (apex, "NS")
            for value, entry in self.entries.items()
        )

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
        known = chain([line.value for line in self.lines], self.wants, self.entries)
        texts = [value for value in known if value[1] in SPELLED]  # few of a large zone's values
        moved = {value: seen for value in texts if (seen := spelling.of(value)) is not value}
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
        there = (
            rrset._replace(values=(value,))
            for rrset in live
            for value in rrset.values
            if (rrset.name, rrset.type, value) in self.wants
        )
        proving = (one.rrset() for one in self.proof.wants() if one.value not in self.others)
        return chain(there, proving)

    def drifts(
        self, live: Sequence[RRset], touched: AbstractSet[Key] | None = None
    ) -> tuple[Drift, ...]:
        """Return what somebody else changed: a value of ours is gone that readings have to show.

        A TTL that differs is none where we are changing the set ourselves. `touched` are the sets that
        are known to differ from what is wanted: others need no comparing.
        """
        if touched is None:
            touched = {value[:2] for value in self.wants}
        if not self.is_proved or not touched:
            return ()
        owned = self.entries.keys()
        settled = [
            want.rrset()
            for want in self.wants.values()
            if want.value[:2] in touched
            and want.is_settled
            and (want.value in owned or want.is_drifted)
        ]
        replaced = self._replaced(live, touched)
        found = drift(live, [*settled, *(want.rrset() for want in replaced)], owned)
        if not found:
            return ()
        ours = {want.value[:2] for want in self.wants.values() if not want.is_settled}
        ours |= {value[:2] for value in self.entries if value not in self.wants}
        return tuple(one for one in found if one.key not in ours or one.lacks_values)

    def unseen(self, live: Sequence[RRset], touched: AbstractSet[Key]) -> frozenset[Key]:
        """Return the sets in which a value of ours is missing that the provider has had only now.

        Its reading may lag, or somebody else has changed the set at once: it is left as it is until
        one can tell.
        """
        if not self.is_proved or not touched:
            return frozenset()
        fresh = [
            line.value
            for line in self.lines
            if line.value[:2] in touched
            and line.status is RecordStatus.ACTIVE
            and not line.is_settled
            and (entry := self.entries.get(line.value)) is not None
            and entry.state is LedgerState.PRESENT
        ]
        there = _sets(live, {value[:2] for value in fresh})
        return frozenset(
            value[:2]
            for value in fresh
            if value in self.wants
            and ((seen := there.get(value[:2])) is None or value[2] not in seen.values)
        )

    def _replaced(
        self, live: Sequence[RRset], touched: AbstractSet[Key]
    ) -> list[Want | WantedRecord]:
        """Return the records that change, and of which somebody else has put something in the place.

        What we had there is gone without our doing, what we want is not there, others' values are.
        """
        old: dict[int | None, Value] = {
            entry.record_id: value
            for value, entry in self.entries.items()
            if entry.record_id is not None
            and value[:2] in touched
            and value not in self.wants
            and entry.state is not LedgerState.INTENDED
        }
        changing = [want for want in self.wants.values() if want.record_id in old]
        there = _sets(live, {want.value[:2] for want in changing})
        found = []
        for want in changing:
            before, seen = old.get(want.record_id), there.get(want.value[:2])
            if before is None or seen is None or before[:2] != want.value[:2]:
                continue
            foreign = [one for one in seen.values if (*seen.key, one) not in self.entries]
            if foreign and not {before[2], want.value[2]} & set(seen.values):
                found.append(want)
        return found


def _sets(live: Sequence[RRset], keys: AbstractSet[Key]) -> dict[Key, RRset]:
    """Return these record sets by name and type, mostly few of a large zone."""
    return by_key([rrset for rrset in live if rrset[:2] in keys]) if keys else {}


def read_desired(
    session: Session, domain: Domain, tools: Tools, now: datetime
) -> DesiredZone | None:
    """Return what is wanted of a domain's zone, or None when there is no account to write with."""
    return read_together(session, [domain], tools, now).get(domain.id)


def read_together(
    session: Session, domains: Sequence[Domain], tools: Tools, now: datetime
) -> dict[int, DesiredZone]:
    """Return the same of several domains, by the domain's id; a few statements for all of an account."""
    by_account: dict[int, list[Domain]] = {}
    for domain in domains:
        if domain.dns_account_id is not None:
            by_account.setdefault(domain.dns_account_id, []).append(domain)
    found: dict[int, DesiredZone] = {}
    for account_id, of_account in by_account.items():
        account = session.get(Account, account_id)
        served = [one for one in of_account if account is not None and _serves(account, one)]
        if account is not None and served:
            found |= _at(session, account, served, tools, now)
    return found


def _at(
    session: Session, account: Account, domains: Sequence[Domain], tools: Tools, now: datetime
) -> Iterator[tuple[int, DesiredZone]]:
    """Yield what is wanted of the zones of one account, each with the domain's id."""
    since = now if provider_limits.reads_its_writes(account.provider) else now - settling(tools)
    live = [domain for domain in domains if domain.deleted_at is None]
    lines = wanted.lines_of(session, live, since) if live else {}
    ledgers = wanted.ledgers(session, {domain.id: lines.get(domain.id, ()) for domain in domains})
    written = proofs.read(session, account, domains)
    held = holders.held(session, [domain.full_domain for domain in domains])
    plans = _being_applied(session, domains)
    others = wanted.others(session, account.id, domains)
    for domain in domains:
        of_domain, entries = lines.get(domain.id, []), ledgers[domain.id]
        holding = holders.usable(held, domain.organization_id, domain.full_domain)
        whole = holding is not None and holding.subtree
        proof, current = written[domain.id], plans.get(domain.id)
        wants = _wants(account, domain, of_domain, entries, proof, is_whole=whole)
        yield (
            domain.id,
            DesiredZone(
                account=account,
                zone_name=domain.dns.zone,
                bare_name=holders.held_name(domain),
                lines=of_domain,
                wants={want.value: want for want in wants},
                entries=entries,
                is_proved=domain.is_live,
                may_be_shown=account.organization_id is not None or (domain.is_live and whole),
                policy=domain.drift_policy,
                is_free=domain.deleted_at is not None or (current is not None and current.forced),
                plan_id=None if current is None else current.id,
                others=others[domain.id],
                automatic=wanted.automatic(session, of_domain, entries.values()),
                proof=proof,
            ),
        )


def _wants(
    account: Account,
    domain: Domain,
    lines: Sequence[WantedRecord],
    entries: Mapping[Value, OwnedValue],
    proof: WrittenProof,
    *,
    is_whole: bool,
) -> list[Want | WantedRecord]:
    """Return what should be in the zone; `is_whole`: everything below the name is the domain's too."""
    outlives = _outlives(domain)
    wants: list[Want | WantedRecord] = [
        Want(e.value, e.ttl, e.purpose, e.record_id, e.certificate_id)
        for e in entries.values()
        if e.state is not LedgerState.LEAVING
        and (outlives or e.purpose.is_proof)
        and not proof.is_former(e)
    ]
    wants += proof.wants()
    if domain.is_live:
        own = holders.held_name(domain)
        wants += [line for line in lines if line.is_wanted and (is_whole or line.owner == own)]
        wants += markers.wants(account, domain) if wants else []
    return wants


def _serves(account: Account, domain: Domain) -> bool:
    """Tell whether an account may be used: one that went with its organization takes back what is ours."""
    if account.deleted_at is None:
        return True
    return domain.deleted_at is not None and account.credentials is not None


def _outlives(domain: Domain) -> bool:
    """Tell whether records stay in the zone although nothing new is written: proof has lapsed."""
    return not domain.is_live and domain.deleted_at is None


def _being_applied(session: Session, domains: Sequence[Domain]) -> dict[int, ChangePlan]:
    """Return of each domain its latest plan that is being carried out."""
    rows = session.scalars(_APPLIED, {"domains": [domain.id for domain in domains]})
    return {row.organization_domain_id: row for row in rows}


_APPLIED = (
    ChangePlan.visible(PLATFORM)
    .where(
        among(ChangePlan.organization_domain_id, "domains"),
        ChangePlan.status == PlanStatus.APPLYING,
    )
    .order_by(ChangePlan.id)
)


def settling(tools: Tools) -> timedelta:
    """Return how long readings are not trusted to be up to date."""
    return SETTLING if tools.poll is None else min(SETTLING, tools.poll)
