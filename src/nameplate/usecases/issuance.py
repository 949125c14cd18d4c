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
    try:
        state = work.record(
            sessions, Certificate, lease, lambda s, row: _begin(s, tools, row, lease.now()),
            release=lambda begun: begun is None,
        )  # fmt: skip
        if state is not None:
            issuer.Issuer(sessions, tools, lease, state).run()
    except (Refused, Invalid) as error:
        _give_up(sessions, tools, lease, error)


def _begin(session: Session, tools: Tools, row: Certificate, now: datetime) -> issuer.State | None:
    """Return where the issuance stands, its key stored; None when nothing is to be obtained now."""
    if row.deleted_at is not None or row.status is CertificateStatus.REVOKED:
        row.next_action_at = None
        issuer.clean_up(session, row, now)
        return None
    if row.pending_private_key is None and not _due(row, now):
        _rest(row, issuer.next_look(row, now), now)
        return None
    domain = session.get_one(Domain, row.organization_domain_id)
    hosts = row.subject_alternative_names or ()
    if not domain.is_live or not all(
        holdings.holds(session, row.organization_id, host) for host in hosts
    ):
        if row.certificate is None:
            row.renewal_error_message = "Waits until ownership of the domain is proved."
        _rest(row, None, now)
        return None
    state = issuer.State.of(session, tools, row)
    if state.key is None and state.order_url is None:
        state.store_key(session, tools, row, domain, now)
    return state


def _rest(row: Certificate, until: datetime | None, now: datetime) -> None:
    row.next_action_at = until
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
