"""Bringing bindings to life and watching them: certificate, proxy, probe, health.

    pending ─(proved, certificate, server)─▶ configuring ─(probe sees the application)─▶ active

A batch of leased bindings is looked at together: those that need a look through their proxy are
probed in one event loop, with no transaction open, and what did not change is written in one
statement.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Refused
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, DomainStatus, HealthStatus
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Application, Binding, Certificate, Domain, Organization, Server
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget
from nameplate.usecases import holders, work
from nameplate.usecases.certificates import requests
from nameplate.usecases.serving import proxies, routes, servers
from nameplate.usecases.tools import Tools

SAFETY = timedelta(minutes=1)
"""When to look again at a binding that a proxy should have taken by then."""
PATIENCE = 10
"""Probes before a binding that does not come up is called an error."""
AGAIN_AFTER_ERROR = timedelta(seconds=45)
AGAIN_WHILE_UNHEALTHY = timedelta(seconds=30)
"""When at the latest a binding that does not answer is looked at again."""
_HTTP_ERROR = 400
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class _Look:
    """A probe to make, and what the binding was when it was planned."""

    lease: Lease
    target: ProbeTarget
    steady: bool
    """The binding was active and healthy: when it still is, nothing needs to be said."""
    interval: int


def sweep(sessions: Sessions, tools: Tools, leases: Sequence[Lease]) -> Sequence[work.StepOutcome]:
    """Bring each leased binding one step forward; probe those that can be seen.

    Returns which fell ill or recovered.
    """
    changed: list[work.StepOutcome] = []
    looks: list[_Look] = []
    for lease in leases:
        try:
            look = work.record(
                sessions,
                Binding,
                lease,
                partial(_advance, lease=lease),
                release=lambda found: found is None,
            )
        except work.Superseded:
            continue
        if look is not None:
            looks.append(look)
    findings = tools.prober.look_many([look.target for look in looks]) if looks else ()
    steady: dict[int, list[Lease]] = {}
    for look, finding in zip(looks, findings, strict=True):
        if look.steady and _health(finding) is HealthStatus.HEALTHY:
            steady.setdefault(look.interval, []).append(look.lease)
            continue
        try:
            code = work.record(
                sessions, Binding, look.lease, _seen(tools, look.lease, finding), release=True
            )
        except work.Superseded:
            continue
        if code is not None:
            changed.append(work.StepOutcome(code, row_id=look.lease.id))
    _keep(sessions, steady)
    return changed


def _advance(session: Session, row: Binding, *, lease: Lease) -> _Look | None:
    """Take the one step that can be taken now; return a probe when that is what is due."""
    now = lease.now()
    row.next_action_at = None
    obstacle = _obstacle(session, row)
    if obstacle is not None:
        _stop(session, row, obstacle, now)
        return None
    server = session.get(Server, row.server_id) if row.server_id else None
    if server is None or server.deleted_at is not None or server.proxy is None:
        row.fail("The server was removed or has no proxy. Bind the application to another server.")
        return None
    if server.configured_at is None:
        # Also for the certificate: an http-01 proof is asked for through this very proxy.
        proxies.wake(session, server.id, now, patiently=True)
    if row.ssl_enabled and not _secured(session, row, now):
        return None
    if row.status in {BindingStatus.PENDING, BindingStatus.ERROR}:
        row.configure()
        row.attempts = 0
        if server.trouble_code is not None:
            row.error_message = proxies.WAITS
        row.next_action_at = now + SAFETY
        return None
    if _outdated(session, row, server):
        proxies.wake(session, server.id, now, patiently=True)
    if row.status is BindingStatus.CONFIGURING and row.served_server_id != server.id:
        row.next_action_at = now + SAFETY  # the server wakes it when its proxy has it
        return None
    return _look(row, server, lease)


def _obstacle(session: Session, row: Binding) -> str | None:
    """Return why the binding must not be served (I11), or None."""
    domain = session.get_one(Domain, row.organization_domain_id)
    application = session.get_one(Application, row.application_id)
    organization = session.get_one(Organization, row.organization_id)
    if row.deleted_at is not None or row.status is BindingStatus.DISABLED:
        return ""
    if organization.deleted_at is not None or not organization.is_active:
        return "The organization is not active."
    unheld = _unheld(session, row, domain)
    if unheld is not None:
        return unheld
    if application.deleted_at is not None:
        return "The application was removed. Bind another one."
    if application.upstream_host is None or (row.port or application.upstream_port) is None:
        return "The application has no upstream. Set its upstream host and port."
    return None


def _unheld(session: Session, row: Binding, domain: Domain) -> str | None:
    """Return what is missing before the host may be used, or None."""
    if not domain.is_live:
        return "Waiting for proof of ownership of the domain."
    if holders.holds(session, row.organization_id, row.hostname, live=domain.id):
        return None
    return (
        f"The proof of {domain.full_domain} covers only that name. Prove it by a DNS "
        f"record, or prove {row.hostname} itself."
    )


def _stop(session: Session, row: Binding, obstacle: str, now: datetime) -> None:
    served = row.status in {BindingStatus.ACTIVE, BindingStatus.CONFIGURING}
    if obstacle and row.status is not BindingStatus.PENDING:
        row.await_(obstacle)
    elif obstacle:
        row.error_message = obstacle
    leaving = row.served_server_id or (row.server_id if served else None)
    if leaving is not None:
        proxies.wake(session, leaving, now, urgent=True)
    if not obstacle:
        _wake_certificates(session, {row.ssl_certificate_id}, now)
    domain = session.get_one(Domain, row.organization_domain_id)
    others = session.scalars(
        Binding.visible(PLATFORM).where(
            Binding.organization_domain_id == domain.id,
            Binding.id != row.id,
            Binding.status == BindingStatus.ACTIVE,
        )
    ).first()
    if others is None and domain.deleted_at is None:
        domain.deactivate()


def _secured(session: Session, row: Binding, now: datetime) -> bool:
    """Tell whether a working certificate covers the host; see that one is being obtained."""
    domain = session.get_one(Domain, row.organization_domain_id)
    certificate = requests.covering(session, domain, row.hostname)
    if certificate is None:
        try:
            certificate = requests.create(
                session, domain, [row.hostname], None, now, automatic=True
            )
        except Conflict as error:
            row.fail(error.detail)
            return False
    if row.ssl_certificate_id != certificate.id or certificate.is_let_go:
        _wake_certificates(session, {row.ssl_certificate_id, certificate.id}, now)
        row.ssl_certificate_id = certificate.id
    if certificate.certificate is None or certificate.status is CertificateStatus.REVOKED:
        if row.status is not BindingStatus.PENDING:
            row.await_("Waiting for the certificate.")
        row.error_message = "Waiting for the certificate."
        return False
    return True


def _wake_certificates(session: Session, ids: Collection[int | None], now: datetime) -> None:
    """Have certificates look whether a binding uses them."""
    session.flush()
    session.execute(
        Certificate.waking(now).where(Certificate.id.in_(sorted(filter(None, ids)))),
        execution_options={"synchronize_session": False},
    )


def _outdated(session: Session, row: Binding, server: Server) -> bool:
    """Whether the proxy was last told something else of the binding than its rows say now."""
    application = session.get_one(Application, row.application_id)
    certificate = _certificate(session, row)
    told = row.served_server_id, row.served_digest
    return told != (server.id, routes.of_binding(row, application, certificate))


def _certificate(session: Session, row: Binding) -> Certificate | None:
    if not row.ssl_enabled or row.ssl_certificate_id is None:
        return None
    return session.get_one(Certificate, row.ssl_certificate_id)


def _look(row: Binding, server: Server, lease: Lease) -> _Look | None:
    try:
        proxy = servers.reach(server)
    except Refused as error:
        row.error_message = error.detail
        if row.status is BindingStatus.CONFIGURING:  # what is served stays served
            row.fail(error.detail)
        row.next_action_at = lease.now() + AGAIN_AFTER_ERROR
        return None
    target = ProbeTarget(
        address=proxy.probe_address or server.address,
        port=proxy.https_port if row.ssl_enabled else proxy.http_port,
        hostname=row.hostname.replace("*", "nameplate-probe", 1),
        path=row.health_check_path if row.status is BindingStatus.ACTIVE else row.path,
        scheme="https" if row.ssl_enabled else "http",
        expected_serial=row.served_serial if row.ssl_enabled else None,
        timeout=float(row.health_check_timeout),
        is_tenants=server.organization_id is not None and proxy.probe_address is None,
    )
    steady = row.status is BindingStatus.ACTIVE and row.health_status is HealthStatus.HEALTHY
    return _Look(lease, target, steady, row.health_check_interval)


def _health(finding: ProbeResult) -> HealthStatus:
    if not finding.answered or finding.status is None or finding.status >= _SERVER_ERROR:
        return HealthStatus.UNHEALTHY
    return HealthStatus.HEALTHY if finding.status < _HTTP_ERROR else HealthStatus.DEGRADED


def _is_well(finding: ProbeResult) -> bool:
    return _health(finding) is not HealthStatus.UNHEALTHY


def _judged(session: Session, row: Binding, seen: ProbeResult) -> ProbeResult:
    """Return the finding against what the proxy is known to serve by now.

    A proxy that takes a new certificate during the look, or has taken it a moment ago, is well.
    """
    certificate = _certificate(session, row)
    issued = None if certificate is None else certificate.serial_number
    for serial in (row.served_serial, issued):
        judged = replace(seen, target=replace(seen.target, expected_serial=serial))
        if serial is not None and judged.serial_matches:
            return judged
    return seen


def _seen(
    tools: Tools, lease: Lease, seen: ProbeResult
) -> Callable[[Session, Binding], str | None]:
    """Return the change that records a probe; it tells which turn that is for the binding."""

    def change(session: Session, row: Binding) -> str | None:
        now = lease.now()
        before = row.status, row.health_status
        finding = _judged(session, row, seen)
        row.record_health(_health(finding), now)
        row.next_action_at = now + timedelta(seconds=row.health_check_interval)
        if row.status is BindingStatus.ACTIVE:
            row.error_message = None if _is_well(finding) else _reason(finding)
            row.attempts = 0 if _is_well(finding) else row.attempts + 1
            if row.attempts:
                row.wake(now + _soon(row.attempts))
            if not finding.serial_matches or finding.failure in _FORGOTTEN:
                _doubt(session, row, now)
        elif row.status is BindingStatus.CONFIGURING:
            _arrive(session, tools, row, finding, now)
        return _turned(row, *before)

    return change


def _soon(attempts: int) -> timedelta:
    """Return when to look again at what does not answer: its interval may be much longer."""
    return min(timedelta(seconds=5 * 1.5 ** min(attempts - 1, 20)), AGAIN_WHILE_UNHEALTHY)


def _turned(row: Binding, status: BindingStatus, health: HealthStatus) -> str | None:
    """Return what is new about a binding's health."""
    if row.status is BindingStatus.ERROR and status is not row.status:
        return "binding_error"
    if status is not BindingStatus.ACTIVE or health is row.health_status:
        return None
    if row.health_status is HealthStatus.UNHEALTHY:
        return "binding_unhealthy"
    return "binding_recovered" if health is HealthStatus.UNHEALTHY else None


_FORGOTTEN = frozenset({Failure.TLS_FAILED, Failure.CLOSED, Failure.CONNECTION_FAILED})
"""What a proxy does that lost its configuration, after a restart for instance."""


def _doubt(session: Session, row: Binding, now: datetime) -> None:
    if row.server_id is not None:
        proxies.doubt(session, row.server_id, now)


def _arrive(
    session: Session, tools: Tools, row: Binding, finding: ProbeResult, now: datetime
) -> None:
    """Activate the binding, or look again, or call it an error."""
    if finding.answered:
        row.activate(now)
        row.attempts = 0
        domain = session.get_one(Domain, row.organization_domain_id)  # locked before the row
        if domain.status is DomainStatus.VERIFIED:
            domain.activate()
        return
    row.attempts += 1
    row.error_message = _reason(finding)
    wait = timedelta(seconds=min(1.5**row.attempts, 60))
    row.next_action_at = work.soon(tools, now + wait, now)
    if row.attempts >= PATIENCE:
        row.fail(_reason(finding))
        row.next_action_at = now + AGAIN_AFTER_ERROR
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
