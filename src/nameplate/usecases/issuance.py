"""Obtaining certificates: one reconciler for the first generation and every renewal.

Key, order URL and every intent are stored before the authority hears of them, under the lease's
fence. What is served stays in its columns until the next generation is complete.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import renewal
from nameplate.core.errors import Invalid, NameplateError, Refused
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Lease, Sessions
from nameplate.models import (
    Certificate,
    CertificateType,
    Domain,
)
from nameplate.usecases import holdings, issuer, work
from nameplate.usecases.tools import Tools


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> None:
    """Bring one certificate forward until it has to wait for somebody."""
    if not _begin(sessions, lease):
        return
    try:
        state = work.read(
            sessions, Certificate, lease, lambda s, row: issuer.State.of(s, tools, row)
        )
        issuer.Issuer(sessions, tools, lease, state).run()
    except (Refused, Invalid) as error:
        _give_up(sessions, tools, lease, error)


def _begin(sessions: Sessions, lease: Lease) -> bool:
    """Tell whether there is something to obtain now; otherwise put the row to rest."""

    def look(session: Session, row: Certificate) -> tuple[str, datetime | None]:
        domain = session.get_one(Domain, row.organization_domain_id)
        if row.deleted_at is not None or row.status is CertificateStatus.REVOKED:
            return "gone", None
        if row.pending_private_key is None and not _due(row, lease.now()):
            return "settled", issuer.next_look(row, lease.now())
        hosts = row.subject_alternative_names or ()
        held = all(holdings.holds(session, row.organization_id, host) for host in hosts)
        if not domain.is_live or not held:
            return "waiting", None
        return "go", None

    verdict, at = work.read(sessions, Certificate, lease, look)
    if verdict == "go":
        return True

    def rest(session: Session, row: Certificate) -> None:
        row.next_action_at = at
        if verdict == "gone":
            issuer.clean_up(session, row, lease.now())
        elif verdict == "waiting" and row.certificate is None:
            row.renewal_error_message = "Waits until ownership of the domain is proved."
        if row.expires_at is not None and row.expires_at <= lease.now():
            row.expire()

    work.record(sessions, Certificate, lease, rest, release=True)
    return False


def _due(row: Certificate, now: datetime) -> bool:
    if row.certificate is None:
        return row.certificate_type is not CertificateType.CUSTOM
    due = row.next_renewal_attempt_at
    return row.auto_renew and due is not None and due <= now


def _give_up(sessions: Sessions, tools: Tools, lease: Lease, error: NameplateError) -> None:
    """Record why this generation failed; what is served stays, and a new try is planned."""

    def change(session: Session, row: Certificate) -> None:
        now = lease.now()
        issuer.clean_up(session, row, now)
        row.fail(error.detail, now)
        again = renewal.retry_at(row.renewal_attempts, now, tools.jitter())
        row.next_action_at = row.next_renewal_attempt_at = work.soon(tools, again, now)

    work.record(sessions, Certificate, lease, change, release=True)
