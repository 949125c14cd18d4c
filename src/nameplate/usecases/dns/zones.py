"""Bringing what a domain wants to its DNS provider: read, plan, intend, apply, confirm.

One domain's lease is the one writer of that domain's values. The ledger says which values in the
zone are ours; everything else there is somebody's and stays. What is dangerous, and what somebody
else changed at the provider, waits until a person applies a plan (`plans.py`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core import provider_limits, registration
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.core.names import self_and_ancestors
from nameplate.core.plan import Drift, Owned, Plan, plan
from nameplate.core.records import RRset
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import (
    ChangePlan,
    Domain,
    DriftPolicy,
    LedgerEntry,
    LedgerState,
)
from nameplate.ports.dns import DnsProvider, Outcome, Zone
from nameplate.usecases import work
from nameplate.usecases.dns import desired, drifts, ledger, pointing
from nameplate.usecases.dns.desired import DesiredZone
from nameplate.usecases.dns.ledger import Report
from nameplate.usecases.hosting import hosted_zones
from nameplate.usecases.tools import Tools

AGAIN_AFTER_REFUSAL = timedelta(hours=1)
DRIFT_EVERY = timedelta(hours=1)
"""How often a zone is compared with what is wanted, when nothing else leads there."""


@dataclass(frozen=True, slots=True)
class LiveZone:
    """A zone at its provider, as it was read just now."""

    provider: DnsProvider
    account_id: int
    zone: Zone
    live: Sequence[RRset]


def visit(tools: Tools, job: DesiredZone) -> LiveZone:
    """Find the provider's zone that holds the domain, the longest that fits, and read it.

    Raises `Refused` with code `zone_not_found` when the account reaches none.
    """
    provider = tools.dns_provider(job.account)
    names = [job.zone_name] if job.zone_name else self_and_ancestors(job.bare_name, least=2)
    zones = {zone.name: zone for zone in provider.zones()}
    for name in names:
        if name in zones:
            live = provider.records(zones[name])
            return LiveZone(provider, job.account.id, zones[name], live)
    raise Refused(
        "zone_not_found",
        f"the DNS account reaches no zone for {job.bare_name}; it reaches "
        f"{', '.join(sorted(zones)[:5]) or 'none'}",
    )


def planned(job: DesiredZone, site: LiveZone) -> Plan:
    """Return everything that would have to change."""
    return possible(job, site, job.rrsets(site.live), job.entries.keys())


def possible(job: DesiredZone, site: LiveZone, wants: Iterable[RRset], owned: Owned) -> Plan:
    """Return how the zone becomes what is wanted, less what the provider is known to refuse."""
    provider = job.account.provider
    whole = plan(
        site.live, wants, owned, apex=site.zone.name, flattens=provider_limits.flattens(provider)
    )
    refused = {
        change.key: ("provider_refuses", reason)
        for change in whole.changes
        if change.after is not None and (reason := provider_limits.refusals(provider, change.after))
    }
    return whole.without(refused)


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> None:
    """Bring one domain's values to its provider, and record what the provider has."""
    if not hosted_zones.ensure(sessions, tools, lease):
        return
    job = work.read(
        sessions, Domain, lease, lambda s, row: desired.load(s, row, tools, lease.now())
    )
    if job is None or job.is_empty:
        work.record(sessions, Domain, lease, lambda _s, row: _rest(row, lease.now()), release=True)
        return
    try:
        site = visit(tools, job)
    except Refused as error:
        reason = error.detail
        work.record(
            sessions, Domain, lease, lambda s, row: _refused(s, row, job, reason, lease.now()),
            release=True,
        )  # fmt: skip
        return
    tools.checkpoint("records:read")
    todo = planned(job, site)
    found = job.drifts(site.live)
    if not job.is_free:
        if job.policy is not DriftPolicy.REPAIR:
            todo = todo.without({one.key: ("drifted", str(one)) for one in found})
        todo = todo.safe_part(job.unquestioned)

    def intend(session: Session, domain: Domain) -> None:
        ledger.intend(
            session, domain, job.account.id, site.zone,
            todo=todo, wants=job.wants, entries=job.entries,
        )  # fmt: skip

    push(sessions, tools, lease, site, todo, intend=intend, drifted=found, known=job)


