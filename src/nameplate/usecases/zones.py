"""Bringing what a domain wants to its DNS provider: read, plan, intend, apply, confirm.

One domain's lease is the one writer of that domain's values. The ledger says which values in the
zone are ours; everything else there is somebody's and stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core import registration
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Refused
from nameplate.core.lifecycle import RecordStatus
from nameplate.core.plan import Plan, plan
from nameplate.core.records import RRset
from nameplate.db import Lease, Sessions
from nameplate.models import (
    Account,
    Domain,
    LedgerEntry,
    LedgerPurpose,
    LedgerState,
    RecordType,
)
from nameplate.models.records import digest
from nameplate.ports.dns import DnsProvider, Outcome, Result, Zone
from nameplate.usecases import records, references, work
from nameplate.usecases.tools import Tools

AGAIN_AFTER_REFUSAL = timedelta(hours=1)
Value = tuple[str, str, str]
"""Absolute owner name, type, whole canonical rdata."""


@dataclass(frozen=True, slots=True)
class Want:
    """One value that should be in the zone, and what wants it."""

    value: Value
    ttl: int
    purpose: LedgerPurpose
    record_id: int | None = None
    certificate_id: int | None = None
    proxied: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """All that is known of a domain's zone before the provider is asked."""

    account: Account
    zone_name: str | None
    bare_name: str
    wants: tuple[Want, ...]
    owned: frozenset[Value]
    proved: bool
    """False: nothing new is written, and what is there is left alone."""

    def rrsets(self, live: Sequence[RRset]) -> list[RRset]:
        """Return what is wanted as record sets (one for each value; the plan merges them)."""
        there = {value for rrset in live for value in _values(rrset)}
        return [
            RRset(want.value[0], want.value[1], want.ttl, (want.value[2],), want.proxied)
            for want in self.wants
            if self.proved or want.value in there
        ]


def load(session: Session, domain: Domain) -> Job | None:
    """Return the job of a domain, or None when there is no account to write with."""
    config = domain.dns_config or {}
    account = session.get(Account, config["account_id"]) if config.get("account_id") else None
    if account is None or account.deleted_at is not None:
        return None
    ledger = session.scalars(
        LedgerEntry.visible(PLATFORM).where(LedgerEntry.organization_domain_id == domain.id)
    ).all()
    wants = [
        Want((entry.name, entry.record_type.value, entry.value), entry.ttl, entry.purpose,
             certificate_id=entry.ssl_certificate_id)
        for entry in ledger
        if entry.purpose is LedgerPurpose.CHALLENGE and entry.state is not LedgerState.LEAVING
    ]  # fmt: skip
    if domain.is_live:
        wants += [
            Want(
                (records.owner(row, domain), row.record_type.value, records.text(row)),
                row.ttl,
                LedgerPurpose.RECORD,
                record_id=row.id,
                proxied=row.proxy_enabled,
            )
            for row in records.wanted(session, domain)
        ]
    elif domain.deleted_at is None:
        wants += [
            Want((e.name, e.record_type.value, e.value), e.ttl, e.purpose, e.dns_record_id)
            for e in ledger
            if e.purpose is LedgerPurpose.RECORD and e.state is not LedgerState.LEAVING
        ]
    return Job(
        account=account,
        zone_name=config.get("zone"),
        bare_name=domain.full_domain.removeprefix("*."),
        wants=tuple(wants),
        owned=frozenset((e.name, e.record_type.value, e.value) for e in ledger),
        proved=domain.is_live,
    )


def find_zone(provider: DnsProvider, job: Job) -> Zone:
    """Return the provider's zone that holds the domain: the longest that fits.

    Raises `Refused` with code `zone_not_found` when the account reaches none.
    """
    names = [job.zone_name] if job.zone_name else _ancestors(job.bare_name)
    zones = {zone.name: zone for zone in provider.zones()}
    for name in names:
        if name in zones:
            return zones[name]
    raise Refused(
        "zone_not_found",
        f"the DNS account reaches no zone for {job.bare_name}; it reaches "
        f"{', '.join(sorted(zones)[:5]) or 'none'}",
    )


def _ancestors(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[index:]) for index in range(len(labels) - 1)]


