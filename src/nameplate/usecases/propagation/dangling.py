"""Looking daily for records that dangle, at every name that is held, was held, or has records.

    due ─(pace)─▶ looked at ─▶ found, seen again, or ended ─▶ due tomorrow

A row for each domain says when it is its turn and how far the last look came. What was found is a row
that ends by itself once a look has seen that the cause is gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.dangling.checks import Judged
from nameplate.core.dangling.found import Dangling, Severity
from nameplate.core.errors import Conflict
from nameplate.core.ids import Prefix
from nameplate.db import Sessions, database_now
from nameplate.leases import Lease, current, lease_one
from nameplate.models import DanglingRecord, DanglingScan, DanglingState, Domain
from nameplate.usecases import holders, lookup, work
from nameplate.usecases.propagation import dangling_looks as looks
from nameplate.usecases.propagation import dangling_names
from nameplate.usecases.propagation.dangling_names import ScanPlan
from nameplate.usecases.tools import Tools

DAY = timedelta(days=1)
WHILE_OPEN = timedelta(hours=6)
"""When names are looked at again of which one dangles."""
SOON = timedelta(minutes=1)
"""When the rest of a domain's names are looked at."""
AT_MOST_EVERY = timedelta(minutes=1)
"""Looks that callers ask for: the servers are other people's."""
KEPT = timedelta(days=90)
"""How long a record that dangles no more is kept."""
WIDTH = 16
_LEASE_SECONDS = 90.0
_PLANNED_AT_ONCE = 2000
_FORGOTTEN_AT_ONCE = 1000
_FIRST_WITHIN = 3600
_SCATTER = 2_654_435_761
"""Spreads neighbouring ids over the hour."""


def sweep(sessions: Sessions, tools: Tools, leases: Sequence[Lease]) -> None:
    """Look at the names of the leased domains, as far as the pace allows; the others have to wait."""
    now_due: list[ScanPlan] = []
    later: dict[Lease, float] = {}
    for plan in _read(sessions, tools, leases):
        wait = looks.PACE.wait(len(plan.subjects), tools.scan_queries) if plan.subjects else 0.0
        if wait:
            later[plan.lease] = wait
        else:
            now_due.append(plan)
    _postpone(sessions, later)
    _look(sessions, tools, now_due)


def scan(sessions: Sessions, tools: Tools, actor: Actor, reference: str) -> int:
    """Look at the names of one domain now, and return the domain's id.

    A look of a moment ago, and one that is under way, count as this one. Raises NotFound, Conflict
    `domain_not_proved`: nobody has strangers' names looked at.
    """
    with sessions.begin(actor, read_only=True) as session:
        domain = lookup.domain(session, actor, reference)
        owner, domain_id = domain.organization_id, domain.id
        if holders.holding(session, owner, domain.full_domain) is None:
            detail = "Ownership of the domain is not proved. Prove it first."
            raise Conflict("domain_not_proved", detail)
    lease = sessions.run(PLATFORM, partial(_taken, domain_id=domain_id))
    if lease is not None:
        _look(sessions, tools, _read(sessions, tools, [lease]))
    return domain_id


def _taken(session: Session, *, domain_id: int) -> Lease | None:
    domain = session.get_one(Domain, domain_id, with_for_update=True)  # made by one of us only
    query = DanglingScan.visible(PLATFORM).where(DanglingScan.organization_domain_id == domain_id)
    row = session.scalars(query).one_or_none()
    if row is None:
        row = DanglingScan(organization_id=domain.organization_id, organization_domain_id=domain_id)
        session.add(row)
        session.flush()
    elif row.scanned_at is not None and database_now(session) - row.scanned_at < AT_MOST_EVERY:
        return None
    row.done_until = None
    session.flush()
    return lease_one(session, DanglingScan, row.id, seconds=_LEASE_SECONDS)