def push(
    sessions: Sessions,
    tools: Tools,
    lease: Lease,
    site: LiveZone,
    todo: Plan,
    *,
    intend: Callable[[Session, Domain], None],
    always: bool = False,
    drifted: Sequence[Drift] = (),
    known: DesiredZone | None = None,
) -> None:
    """Carry a plan out: intents, the act, and what came of it, each committed on its own.

    Without changes of the zone there are no intents, unless `always`. `known` is the job that was
    read for the plan.
    """
    outcomes: Sequence[Outcome] = ()
    if always or not todo.is_empty:
        work.record(sessions, Domain, lease, intend, release=False)
        known = None if known is None else known.begun(todo)
        tools.checkpoint("records:intended")
    if not todo.is_empty:
        work.confirm(sessions, Domain, lease)
        with work.kept(sessions, Domain, lease):
            outcomes = site.provider.apply(site.zone, todo.changes)
        tools.checkpoint("records:applied")
    report = Report.of(todo, site.live, outcomes)
    held = {(one.name, one.type) for one in todo.blocked}
    kept = [one for one in drifted if one.key in held]
    repaired = [one for one in drifted if one.key not in held]
    work.record(
        sessions, Domain, lease,
        lambda s, row: _conclude(
            s, row, report, site, known,
            kept=kept, repaired=repaired, tools=tools, lease=lease,
        ),
        release=True,
    )  # fmt: skip
    tools.checkpoint("records:recorded")


def _conclude(
    session: Session,
    domain: Domain,
    report: Report,
    site: LiveZone,
    known: DesiredZone | None,
    *,
    kept: Sequence[Drift],
    repaired: Sequence[Drift],
    tools: Tools,
    lease: Lease,
) -> None:
    now = lease.now()
    untouched = domain.next_action_at == domain.lease_until  # who changes records wakes the domain
    is_known = (
        known is not None
        and untouched
        and report.is_complete
        and not ledger.lingers(known.entries, report)
    )
    job = known if is_known else desired.load(session, domain, tools, now)
    if job is None or job.account.id != site.account_id:  # the domain has moved to another account
        domain.next_action_at = now
        return
    lines = [line for line in job.lines if line.is_wanted]
    again = ledger.settle(
        session,
        frozenset(job.wants),
        job.entries,
        report,
        now=now,
        settling=desired.settling(tools),
    )
    if is_known and report.outcomes:
        ledger.arrived(session, domain)
    ledger.confirm(session, domain, lines, report, now)
    ledger.note_drift(session, lines, kept, now)
    drifts.tell(domain, kept, repaired, now)
    if job.plan_id is not None and not report.unknown:
        _finish(session, job.plan_id, report)
    is_news = domain.dns.zone != site.zone.name
    if is_news:
        domain.dns = replace(domain.dns, zone=site.zone.name)
    domain.dns_zone_id = site.zone.external_id or domain.dns_zone_id
    domain.last_checked_at = domain.drift_checked_at = now
    _schedule(domain, report, again=again, tools=tools, now=now)
    if is_news or job.plan_id is not None:  # another apex, or other records of the owner
        pointing.of_domain(session, domain, now)


def _schedule(domain: Domain, report: Report, *, again: bool, tools: Tools, now: datetime) -> None:
    """Set when to look next."""
    if report.unknown:
        domain.attempts += 1
        wait = timedelta(seconds=min(2**domain.attempts, 300))
        domain.next_action_at = work.soon(tools, now + wait, now)
        return
    _rest(domain, now, jitter=tools.jitter())
    if again:
        domain.wake(now + desired.settling(tools))
    if report.reasons:
        domain.wake(now + AGAIN_AFTER_REFUSAL)


def _finish(session: Session, plan_id: int, report: Report) -> None:
    row = session.get_one(ChangePlan, plan_id)
    refused = {" ".join(key): reason for key, reason in report.refused.items()}
    row.conclude(report.outcomes, refused)
    if row.undoes_id is not None and not refused:
        session.get_one(ChangePlan, row.undoes_id).take_back()


def _rest(row: Domain, now: datetime, *, jitter: float | None = None) -> None:
    """Nothing is to do until the zone is compared again, or the registration is worth a warning."""
    row.attempts = 0
    row.next_action_at = None
    if row.deleted_at is None:
        row.next_action_at = registration.next_warning(row.expires_at, now)
        row.error_message = registration.warning(row.expires_at, now)
        if jitter is not None and row.is_live and row.drift_policy is not DriftPolicy.OFF:
            row.wake(now + DRIFT_EVERY * (0.9 + 0.2 * jitter))


def _refused(session: Session, row: Domain, job: DesiredZone, reason: str, now: datetime) -> None:
    """Note on the domain and on its waiting records why the provider said no."""
    row.error_message = reason
    ledger.refuse(session, [line for line in job.lines if line.is_wanted], reason)
    row.next_action_at = now + AGAIN_AFTER_REFUSAL


def forget(session: Session, certificate_id: int, now: datetime) -> None:
    """Have the challenge values of a certificate taken back."""
    query = LedgerEntry.visible(PLATFORM).where(LedgerEntry.ssl_certificate_id == certificate_id)
    for entry in session.scalars(query):
        entry.state = LedgerState.LEAVING
        session.get_one(Domain, entry.organization_domain_id).wake(now)