def preview(sessions: Sessions, tools: Tools, actor: Actor, domain_reference: str) -> Plan:
    """Return what would change at the provider now, read live; change nothing."""
    with sessions.begin(actor, read_only=True) as session:
        domain = references.domain(session, actor, domain_reference)
        job = load(session, domain)
    if job is None:
        raise Conflict("dns_account_missing", "the domain has no DNS account to plan with")
    provider = tools.dns_provider(job.account)
    zone = find_zone(provider, job)
    live = provider.records(zone)
    return plan(live, job.rrsets(live), job.owned, apex=zone.name)


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> None:
    """Bring one domain's values to its provider, and record what the provider has."""
    job = work.read(sessions, Domain, lease, load)
    if job is None or (not job.wants and not job.owned):
        work.record(sessions, Domain, lease, lambda _s, row: _rest(row, lease.now()), release=True)
        return
    try:
        provider = tools.dns_provider(job.account)
        zone = find_zone(provider, job)
        live = provider.records(zone)
    except Refused as error:
        reason = error.detail
        work.record(
            sessions, Domain, lease, lambda s, row: _refused(s, row, reason, lease.now()),
            release=True,
        )  # fmt: skip
        return
    tools.checkpoint("records:read")
    todo = plan(live, job.rrsets(live), job.owned, apex=zone.name)
    outcomes: Sequence[Outcome] = ()
    if not todo.is_empty:
        work.record(
            sessions, Domain, lease, lambda s, row: _intend(s, row, job, todo, zone), release=False
        )
        tools.checkpoint("records:intended")
        work.confirm(sessions, Domain, lease)
        outcomes = provider.apply(zone, todo.changes)
        tools.checkpoint("records:applied")
    report = _Report.of(todo, live, outcomes)
    work.record(
        sessions, Domain, lease, lambda s, row: _conclude(s, row, report, zone, tools=tools, lease=lease),
        release=True,
    )  # fmt: skip
    tools.checkpoint("records:recorded")


def _rest(row: Domain, now: datetime) -> None:
    """Nothing is to do until the registration is worth a warning."""
    row.attempts = 0
    row.next_action_at = None
    if row.deleted_at is None:
        row.next_action_at = registration.next_warning(row.expires_at, now)
        row.error_message = registration.warning(row.expires_at, now)


def _refused(session: Session, row: Domain, reason: str, now: datetime) -> None:
    row.error_message = reason
    for record in records.wanted(session, row):
        if record.status is not RecordStatus.ACTIVE:
            record.fail(reason)
    row.next_action_at = now + AGAIN_AFTER_REFUSAL


def _intend(session: Session, domain: Domain, job: Job, todo: Plan, zone: Zone) -> None:
    """Write down every value about to appear or to leave, before the provider hears of it."""
    wants = {want.value: want for want in job.wants}
    entries = _ledger(session, domain)
    for change in todo.changes:
        before = set(_values(change.before))
        after = set(_values(change.after))
        for value in before - after:
            if value in entries:
                entries[value].state = LedgerState.LEAVING
        for value in after - before:
            if value not in entries:
                session.add(_entry(domain, job, zone, wants[value]))
    touched = {change.key for change in todo.changes}
    for record in records.wanted(session, domain):
        if (records.owner(record, domain), record.record_type.value) in touched:
            record.sync()
    session.flush()


def _values(rrset: RRset | None) -> Iterable[Value]:
    return () if rrset is None else ((rrset.name, rrset.type, value) for value in rrset.values)


def _ledger(session: Session, domain: Domain) -> Mapping[Value, LedgerEntry]:
    rows = session.scalars(
        LedgerEntry.visible(PLATFORM).where(LedgerEntry.organization_domain_id == domain.id)
    )
    return {(row.name, row.record_type.value, row.value): row for row in rows}


def _entry(domain: Domain, job: Job, zone: Zone, want: Want) -> LedgerEntry:
    name, rdtype, value = want.value
    return LedgerEntry(
        organization_id=domain.organization_id,
        account_id=job.account.id,
        organization_domain_id=domain.id,
        zone=zone.name,
        name=name,
        record_type=RecordType(rdtype),
        value=value,
        value_digest=digest(value),
        ttl=want.ttl,
        purpose=want.purpose,
        state=LedgerState.INTENDED,
        dns_record_id=want.record_id,
        ssl_certificate_id=want.certificate_id,
    )


