"""Obtaining certificates: one reconciler for the first generation and every renewal.

Key, order URL and every intent are stored before the authority hears of them, under the lease's
fence. What is served stays in its columns until the next generation is complete.
"""

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Rest:
    """Nothing is to be obtained now."""

    until: datetime | None
    gone: bool = False
    unproved: bool = False


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> None:
    """Bring one certificate forward until it has to wait for somebody."""
    try:
        found = work.read(
            sessions, Certificate, lease, lambda s, row: _look(s, tools, row, lease.now())
        )
        if isinstance(found, _Rest):
            work.record(
                sessions, Certificate, lease, lambda s, row: _rest(s, row, found, lease.now()),
                release=True,
            )  # fmt: skip
            return
        issuer.Issuer(sessions, tools, lease, found).run()
    except (Refused, Invalid) as error:
        _give_up(sessions, tools, lease, error)


def _look(session: Session, tools: Tools, row: Certificate, now: datetime) -> _Rest | issuer.State:
    """Return where the issuance stands, or why there is none now."""
    domain = session.get_one(Domain, row.organization_domain_id)
    if row.deleted_at is not None or row.status is CertificateStatus.REVOKED:
        return _Rest(None, gone=True)
    if row.pending_private_key is None and not _due(row, now):
        return _Rest(issuer.next_look(row, now))
    hosts = row.subject_alternative_names or ()
    held = all(holdings.holds(session, row.organization_id, host) for host in hosts)
    if not domain.is_live or not held:
        return _Rest(None, unproved=True)
    return issuer.State.of(session, tools, row)


def _rest(session: Session, row: Certificate, why: _Rest, now: datetime) -> None:
    row.next_action_at = why.until
    if why.gone:
        issuer.clean_up(session, row, now)
        return
    if why.unproved and row.certificate is None:
        row.renewal_error_message = "Waits until ownership of the domain is proved."
    if row.expires_at is not None and row.expires_at <= now:
        row.expire()


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
