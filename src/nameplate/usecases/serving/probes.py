"""Bringing bindings to life and watching them: certificate, proxy, probe, health.

    pending ─(proved, certificate, server)─▶ configuring ─(probe sees the application)─▶ active

A batch of leased bindings is looked at together: those that need a look through their proxy are
probed in one event loop, with no transaction open, and what did not change is written in one
statement.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from nameplate.core import basic_auth, ids
from nameplate.core import health as thresholds
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError
from nameplate.core.lifecycle import BindingStatus, DomainStatus, HealthStatus
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Binding
from nameplate.ports.prober import ProbeResult
from nameplate.usecases import work
from nameplate.usecases.certificates import rollout
from nameplate.usecases.placements import MAX_FAILURES
from nameplate.usecases.serving import (
    arrivals,
    departures,
    gathered_looks,
    group_looks,
    judgement,
    proxies,
    targets,
    withholding,
)
from nameplate.usecases.serving import looks as kept_looks
from nameplate.usecases.serving.gathered_looks import SeenBinding
from nameplate.usecases.serving.group_looks import JudgedLooks
from nameplate.usecases.serving.judgement import Behind
from nameplate.usecases.serving.planned_looks import AGAIN_AFTER_ERROR
from nameplate.usecases.tools import Tools

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 10
"""Probes before a binding that does not come up is called an error."""
AGAIN_WHILE_UNHEALTHY = timedelta(seconds=30)
"""When at the latest a binding that does not answer is looked at again."""
QUICKLY = timedelta(seconds=2)
"""When it is looked at again after one of the first looks that failed."""
AGAIN_WHILE_UNSETTLED = timedelta(seconds=5)
"""When at the latest one is looked at again that failed a moment ago and answers now."""


_TOGETHER = 16
"""Bindings in one transaction: their locks are held until it ends."""


def sweep(sessions: Sessions, tools: Tools, leases: Sequence[Lease]) -> Sequence[work.StepOutcome]:
    """Bring each leased binding one step forward; probe those that can be seen.

    Returns which fell ill or recovered.
    """
    changed: list[work.StepOutcome] = []
    step = partial(_step, sessions, tools, changed)
    advance = partial(arrivals.advance, tools=tools)
    advanced = step(leases, advance, release=lambda found: not found)
    planned = [(lease, of_one) for lease, of_one in advanced if of_one]
    taken = gathered_looks.take(tools, [of_one for _, of_one in planned])
    steady: dict[int, list[Lease]] = {}
    found: dict[Lease, SeenBinding] = {}
    for (lease, of_one), one in zip(planned, taken, strict=True):
        if one.is_steady:
            steady.setdefault(of_one[0].interval, []).append(lease)
        else:
            found[lease] = one
    news = _News()
    seen = step(list(found), partial(_seen, tools, found, news), release=lambda _: True)
    changed += [work.StepOutcome(code, row_id=one.id) for one, code in seen if code]
    now = leases[0].now()
    if news.moved:
        sessions.run(PLATFORM, lambda session: _settle(session, news.moved, now))
    if news.turned:
        sessions.run(PLATFORM, lambda session: withholding.settle(session, news.turned, now))
    if news.arrived:
        sessions.run(PLATFORM, lambda session: _arrived(session, news.arrived, now))
    _keep(sessions, steady)
    kept_looks.note(sessions, [one.noted for one in taken if one.is_counted])
    return changed


def _step(
    sessions: Sessions,
    tools: Tools,
    failed: list[work.StepOutcome],
    leases: Sequence[Lease],
    change: Callable[[Session, Sequence[tuple[Lease, Binding]]], Sequence[T]],
    *,
    release: Callable[[T], bool],
) -> list[tuple[Lease, T]]:
    """Record a change of many bindings, some in each transaction; what fails, fails for itself."""
    done: list[tuple[Lease, T]] = []
    waiting = deque(leases[start : start + _TOGETHER] for start in range(0, len(leases), _TOGETHER))
    while waiting:
        some = waiting.popleft()
        try:
            done += work.record_together(sessions, Binding, some, change, release=release)
        except (NameplateError, SQLAlchemyError):
            raise
        except Exception as error:
            if len(some) > 1:
                waiting += [[one] for one in some]
                continue
            log.exception("binding_step_failed", extra={"binding": ids.show("bnd", some[0].id)})
            work.postpone(sessions, tools, Binding, some[0], error)
            failed.append(work.StepOutcome("internal_error", row_id=some[0].id))
    return done


@dataclass(slots=True)
class _News:
    """What follows from looks in transactions of its own."""

    moved: set[int] = field(default_factory=set)
    """Certificates of bindings where another one was seen than before."""
    turned: set[int] = field(default_factory=set)
    """Bindings whose host DNS is to lead to other servers of their group."""
    arrived: set[int] = field(default_factory=set)
    """Bindings that were seen to be served: the servers that they have left may be led away from."""


def _seen(
    tools: Tools,
    found: Mapping[Lease, SeenBinding],
    news: _News,
    session: Session,
    leased: Sequence[tuple[Lease, Binding]],
) -> list[str | None]:
    """Record what probes saw; tell which turn that is for each binding, and what is `news`."""
    around = Behind.of(session, [row for _, row in leased])
    turns = []
    for lease, row in leased:
        gathered = group_looks.record(session, around, row, found[lease].through, lease.now())
        if gathered.is_moved and row.ssl_certificate_id:
            news.moved.add(row.ssl_certificate_id)
        if gathered.is_turned:
            news.turned.add(row.id)
        was_active = row.status is BindingStatus.ACTIVE
        turns.append(_saw(session, tools, around, row, lease, found[lease], gathered))
        if row.status is BindingStatus.ACTIVE and not was_active:
            news.arrived.add(row.id)
    return turns


def _settle(session: Session, certificates: set[int], now: datetime) -> None:
    """Have the servers told whose turn has come, now that a certificate was seen at others."""
    for server in sorted(rollout.settle(session, certificates, now)):
        proxies.wake(session, server, now, patiently=True)


def _arrived(session: Session, bindings: set[int], now: datetime) -> None:
    """Have the servers look that bindings have left: visitors can be led to where these are now."""
    for server in departures.servers(session, bindings):
        proxies.wake(session, server, now)


def _saw(  # noqa: PLR0917 - what every step is given, and what was found
    session: Session,
    tools: Tools,
    behind: Behind,
    row: Binding,
    lease: Lease,
    seen: SeenBinding,
    gathered: JudgedLooks,
) -> str | None:
    now = lease.now()
    if row.status is BindingStatus.ACTIVE:
        return _watched(session, behind, row, seen, gathered, now)
    before = row.status
    row.record_health(_level(row, gathered.finding, gathered), now)
    row.next_action_at = now + timedelta(seconds=row.health_check_interval)
    if row.status is BindingStatus.CONFIGURING:
        _arrive(session, tools, behind, row, gathered.finding, now)
    is_over = row.status is BindingStatus.ERROR and before is not row.status
    return "binding_error" if is_over else None


def _watched(  # noqa: PLR0917 - as `_saw`
    session: Session,
    behind: Behind,
    row: Binding,
    seen: SeenBinding,
    gathered: JudgedLooks,
    now: datetime,
) -> str | None:
    """Record what was seen of an active binding; return what is new about its health."""
    was_failing = row.failing_since is not None
    finding = targets.combined(row.health_memory, gathered.finding, seen.direct)
    row.error_message = None if judgement.is_well(finding) else judgement.reason(finding)
    if seen.is_counted:
        if seen.tells_of_target and targets.weigh(row, seen.direct, now):
            _reweigh(session, behind, row, now)
        row.record_look(_level(row, finding, gathered), now)
    row.attempts = row.health_memory.bad
    row.next_action_at = now + _pause(row, gathered.failures)
    _doubt(session, gathered.doubted, now)
    for server in gathered.returned:
        proxies.retry(session, server, now)
    if was_failing == (row.failing_since is not None):
        return None
    return "binding_recovered" if was_failing else "binding_unhealthy"


def _level(row: Binding, finding: ProbeResult, gathered: JudgedLooks) -> HealthStatus:
    """Return what one look says of a binding. The application by itself asks for no password."""
    is_protected = finding is gathered.finding and basic_auth.is_protected(row.proxy_config)
    health = judgement.health(finding, protected=is_protected)
    if gathered.failures and health is HealthStatus.HEALTHY:
        return HealthStatus.DEGRADED  # visitors whom DNS led to that server see it
    return health


def _reweigh(session: Session, behind: Behind, row: Binding, now: datetime) -> None:
    """Have the proxies told that a target gets nothing now, or its share again."""
    placed = behind.placed.get(row.id, ())
    for server in filter(None, (row.server_id, *(one.server.id for one in placed))):
        proxies.wake(session, server, now)


def _pause(row: Binding, failures: int) -> timedelta:
    """Return for how long nobody looks, after `failures` in a row at one server of its group."""
    wait = timedelta(seconds=row.health_check_interval)
    pressing = max(row.attempts, failures if failures <= MAX_FAILURES else 0)
    if pressing:
        return min(wait, _soon(pressing))
    if row.health_memory.is_unsettled:
        return min(wait, QUICKLY if row.health_memory.is_in_doubt else AGAIN_WHILE_UNSETTLED)
    return wait


def _soon(attempts: int) -> timedelta:
    """Return when to look again at what does not answer: its interval may be much longer.

    The first looks come quickly: a few of them tell a hiccup from an application that is down.
    """
    if attempts < thresholds.BAD:
        return QUICKLY
    seconds = 5 * 1.5 ** min(attempts - thresholds.BAD, 20)
    return min(timedelta(seconds=seconds), AGAIN_WHILE_UNHEALTHY)


def _doubt(session: Session, server_ids: Iterable[int | None], now: datetime) -> None:
    for one in server_ids:
        if one is not None:
            proxies.doubt(session, one, now)


def _arrive(  # noqa: PLR0917 - what every step is given, and what was found
    session: Session,
    tools: Tools,
    behind: Behind,
    row: Binding,
    finding: ProbeResult,
    now: datetime,
) -> None:
    """Activate the binding, or look again, or call it an error."""
    if finding.answered:
        row.activate(now)
        row.attempts = 0
        domain = behind.domains[row.organization_domain_id]  # locked before the row
        if domain.status is DomainStatus.VERIFIED:
            domain.activate()
        return
    row.attempts += 1
    row.error_message = judgement.reason(finding)
    wait = timedelta(seconds=min(1.5**row.attempts, 60))
    row.next_action_at = work.soon(tools, now + wait, now)
    if row.attempts >= PATIENCE:
        row.fail(judgement.reason(finding))
        row.next_action_at = now + AGAIN_AFTER_ERROR
        placed = behind.placed.get(row.id, ())
        _doubt(session, [row.server_id, *(one.server.id for one in placed)], now)


def _keep(sessions: Sessions, steady: Mapping[int, Sequence[Lease]]) -> None:
    """Release in one statement the bindings that are as healthy as before."""
    for interval, leases in steady.items():
        sessions.run(PLATFORM, partial(_release, interval=interval, leases=leases))


def _release(session: Session, *, interval: int, leases: Sequence[Lease]) -> None:
    now = leases[0].now()
    ordered = Binding.visible(PLATFORM).where(Binding.id.in_([lease.id for lease in leases]))
    session.execute(  # the same order as everybody's
        ordered.with_only_columns(Binding.id).order_by(Binding.id).with_for_update(key_share=True)
    ).all()
    session.execute(
        sa.update(Binding)
        .where(
            sa.tuple_(Binding.id, Binding.fence).in_([(lease.id, lease.fence) for lease in leases])
        )
        .ordered_values(  # MariaDB assigns in this order
            (
                Binding.urgency,
                sa.case((Binding.next_action_at == Binding.lease_until, 0), else_=Binding.urgency),
            ),
            (
                Binding.next_action_at,
                sa.case(
                    (
                        Binding.next_action_at == Binding.lease_until,
                        now + timedelta(seconds=interval),
                    ),
                    else_=Binding.next_action_at,  # somebody woke it meanwhile
                ),
            ),
            (Binding.lease_until, None),
            (Binding.last_health_check_at, now),
            (Binding.updated_at, Binding.updated_at),
        ),
        execution_options={"synchronize_session": False},
    )