@dataclass(frozen=True, slots=True)
class _Report:
    """What is at the provider now, as far as it said, and why something is not."""

    present: frozenset[Value]
    unknown: frozenset[tuple[str, str]]
    """Record sets whose state has to be read again."""
    reasons: Mapping[tuple[str, str], str]
    external_ids: Mapping[Value, str]

    @classmethod
    def of(cls, todo: Plan, live: Sequence[RRset], outcomes: Sequence[Outcome]) -> "_Report":
        """Fold the outcomes into what was read before."""
        state = {rrset.key: rrset for rrset in live}
        unknown: set[tuple[str, str]] = set()
        reasons = {(item.name, item.type): item.detail for item in todo.blocked}
        external: dict[Value, str] = {}
        for outcome in outcomes:
            key = outcome.change.key
            if outcome.result is Result.APPLIED:
                state.pop(key, None)
                if outcome.change.after is not None:
                    state[key] = outcome.change.after
            elif outcome.result is Result.REFUSED:
                reasons[key] = outcome.detail
            else:
                unknown.add(key)
            external |= {(*key, value): id_ for value, id_ in outcome.external_ids.items()}
        present = frozenset(value for rrset in state.values() for value in _values(rrset))
        return cls(present, frozenset(unknown), reasons, external)


def _conclude(
    session: Session, domain: Domain, report: _Report, zone: Zone, *, tools: Tools, lease: Lease
) -> None:
    now = lease.now()
    _settle_ledger(session, domain, report)
    for record in records.wanted(session, domain):
        value = (records.owner(record, domain), record.record_type.value, records.text(record))
        key = value[:2]
        if key in report.unknown:
            continue
        if value in report.present:
            fresh = record.status is not RecordStatus.ACTIVE
            record.confirm(now, report.external_ids.get(value))
            if fresh or not record.propagated:
                record.wake(now)
        elif key in report.reasons and domain.is_live:
            record.fail(report.reasons[key])
    config = domain.dns_config or {}
    if config.get("zone") != zone.name:
        domain.dns_config = {**config, "zone": zone.name}
    domain.dns_zone_id = zone.external_id or domain.dns_zone_id
    domain.last_checked_at = now
    if report.unknown:
        domain.attempts += 1
        domain.next_action_at = work.soon(
            tools, now + timedelta(seconds=min(2**domain.attempts, 300)), now
        )
        return
    _rest(domain, now)
    if report.reasons:
        domain.wake(now + AGAIN_AFTER_REFUSAL)


def _settle_ledger(session: Session, domain: Domain, report: _Report) -> None:
    wanted = {
        (records.owner(row, domain), row.record_type.value, records.text(row))
        for row in records.wanted(session, domain)
    }
    for value, entry in _ledger(session, domain).items():
        if value[:2] in report.unknown:
            continue
        leaving = entry.state is LedgerState.LEAVING
        if value in report.present:
            entry.state = (
                LedgerState.LEAVING if leaving and value not in wanted else LedgerState.PRESENT
            )
        elif leaving or entry.purpose is LedgerPurpose.RECORD:
            session.delete(entry)
    session.flush()


def present(session: Session, certificate_id: int) -> frozenset[Value]:
    """Return the challenge values of a certificate that the provider has confirmed."""
    rows = session.scalars(
        LedgerEntry.visible(PLATFORM).where(
            LedgerEntry.ssl_certificate_id == certificate_id,
            LedgerEntry.state == LedgerState.PRESENT,
        )
    )
    return frozenset((row.name, row.record_type.value, row.value) for row in rows)


def forget(session: Session, certificate_id: int, now: datetime) -> None:
    """Have the challenge values of a certificate taken back."""
    query = LedgerEntry.visible(PLATFORM).where(LedgerEntry.ssl_certificate_id == certificate_id)
    for entry in session.scalars(query):
        entry.state = LedgerState.LEAVING
        session.get_one(Domain, entry.organization_domain_id).wake(now)
