"""What follows an uploaded certificate: its own life, and which certificate a host is served with.

    served ─(N days before the end)─▶ the authority's is obtained ─(a day before)─▶ that one is served

The uploaded certificate is served while it is valid; of the others one that visitors trust comes before
a self-signed one, which is the last of all that are valid.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import names, succession
from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import BindingStatus, CertificateStatus
from nameplate.models import Binding, Certificate, CertificateType, Domain, SslProvider
from nameplate.usecases.certificates import coverage, generations


def settle(session: Session, row: Certificate, now: datetime) -> None:
    """Bring an uploaded certificate to where it stands at `now`, and say when to look again."""
    if row.issued_at is None or row.expires_at is None:
        row.next_action_at = None
        return
    begins = row.next_renewal_attempt_at
    if row.status is CertificateStatus.ACTIVE and begins is not None and begins <= now:
        row.hand_over()
    over = succession.hands_over_at(row.issued_at, row.expires_at)
    if row.needs_successor or over <= now:
        generations.wake_bindings(session, row, now)
    moments = (begins, over, row.expires_at)
    row.next_action_at = min((one for one in moments if one and one > now), default=None)


def plan(row: Certificate) -> None:
    """Plan when the successor of what was just uploaded is ordered."""
    row.next_renewal_attempt_at = None
    if row.auto_renew and row.issued_at is not None and row.expires_at is not None:
        days = row.renewal_days_before_expiry
        row.next_renewal_attempt_at = succession.begins_at(row.issued_at, row.expires_at, days)


def withdraw(session: Session, row: Certificate, now: datetime) -> None:
    """Have the hosts of an uploaded certificate served with another one that is there.

    Raises Conflict `certificate_in_use` when there is none for one of them.
    """
    bound = presenting(session, row)
    there = coverage.of_bindings(session, bound)
    for binding in bound:
        others = [one for one in there[binding.organization_domain_id] if one.id != row.id]
        following = covering(others, binding.hostname, now)
        if following is None or not is_valid(following, now):
            raise Conflict(
                "certificate_in_use",
                f"{binding.hostname} is served with this certificate, and there is no other for it yet. "
                "Renew it first (`nameplate certificate renew`): the authority's is then obtained.",
            )
        binding.ssl_certificate_id = following.id
        binding.wake(now)
    _note_provider(session, row)


def _note_provider(session: Session, row: Certificate) -> None:
    """Say of the domain who issues its certificates once the row is gone."""
    more = Certificate.visible(Actor(row.organization_id)).where(
        Certificate.organization_domain_id == row.organization_domain_id,
        Certificate.certificate_type == CertificateType.CUSTOM,
        Certificate.id != row.id,
    )
    if session.scalars(more.limit(1)).first() is None:
        session.get_one(Domain, row.organization_domain_id).ssl_provider = SslProvider.LETSENCRYPT


def presenting(session: Session, row: Certificate) -> Sequence[Binding]:
    """Return the bindings of the organization that present a certificate."""
    query = Binding.visible(Actor(row.organization_id)).where(
        Binding.ssl_certificate_id == row.id,
        Binding.ssl_enabled,
        Binding.status != BindingStatus.DISABLED,
    )
    return session.scalars(query.order_by(Binding.id)).all()


def covering(certificates: Iterable[Certificate], host: str, now: datetime) -> Certificate | None:
    """Return the certificate to serve `host` with; one that is still to be obtained comes last."""
    fitting = [row for row in certificates if covers(row, host)]
    return min(fitting, key=lambda row: _rank(row, host, now), default=None)


def presents(row: Certificate, host: str) -> bool:
    """Tell whether there is a certificate that can be served for a host."""
    is_there = row.certificate is not None and row.status is not CertificateStatus.REVOKED
    return is_there and names_host(row.subject_alternative_names or (), host)


def covers(row: Certificate, host: str) -> bool:
    """Tell whether a certificate names a host, itself or by a wildcard, or is to name it soon."""
    if names_host(row.subject_alternative_names or (), host):
        return True
    return row.auto_renew and not row.is_uploaded and names_host(row.lost, host)


def names_host(covered: Collection[str], host: str) -> bool:
    """Tell whether these names cover a host (RFC 6125 section 6.4.3)."""
    return not {host, f"*.{names.parent(host)}"}.isdisjoint(covered)


def is_valid(row: Certificate, now: datetime) -> bool:
    """Tell whether a visitor who trusts the issuer takes the certificate at `now`."""
    if row.certificate is None or row.status is CertificateStatus.REVOKED:
        return False
    return row.expires_at is None or row.expires_at > now


def _rank(row: Certificate, host: str, now: datetime) -> int:
    """Return which comes first: the smallest. Of equals the oldest row is taken."""
    if not names_host(row.subject_alternative_names or (), host):
        return 5
    if not is_valid(row, now):
        return 4 if row.certificate is not None else 5
    if row.certificate_type is CertificateType.SELF_SIGNED:
        return 3
    return 1 if not row.is_uploaded else (2 if _makes_way(row, now) else 0)


def _makes_way(row: Certificate, now: datetime) -> bool:
    if row.issued_at is None or row.expires_at is None:
        return False
    return succession.hands_over_at(row.issued_at, row.expires_at) <= now
