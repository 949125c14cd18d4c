"""What looks through proxies say of a binding: how well it is, and whether a proxy has forgotten it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from nameplate.core.lifecycle import HealthStatus
from nameplate.core.serials import same_form
from nameplate.models import Binding, Certificate, Domain
from nameplate.models.presence import Presence
from nameplate.ports.prober import Failure, ProbeResult
from nameplate.usecases import placements
from nameplate.usecases.placements import MemberServer
from nameplate.usecases.serving import arrivals

_UNAUTHORIZED = 401
_HTTP_ERROR = 400
_SERVER_ERROR = 500
_ORDER = (HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.UNHEALTHY)
_FORGOTTEN = frozenset({Failure.TLS_FAILED, Failure.CLOSED, Failure.CONNECTION_FAILED})
"""What a proxy does that lost its configuration, after a restart for instance."""


@dataclass(frozen=True, slots=True)
class Behind:
    """What the bindings that were probed hang on, by ids."""

    domains: Mapping[int, Domain]
    certificates: Mapping[int, Certificate]
    placed: Mapping[int, Sequence[MemberServer]]

    @classmethod
    def of(cls, session: Session, rows: Sequence[Binding]) -> "Behind":
        """Read it, in a statement for each kind."""
        presented = [row.ssl_certificate_id for row in rows if row.ssl_enabled]
        domains = [row.organization_domain_id for row in rows]
        return cls(
            arrivals.by_id(session, Domain, domains),
            arrivals.by_id(session, Certificate, presented),
            placements.of_groups(session, rows),
        )


def health(finding: ProbeResult, *, protected: bool = False) -> HealthStatus:
    """Return how well a binding is by one look.

    Where the proxy asks for a password, its 401 is the answer of a proxy that works.
    """
    if protected and finding.answered and finding.status == _UNAUTHORIZED:
        return HealthStatus.HEALTHY
    if not finding.answered or finding.status is None or finding.status >= _SERVER_ERROR:
        return HealthStatus.UNHEALTHY
    return HealthStatus.HEALTHY if finding.status < _HTTP_ERROR else HealthStatus.DEGRADED


def badness(finding: ProbeResult) -> int:
    """Return how bad a look is beside others: the least is the best."""
    return _ORDER.index(health(finding))


def is_well(finding: ProbeResult) -> bool:
    """Tell whether a look saw the application answer."""
    return health(finding) is not HealthStatus.UNHEALTHY


def judged(behind: Behind, row: Binding, at: Presence, seen: ProbeResult) -> ProbeResult:
    """Return the finding against what the proxy is known to serve by now.

    A proxy that takes a new certificate during the look, or has taken it a moment ago, is well.
    """
    certificate = behind.certificates.get(row.ssl_certificate_id or 0)
    issued = None if certificate is None else certificate.serial_number
    former = None if certificate is None else certificate.former_serial
    for serial in (at.served_serial, issued, former):
        judged = replace(seen, target=replace(seen.target, expected_serial=serial))
        if serial is not None and judged.serial_matches:
            return judged
    return seen


def _is_unexpected(behind: Behind, row: Binding, at: Presence, seen: ProbeResult) -> bool:
    """Tell whether a proxy serves neither what it was told last nor what is there by now."""
    if at.served_serial is None or seen.serial is None:
        return False
    certificate = behind.certificates.get(row.ssl_certificate_id or 0)
    issued = None if certificate is None else certificate.serial_number
    known = {same_form(one) for one in (at.served_serial, issued) if one is not None}
    return seen.serial not in known


def is_doubtful(behind: Behind, row: Binding, at: Presence, seen: ProbeResult) -> bool:
    """Tell whether a proxy may have forgotten what it was told of an active binding."""
    return _is_unexpected(behind, row, at, seen) or seen.failure in _FORGOTTEN


def reason(finding: ProbeResult) -> str:
    """Say what a visitor would see instead of the application."""
    if finding.failure is not None:
        return f"Through the proxy: {finding.message or finding.failure.value}."
    if not finding.serial_matches:
        return "The proxy presents a different certificate from the one issued for this host."
    return f"The application answers with status {finding.status}."
