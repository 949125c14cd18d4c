"""Bringing what a domain wants to its DNS provider: read, plan, intend, apply, settle.

One domain's lease is the one writer of that domain's values. The ledger says which values in the
zone are ours; everything else there is somebody's and stays. What is dangerous, and what somebody
else changed at the provider, waits until a person applies a plan (`plans.py`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from nameplate.core import nested_zones, provider_limits, registration, zone_rules
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Refused
from nameplate.core.names import is_below, self_and_ancestors
from nameplate.core.plan import Drift, Owned, Plan, plan
from nameplate.core.records import RRset
from nameplate.db import Sessions
from nameplate.leases import DueRow, Lease
from nameplate.models import (
    ChangePlan,
    Domain,
    DriftPolicy,
    LedgerEntry,
    LedgerPurpose,
    LedgerState,
)
from nameplate.ports.dns import DnsProvider, Outcome, Zone
from nameplate.usecases import work
from nameplate.usecases.dns import cdn, drifts, late_acts, ledger, pointing, proofs, shelter
from nameplate.usecases.dns.cdn import OriginLook
from nameplate.usecases.dns.desired import DesiredZone, read_desired, settling
from nameplate.usecases.dns.ledger import Report
from nameplate.usecases.dns.wanted import WantedRecord
from nameplate.usecases.dns.writes import Writes
from nameplate.usecases.hosting import hosted_zones
from nameplate.usecases.tools import Tools

AGAIN_AFTER_REFUSAL = timedelta(hours=1)
DRIFT_EVERY = timedelta(hours=1)
"""How often a zone is compared with what is wanted, when nothing else leads there."""


UNSEEN_EVERY = timedelta(seconds=20)
"""How often one looks whether the provider shows again what it has had only now."""
OVERRUN = timedelta(hours=1)
"""How long after a lease ran out what is removed is looked at once more: a request of the worker that
had it may be on its way. One that is held up for longer says itself what it did."""
_LOST = (
    "zone_lost",
    (
        "The provider lists no records of the zone, which had some. Nothing is written, as that "
        "would delete what it does not list. If they were removed on purpose, add any record there."
    ),
)
_UNSEEN = ("unseen", "The provider does not show what it was given only now.")
DRIFT_AGAIN = timedelta(seconds=40)
"""How often at first, while a zone differs: whoever changed it may change it back."""


@dataclass(frozen=True, slots=True)
class LiveZone:
    """A zone at its provider, as it was read just now."""

    provider: DnsProvider
    account_id: int
    zone: Zone
    live: Sequence[RRset]
    nested: Sequence[str] = ()
    """Zones of the same account below this one: what stands at or below them here is never asked for."""
    origins: OriginLook | None = None
    """How the provider's network asks origins, where a record is proxied."""


def peer(row: Domain | DueRow, _authority: work.Authority) -> str | None:
    """Return the account that the work on a domain's zone depends on."""
    return None if row.dns_account_id is None else f"account:{row.dns_account_id}"


def company(row: Domain | DueRow, authority: work.Authority) -> str:
    """Return with what a domain is looked at together: others of its account, or others without one."""
    return peer(row, authority) or "no account"


def visit(tools: Tools, desired: DesiredZone) -> LiveZone:
    """Find the provider's zone that holds the domain, the longest that fits, and read it.

    Raises `Refused` with code `zone_not_found` when the account reaches none.
    """
    provider = tools.dns_provider(desired.account)
    zones = {zone.name: zone for zone in provider.zones()}
    found = zone_of(zones, desired)
    if found is not None:
        live = provider.records(found)
        nested = [other for other in zones if is_below(other, found.name)]
        return LiveZone(provider, desired.account.id, found, live, nested)
    own = desired.account.organization_id is not None  # whose zones the platform has is no tenant's
    shown = f" Its zones: {', '.join(sorted(zones)[:5]) or 'none'}." if own else ""
    raise Refused("zone_not_found", f"The DNS account has no zone for {desired.bare_name}.{shown}")


def zone_of(zones: Mapping[str, Zone], desired: DesiredZone) -> Zone | None:
    """Return the zone that holds the domain, the longest that fits."""
    names = (
        [desired.zone_name] if desired.zone_name else self_and_ancestors(desired.bare_name, least=2)
    )
    return next((zones[name] for name in names if name in zones), None)


