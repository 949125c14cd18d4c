"""Bringing bindings to life and watching them: certificate, proxy, probe, health.

    pending ─(proved, certificate, server)─▶ configuring ─(probe sees the application)─▶ active

A batch of leased bindings is looked at together: those that need a look through their proxy are
probed in one event loop, with no transaction open, and what did not change is written in one
statement.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from nameplate.core import health as thresholds
from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.certificates import same_form
from nameplate.core.errors import NameplateError
from nameplate.core.lifecycle import BindingStatus, DomainStatus, HealthStatus
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Binding, Certificate, Domain
from nameplate.ports.prober import Failure, ProbeResult
from nameplate.usecases import work
from nameplate.usecases.certificates import rollout
from nameplate.usecases.serving import arrivals, proxies, targets
from nameplate.usecases.serving import looks as kept_looks
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
_HTTP_ERROR = 400
_SERVER_ERROR = 500


_TOGETHER = 50
"""Bindings in one transaction: their locks are held until it ends."""


def sweep(sessions: Sessions, tools: Tools, leases: Sequence[Lease]) -> Sequence[work.StepOutcome]:
    """Bring each leased binding one step forward; probe those that can be seen.

    Returns which fell ill or recovered.
    """
    changed: list[work.StepOutcome] = []
    step = partial(_step, sessions, tools, changed)
    advance = partial(arrivals.advance, tools=tools)
    advanced = step(leases, advance, release=lambda found: found is None)
    looks = [look for _, look in advanced if look is not None]
    findings = _findings(tools, looks)
    steady: dict[int, list[Lease]] = {}
    found: dict[Lease, _Finding] = {}
    for look, finding in zip(looks, findings, strict=True):
        if look.steady and finding.is_steady and look.is_seen(finding.through):
            steady.setdefault(look.interval, []).append(look.lease)
        else:
            found[look.lease] = finding
    moved: set[int] = set()
    seen = step(list(found), partial(_seen, tools, found, moved), release=lambda _: True)
    changed += [work.StepOutcome(code, row_id=one.id) for one, code in seen if code]
    if moved:
        now = leases[0].now()
        sessions.run(PLATFORM, lambda session: _settle(session, moved, now))
    _keep(sessions, steady)
    pairs = zip(looks, findings, strict=True)
    kept_looks.note(sessions, [_noted(look, seen_) for look, seen_ in pairs if look.is_counted])
    return changed


@dataclass(frozen=True, slots=True)
class _Finding:
    """What was seen of one binding."""

    through: ProbeResult
    direct: ProbeResult | None = None
    """What the application answered by itself."""
    is_counted: bool = True

    @property
    def is_steady(self) -> bool:
        """All that was looked at is well."""
        those = [self.through, *((self.direct,) if self.direct else ())]
        return all(_health(one) is HealthStatus.HEALTHY for one in those)


def _noted(look: arrivals.PlannedProbe, finding: _Finding) -> kept_looks.TargetLook:
    seen = finding.direct or finding.through
    is_failed = not all(_is_well(one) for one in (finding.through, finding.direct) if one)
    return kept_looks.TargetLook(
        look.lease.id, look.organization, look.lease.now(), is_failed, seen.status, seen.seconds
    )


def _findings(tools: Tools, looks: Sequence[arrivals.PlannedProbe]) -> list[_Finding]:
    """Return what is seen of each, by ourselves where no agent has told."""
    own = [look for look in looks if look.told is None]
    beside = [look.direct for look in own if look.direct is not None]
    asked = [*(look.target for look in own), *beside]
    seen = list(tools.prober.look_many(asked)) if asked else []
    through, direct = iter(seen[: len(own)]), iter(seen[len(own) :])
    return [
        _Finding(look.told.through, look.told.direct, look.is_counted)
        if look.told is not None
        else _Finding(next(through), next(direct) if look.direct else None)
        for look in looks
    ]


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
    waiting = [leases[start : start + _TOGETHER] for start in range(0, len(leases), _TOGETHER)]
    while waiting:
        some = waiting.pop()
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


@dataclass(frozen=True, slots=True)
class _Behind:
    """What the bindings that were probed hang on, by ids."""

    domains: Mapping[int, Domain]
    certificates: Mapping[int, Certificate]

    @classmethod
    def of(cls, session: Session, rows: Sequence[Binding]) -> "_Behind":
        """Read it, in a statement for each kind."""
        presented = [row.ssl_certificate_id for row in rows if row.ssl_enabled]
        domains = [row.organization_domain_id for row in rows]
        return cls(
            arrivals.by_id(session, Domain, domains),
            arrivals.by_id(session, Certificate, presented),
        )


def _health(finding: ProbeResult) -> HealthStatus:
    if not finding.answered or finding.status is None or finding.status >= _SERVER_ERROR:
        return HealthStatus.UNHEALTHY
    return HealthStatus.HEALTHY if finding.status < _HTTP_ERROR else HealthStatus.DEGRADED


def _is_well(finding: ProbeResult) -> bool:
    return _health(finding) is not HealthStatus.UNHEALTHY


def _judged(behind: _Behind, row: Binding, seen: ProbeResult) -> ProbeResult:
    """Return the finding against what the proxy is known to serve by now.

    A proxy that takes a new certificate during the look, or has taken it a moment ago, is well.
    """
    certificate = behind.certificates.get(row.ssl_certificate_id or 0)
    issued = None if certificate is None else certificate.serial_number
    former = None if certificate is None else certificate.former_serial
    for serial in (row.served_serial, issued, former):
        judged = replace(seen, target=replace(seen.target, expected_serial=serial))
        if serial is not None and judged.serial_matches:
            return judged
    return seen


def _is_unexpected(behind: _Behind, row: Binding, seen: ProbeResult) -> bool:
    """Tell whether a proxy serves neither what it was told last nor what is there by now."""
    if row.served_serial is None or seen.serial is None:
        return False
    certificate = behind.certificates.get(row.ssl_certificate_id or 0)
    issued = None if certificate is None else certificate.serial_number
    known = {same_form(one) for one in (row.served_serial, issued) if one is not None}
    return seen.serial not in known


def _seen(
    tools: Tools,
    found: Mapping[Lease, _Finding],
    moved: set[int],
    session: Session,
    leased: Sequence[tuple[Lease, Binding]],
) -> list[str | None]:
    """Record what probes saw; tell which turn that is for each binding.

    The certificates of bindings where another one was seen than before are added to `moved`.
    """
    around = _Behind.of(session, [row for _, row in leased])
    for lease, row in leased:
        serial = found[lease].through.serial
        if serial is not None and row.see(serial, lease.now()) and row.ssl_certificate_id:
            moved.add(row.ssl_certificate_id)
    return [_saw(session, tools, around, row, lease, found[lease]) for lease, row in leased]


def _settle(session: Session, certificates: set[int], now: datetime) -> None:
    """Have the servers told whose turn has come, now that a certificate was seen at others."""
    for server in sorted(rollout.settle(session, certificates, now)):
        proxies.wake(session, server, now, patiently=True)


def _saw(  # noqa: PLR0917 - what every step is given, and what was found
    session: Session, tools: Tools, behind: _Behind, row: Binding, lease: Lease, seen: _Finding
) -> str | None:
    now = lease.now()
    if row.status is BindingStatus.ACTIVE:
        return _watched(session, behind, row, seen, now)
    before = row.status
    finding = _judged(behind, row, seen.through)
    row.record_health(_health(finding), now)
    row.next_action_at = now + timedelta(seconds=row.health_check_interval)
    if row.status is BindingStatus.CONFIGURING:
        _arrive(session, tools, behind, row, finding, now)
    is_over = row.status is BindingStatus.ERROR and before is not row.status
    return "binding_error" if is_over else None


def _watched(
    session: Session, behind: _Behind, row: Binding, seen: _Finding, now: datetime
) -> str | None:
    """Record what was seen of an active binding; return what is new about its health."""
    was_failing = row.failing_since is not None
    through = _judged(behind, row, seen.through)
    finding = targets.combined(row.health_memory, through, seen.direct)
    row.error_message = None if _is_well(finding) else _reason(finding)
    if seen.is_counted:
        if targets.weigh(row, seen.direct, now) and row.server_id is not None:
            proxies.wake(session, row.server_id, now)
        row.record_look(_health(finding), now)
    row.attempts = row.health_memory.bad
    wait = timedelta(seconds=row.health_check_interval)
    row.next_action_at = now + (_soon(row.attempts) if row.attempts else wait)
    if row.health_memory.is_unsettled and not row.attempts:
        soon = QUICKLY if row.health_memory.is_in_doubt else AGAIN_WHILE_UNSETTLED
        row.next_action_at = now + min(wait, soon)
    if _is_unexpected(behind, row, through) or through.failure in _FORGOTTEN:
        _doubt(session, row, now)
    if was_failing == (row.failing_since is not None):
        return None
    return "binding_recovered" if was_failing else "binding_unhealthy"


def _soon(attempts: int) -> timedelta:
    """Return when to look again at what does not answer: its interval may be much longer.

    The first looks come quickly: a few of them tell a hiccup from an application that is down.
    """
    if attempts < thresholds.BAD:
        return QUICKLY
    seconds = 5 * 1.5 ** min(attempts - thresholds.BAD, 20)
    return min(timedelta(seconds=seconds), AGAIN_WHILE_UNHEALTHY)


_FORGOTTEN = frozenset({Failure.TLS_FAILED, Failure.CLOSED, Failure.CONNECTION_FAILED})
"""What a proxy does that lost its configuration, after a restart for instance."""


def _doubt(session: Session, row: Binding, now: datetime) -> None:
    if row.server_id is not None:
        proxies.doubt(session, row.server_id, now)


def _arrive(  # noqa: PLR0917 - what every step is given, and what was found
    session: Session,
    tools: Tools,
    behind: _Behind,
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
    row.error_message = _reason(finding)
    wait = timedelta(seconds=min(1.5**row.attempts, 60))
    row.next_action_at = work.soon(tools, now + wait, now)
    if row.attempts >= PATIENCE:
        row.fail(_reason(finding))
        row.next_action_at = now + arrivals.AGAIN_AFTER_ERROR
        _doubt(session, row, now)


def _reason(finding: ProbeResult) -> str:
    """Say what a visitor would see instead of the application."""
    if finding.failure is not None:
        return f"Through the proxy: {finding.message or finding.failure.value}."
    if not finding.serial_matches:
        return "The proxy presents a different certificate from the one issued for this host."
    return f"The application answers with status {finding.status}."


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