def _read(sessions: Sessions, tools: Tools, leases: Sequence[Lease]) -> list[ScanPlan]:
    with sessions.begin(PLATFORM, read_only=True) as session:
        return dangling_names.plans(session, tools, current(session, DanglingScan, leases))


def _postpone(sessions: Sessions, later: Mapping[Lease, float]) -> None:
    def change(_session: Session, rows: Sequence[tuple[Lease, DanglingScan]]) -> list[None]:
        for lease, row in rows:
            row.next_action_at = lease.now() + timedelta(seconds=later[lease])
        return [None] * len(rows)

    work.record_together(sessions, DanglingScan, list(later), change, release=lambda _: True)


def _look(sessions: Sessions, tools: Tools, plans: Sequence[ScanPlan]) -> None:
    """Look at what is planned with no transaction open, and record what was seen."""
    subjects = [one for plan in plans for one in plan.subjects]
    seen = iter(looks.look(tools, subjects))
    judged = {plan.lease: [(one.name, next(seen)) for one in plan.subjects] for plan in plans}
    by_lease = {plan.lease: plan for plan in plans}

    def change(session: Session, rows: Sequence[tuple[Lease, DanglingScan]]) -> list[None]:
        there = _open(session, [row.organization_domain_id for _, row in rows])
        for lease, row in rows:
            known = there.get(row.organization_domain_id, [])
            _record(session, tools, row, by_lease[lease], known, judged[lease], lease.now())
        return [None] * len(rows)

    work.record_together(sessions, DanglingScan, list(by_lease), change, release=lambda _: True)


def _open(session: Session, domains: Iterable[int]) -> dict[int, list[DanglingRecord]]:
    query = DanglingRecord.visible(PLATFORM).where(
        DanglingRecord.organization_domain_id.in_(sorted(set(domains))),
        DanglingRecord.ended_at.is_(None),
    )
    found: dict[int, list[DanglingRecord]] = {}
    for row in session.scalars(query.order_by(DanglingRecord.id)):
        found.setdefault(row.organization_domain_id, []).append(row)
    return found


def _record(  # noqa: PLR0917 - what every step is given, and what was seen
    session: Session,
    tools: Tools,
    row: DanglingScan,
    plan: ScanPlan,
    known: Sequence[DanglingRecord],
    judged: Sequence[tuple[str, Judged]],
    now: datetime,
) -> None:
    """Keep what was found, end what is gone, and say when it is the domain's turn again."""
    if not plan.is_watched:
        for one in known:
            one.end(now)
        row.next_action_at = row.done_until = None
        return
    left = {one.key: one for one in known}
    found = {dangling.key: dangling for _, one in judged for dangling in one.found}
    for key, dangling in found.items():
        _keep(session, row, left.pop(key, None), dangling, now)
    settled = {(name, problem) for name, one in judged for problem in one.settled}
    still = bool(found)
    for one in left.values():
        if (one.name, one.problem) in settled:
            one.end(now)
        else:
            still = True
    row.scanned_at, row.done_until, row.attempts = now, plan.until, 0
    wait = SOON if plan.until else WHILE_OPEN if still else DAY
    row.next_action_at = now + wait * (1 - tools.jitter() / 20)


def _keep(
    session: Session,
    scan_row: DanglingScan,
    row: DanglingRecord | None,
    dangling: Dangling,
    now: datetime,
) -> None:
    if row is None:
        row = DanglingRecord(
            organization_id=scan_row.organization_id,
            organization_domain_id=scan_row.organization_domain_id,
        )
        session.add(row)
    row.see(dangling, now)