def show(tools: Tools, desired: DesiredZone) -> LiveZone:
    """Find and read the zone for a person. Raises Conflict `domain_not_proved` as well.

    Through an account of the platform one could otherwise read the zone of anybody's name.
    """
    if not desired.may_be_shown:
        raise Conflict(
            "domain_not_proved",
            f"Prove {desired.bare_name} by a DNS record first: its zone is at an account of the "
            "platform, which shows it to the holder of the whole name only.",
        )
    return visit(tools, desired)


def possible(desired: DesiredZone, site: LiveZone, wants: Iterable[RRset], owned: Owned) -> Plan:
    """Return how the zone becomes what is wanted, less what the provider is known to refuse."""
    provider = desired.account.provider
    whole = plan(
        site.live, wants, owned, apex=site.zone.name, flattens=provider_limits.flattens(provider)
    )
    refused = {
        change.key: ("provider_refuses", reason)
        for change in whole.changes
        if change.after is not None and (reason := _refusal(provider, change.after))
    }
    refused |= nested_zones.unseen(site.nested, whole.changes)
    if provider_limits.replaces_zones(provider) and desired.is_lost(site.live, site.zone.name):
        refused = dict.fromkeys(whole.keys, _LOST)
    return shelter.unhidden(whole.without(refused), desired.hidden)


def _refusal(provider: str, rrset: RRset) -> str | None:
    """Return why these values cannot be had: the provider has limits, and so has DNS itself."""
    found = provider_limits.refusals(provider, rrset)
    if found is None and (too_large := zone_rules.oversize(rrset.name, rrset.type, rrset.values)):
        return too_large[1]
    return found


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> str | None:
    """Bring one domain's values to its provider, and record what the provider has.

    Returns the code of what the provider or somebody who changed records there stands in the way with.
    """
    if not hosted_zones.ensure(sessions, tools, lease):
        return None
    desired = work.read(
        sessions, Domain, lease, lambda s, row: read_desired(s, row, tools, lease.now())
    )
    if desired is None or desired.is_empty:
        work.record(sessions, Domain, lease, lambda _s, row: idle(row, lease.now()), release=True)
        return None
    try:
        site = visit(tools, desired)
    except Refused as error:
        refusal = error
        work.record(
            sessions, Domain, lease,
            lambda s, row: _refused(s, row, desired, refusal, lease.now()),
            release=True, stopped=True,
        )  # fmt: skip
        return refusal.code
    tools.checkpoint("records:read")
    kind, lines = desired.account.provider, desired.lines
    site = replace(site, origins=cdn.look(tools, kind, site.provider, site.zone, lines))
    spelled = desired.spelled_as(site.live)
    whole = shelter.sheltered(spelled, site.live, site.zone.name)
    push = planned(whole, site)
    if not push.todo.is_empty:
        store_intents(sessions, tools, lease, partial(_intend, desired=whole, push=push))
    outcomes = apply(sessions, tools, lease, push)
    return told(push, settle(sessions, tools, lease, push, outcomes))


def told(push: "Push", report: Report) -> str | None:
    """Return the code of what stands in the way of a plan that was carried out, if anything does."""
    if report.refused:
        return "provider_refuses"
    if report.unknown:
        return "records_unconfirmed"
    return "changed_at_provider" if push.drifts and push.todo.blocked else None


@dataclass(frozen=True, slots=True)
class Push:
    """One plan on its way to the provider."""

    site: LiveZone
    """The zone as it was when the plan was made."""
    todo: Plan
    drifts: Sequence[Drift] = ()
    """What somebody else changed: the plan holds it back, or changes it back."""
    desired: DesiredZone | None = None
    """What the plan was made from, where nothing but its intents is written since: it serves once
    more to settle, so that a large zone's records are read once."""


def planned(desired: DesiredZone, site: LiveZone) -> Push:
    """Work out what is to change now; what is dangerous or somebody else's change is held back."""
    todo = possible(desired, site, desired.rrsets(site.live), desired.entries.keys())
    differing = todo.differing
    found = desired.drifts(site.live, differing)
    if not desired.is_free:
        todo = todo.without(dict.fromkeys(desired.unseen(site.live, differing), _UNSEEN))
        if desired.policy is not DriftPolicy.REPAIR:
            todo = todo.without({one.key: ("drifted", str(one)) for one in found})
        todo = todo.safe_part(desired.unquestioned)
    return Push(site, todo, found, desired)


def intend(writes: Writes, domain: Domain, desired: DesiredZone, push: Push) -> None:
    """Write down what is about to be done."""
    ledger.intend(
        writes, domain, desired.account.id, push.site.zone,
        todo=push.todo, wants=desired.wants, entries=desired.entries,
    )  # fmt: skip


def _intend(session: Session, domain: Domain, *, desired: DesiredZone, push: Push) -> None:
    with Writes(session) as writes:
        intend(writes, domain, desired, push)


def store_intents(
    sessions: Sessions, tools: Tools, lease: Lease, intend: Callable[[Session, Domain], None]
) -> None:
    """Commit what is about to be done, before the provider hears of it."""
    work.record(sessions, Domain, lease, intend, release=False)
    tools.checkpoint("records:intended")


def apply(sessions: Sessions, tools: Tools, lease: Lease, push: Push) -> Sequence[Outcome]:
    """Have the provider make the changes, and return what it says of each."""
    if push.todo.is_empty:
        return ()
    work.confirm(sessions, Domain, lease)
    with work.kept(sessions, Domain, lease):
        outcomes = push.site.provider.apply(push.site.zone, push.todo.changes)
    tools.checkpoint("records:applied")
    return outcomes


def settle(
    sessions: Sessions, tools: Tools, lease: Lease, push: Push, outcomes: Sequence[Outcome]
) -> Report:
    """Record in one transaction what the provider has now, and when to look again."""
    report = Report.of(push.todo, push.site.live, outcomes)

    def change(session: Session, row: Domain) -> None:
        with Writes(session) as writes:
            settle_row(writes, row, push, report, tools=tools, now=lease.now())

    try:
        work.record(sessions, Domain, lease, change, release=True)
    except work.Superseded:
        site = push.site
        late_acts.note(sessions, lease, site.account_id, site.zone, outcomes)
        raise
    tools.checkpoint("records:recorded")
    return report


def settle_row(
    writes: Writes, domain: Domain, push: Push, report: Report, *, tools: Tools, now: datetime
) -> None:
    """Record what the provider has now, of a domain that is locked, and when to look again."""
    session = writes.session
    known = _undisturbed(domain, push, report)
    desired = known or read_desired(session, domain, tools, now)
    if desired is None or desired.account.id != push.site.account_id:  # moved to another account
        domain.next_action_at = now
        return
    if known is None:
        spelled = desired.spelled_as(push.site.live)
        desired = shelter.sheltered(spelled, push.site.live, push.site.zone.name)
    lines = [line for line in desired.lines if line.is_wanted]
    again = ledger.settle(
        writes, domain, frozenset(desired.wants), desired.entries, report,
        now=now, settling=settling(tools), overrun=_is_overrun(domain, now),
    )  # fmt: skip
    if known is not None and report.outcomes:
        ledger.arrived(writes, domain)
    ledger.confirm(writes, domain, lines, report, now)
    _tell_drifts(writes, domain, push, lines, now)
    cdn.follow(domain, desired.account.provider, lines, push.site.origins)
    proof = desired.proof.value
    if proof is not None and proof[:2] in push.todo.keys and report.shows(proof):
        proofs.look_again(session, domain, now)
    if desired.plan_id is not None and not report.unknown:
        _finish(session, desired.plan_id, report)
    is_news = _note_zone(domain, push.site.zone)
    domain.last_checked_at = domain.drift_checked_at = now
    _schedule(domain, report, again=again, tools=tools, now=now)
    if is_news or desired.plan_id is not None:  # another apex, or other records of the owner
        writes.write()
        pointing.of_domain(session, domain, now)


def _is_overrun(domain: Domain, now: datetime) -> bool:
    """Tell whether a worker that lost the domain lately may act on its zone yet."""
    return domain.overrun_at is not None and now - domain.overrun_at < OVERRUN


def _undisturbed(domain: Domain, push: Push, report: Report) -> DesiredZone | None:
    """Return what the plan was made from, its intents stored, while that is all there is to know.

    It is not when somebody has woken the domain since (who changes records does), when a part was
    not done, or when a value that was to come before has not.
    """
    desired = push.desired
    if desired is None or domain.next_action_at != domain.lease_until or not report.is_complete:
        return None
    return None if ledger.lingers(desired.entries, report) else desired.begun(push.todo)