def get(session: Session, actor: Actor, reference: str) -> DanglingRecord:
    """Return the dangling record with that id. Raises NotFound."""
    row: DanglingRecord = lookup.find(
        session, DanglingRecord.visible(actor), DanglingRecord, Prefix.DANGLING_RECORD, reference
    )
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    domain: str | int | None = None,
    severity: Severity | None = None,
    state: DanglingState | None = DanglingState.OPEN,
) -> Sequence[DanglingRecord]:
    """Return up to `limit` + 1 dangling records in order of their ids; any state for None."""
    query = DanglingRecord.visible(actor)
    if state is not None:
        is_open = DanglingRecord.ended_at.is_(None)
        query = query.where(is_open if state is DanglingState.OPEN else sa.not_(is_open))
    by_id = domain if isinstance(domain, int) else lookup.domain_id(session, actor, domain)
    return lookup.page(
        session,
        query,
        DanglingRecord,
        limit=limit,
        after=after,
        organization_domain_id=by_id,
        severity=severity,
    )


@dataclass(frozen=True, slots=True)
class DanglingReport:
    """How many records dangle, of all that the caller may see."""

    counts: Mapping[tuple[str, Severity], int]
    """By problem and severity."""
    organizations: Mapping[int, int]
    """Those with the most, the most first."""
    domains: int
    """Domains whose names are looked at."""
    unseen: int
    """Those of them that were not looked at within the last two days."""


def report(session: Session, actor: Actor) -> DanglingReport:
    """Count what dangles."""
    there = DanglingRecord.visible(actor).where(DanglingRecord.ended_at.is_(None))
    number = sa.func.count().label("number")
    what = (DanglingRecord.problem, DanglingRecord.severity)
    owner = DanglingRecord.organization_id
    counts = session.execute(there.with_only_columns(*what, number).group_by(*what))
    most = there.with_only_columns(owner, number).group_by(owner).order_by(sa.desc(number), owner)
    watched = DanglingScan.visible(actor).where(DanglingScan.next_action_at.is_not(None))
    late = database_now(session) - 2 * DAY
    is_late = sa.or_(DanglingScan.scanned_at.is_(None), DanglingScan.scanned_at < late)
    all_, unseen = session.execute(
        watched.with_only_columns(number, sa.func.sum(sa.case((is_late, 1), else_=0)))
    ).one()
    return DanglingReport(
        {(problem, severity): count for problem, severity, count in counts},
        {row[0]: row[1] for row in session.execute(most.limit(20))},
        all_,
        int(unseen or 0),
    )


def of_domain(session: Session, actor: Actor, domain_id: int) -> list[Dangling]:
    """Return what dangles of one domain, as it was seen last."""
    rows = page(session, actor, limit=lookup.MAX_LIMIT, domain=domain_id)
    return [
        Dangling(
            row.problem, row.name, row.subject, row.severity, row.message, row.fix,
            tuple(row.evidence), row.fixes, row.turn,
        )
        for row in rows
    ]  # fmt: skip


def plan_ahead(session: Session, now: datetime) -> None:
    """Have the names of every domain looked at that is held: some at a time, spread over an hour."""
    held = Domain.visible(PLATFORM).where(Domain.holding_name.is_not(None))
    scans: Any = sa.exists().where(DanglingScan.organization_domain_id == Domain.id)
    new = held.where(sa.not_(scans)).with_only_columns(Domain.id, Domain.organization_id)
    for domain_id, owner in session.execute(new.limit(_PLANNED_AT_ONCE)).all():
        first = now + timedelta(seconds=domain_id * _SCATTER % _FIRST_WITHIN)
        ids = {"organization_id": owner, "organization_domain_id": domain_id}
        session.add(DanglingScan(**ids, next_action_at=first))
    session.flush()
    there = held.with_only_columns(Domain.id)
    again = DanglingScan.waking(now).where(
        DanglingScan.next_action_at.is_(None), DanglingScan.organization_domain_id.in_(there)
    )
    session.execute(again, execution_options={"synchronize_session": False})


def forget_old(session: Session, now: datetime) -> None:
    """Remove what has not dangled for long, in small pieces."""
    old = DanglingRecord.visible(PLATFORM).where(DanglingRecord.ended_at < now - KEPT)
    ids = session.scalars(old.with_only_columns(DanglingRecord.id).limit(_FORGOTTEN_AT_ONCE)).all()
    if ids:
        session.execute(DanglingRecord.forgetting(ids))