def _tell_drifts(
    writes: Writes, domain: Domain, push: Push, lines: Sequence[WantedRecord], now: datetime
) -> None:
    held = {(one.name, one.type) for one in push.todo.blocked}
    kept = [one for one in push.drifts if one.key in held]
    repaired = [one for one in push.drifts if one.key not in held]
    ledger.note_drift(writes, lines, kept, now)
    drifts.tell(domain, kept, repaired, now)


def _note_zone(domain: Domain, zone: Zone) -> bool:
    """Keep in which zone the domain was found; tell whether it is another than was taken for it."""
    is_news = zone.name != (domain.dns.zone or domain.domain_name)
    if domain.dns.zone != zone.name:
        domain.dns = replace(domain.dns, zone=zone.name)
    domain.dns_zone_id = zone.external_id or domain.dns_zone_id
    return is_news


def _schedule(domain: Domain, report: Report, *, again: bool, tools: Tools, now: datetime) -> None:
    """Set when to look next."""
    if report.unknown:
        domain.attempts += 1
        wait = timedelta(seconds=min(2**domain.attempts, 300))
        domain.next_action_at = work.soon(tools, now + wait, now)
        return
    rest(domain, now, jitter=tools.jitter())
    if domain.drift is not None and domain.drift.repaired_at is None:
        patient = (now - domain.drift.since) / 20
        domain.wake(now + min(max(patient, DRIFT_AGAIN), DRIFT_EVERY))
    if again:
        domain.wake(now + settling(tools))
    if report.waits:
        domain.wake(work.soon(tools, now + UNSEEN_EVERY, now))
    if report.reasons:
        domain.wake(now + AGAIN_AFTER_REFUSAL)


def _finish(session: Session, plan_id: int, report: Report) -> None:
    row = session.get_one(ChangePlan, plan_id)
    refused = {" ".join(key): reason for key, reason in report.refused.items()}
    row.conclude(report.outcomes, refused)
    if row.undoes_id is not None and not refused:
        session.get_one(ChangePlan, row.undoes_id).take_back()


def idle(row: Domain, now: datetime) -> None:
    """Nothing is wanted of the zone."""
    cdn.end(row)
    rest(row, now)


def rest(row: Domain, now: datetime, *, jitter: float | None = None) -> None:
    """Nothing is to do until the zone is compared again, or the registration is worth a warning."""
    row.attempts = 0
    row.next_action_at = None
    if row.deleted_at is None:
        row.next_action_at = registration.next_warning(row.expires_at, now)
        row.error_message = registration.warning(row.expires_at, now)
        if jitter is not None and row.is_live and row.drift_policy is not DriftPolicy.OFF:
            row.wake(now + DRIFT_EVERY * (0.9 + 0.2 * jitter))


def _refused(
    session: Session, row: Domain, desired: DesiredZone, refusal: Refused, now: datetime
) -> None:
    """Note on the domain and on its waiting records why the provider said no.

    One of the domains that wait for the account asks again every moment: what was refused may be
    repaired where nobody tells us.
    """
    row.error_message = refusal.detail
    ledger.refuse(session, [line for line in desired.lines if line.is_wanted], refusal.detail)
    row.meet(refusal.code, refusal.detail, f"account:{desired.account.id}", now)
    later = now + AGAIN_AFTER_REFUSAL
    row.next_action_at = work.watched(session, Domain, row, later, now, every=work.WATCH_REFUSAL)


def forget(session: Session, certificate_id: int, now: datetime, *purposes: LedgerPurpose) -> None:
    """Have the values of a certificate with these purposes taken back."""
    query = LedgerEntry.visible(PLATFORM).where(
        LedgerEntry.ssl_certificate_id == certificate_id, LedgerEntry.purpose.in_(purposes)
    )
    entries = session.scalars(query).all()
    zones = sorted({entry.organization_domain_id for entry in entries})
    if zones:  # the platform's may not be locked yet, and whoever settles it locks it first
        session.execute(
            Domain.waking(now).where(Domain.id.in_(zones)),
            execution_options={"synchronize_session": "evaluate"},
        )
    for entry in entries:
        entry.state = LedgerState.LEAVING
