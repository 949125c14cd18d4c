"""Obtaining certificates: one reconciler for the first generation and every renewal.

Order URL and key are stored before any of their names is proved, every later intent before the
authority hears of it, under the lease's fence. What is served stays in its columns until the next
generation is complete.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import renewal
from nameplate.core.errors import Invalid, NameplateError, Refused
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import (
    Certificate,
    CertificateType,
)
from nameplate.usecases import holders, work
from nameplate.usecases.certificates import order
from nameplate.usecases.tools import Tools


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> None:
    """Bring one certificate forward until it has to wait for somebody."""
    try:
        state = work.read(
            sessions, Certificate, lease, lambda s, row: _state(s, tools, row, lease.now())
        )
        if state is None:
            work.record(
                sessions, Certificate, lease, lambda s, row: _rest(s, row, lease.now()),
                release=True,
            )  # fmt: skip
        else:
            order.Issuer(sessions, tools, lease, state).run()
    except (Refused, Invalid) as error:
        _give_up(sessions, tools, lease, error)


def _state(session: Session, tools: Tools, row: Certificate, now: datetime) -> order.State | None:
    """Return where the issuance stands, or None when nothing is to be obtained now."""
    if not _wanted(row, now) or not _owned(session, row):
        return None
    return order.State.of(session, tools, row)


def _rest(session: Session, row: Certificate, now: datetime) -> None:
    """Say when to look again at a certificate of which nothing is to be obtained now."""
    if _gone(row):
        row.next_action_at = None
        order.clean_up(session, row, now)
        return
    if not _wanted(row, now):
        row.next_action_at = order.next_look(row, now)
    elif not _owned(session, row):
        row.next_action_at = None
        if row.certificate is None:
            row.renewal_error_message = "Waits until ownership of the domain is proved."
    else:
        row.next_action_at = now  # it has changed since it was looked at
    if row.expires_at is not None and row.expires_at <= now:
        row.expire()


def _gone(row: Certificate) -> bool:
    return row.deleted_at is not None or row.status is CertificateStatus.REVOKED


def _wanted(row: Certificate, now: datetime) -> bool:
    """Tell whether a generation is under way or due."""
    return not _gone(row) and (row.pending_private_key is not None or _due(row, now))


def _owned(session: Session, row: Certificate) -> bool:
    """Tell whether the domain may be secured and the organization holds every name."""
    hosts = row.subject_alternative_names or ()
    domain_id = row.organization_domain_id
    return holders.holds(session, row.organization_id, *hosts, live=domain_id)


def _due(row: Certificate, now: datetime) -> bool:
    if row.certificate is None:
        return row.certificate_type is not CertificateType.CUSTOM
    due = row.next_renewal_attempt_at
    return row.auto_renew and due is not None and due <= now


def _give_up(sessions: Sessions, tools: Tools, lease: Lease, error: NameplateError) -> None:
    """Record why this generation failed; what is served stays, and a new try is planned."""

    def change(session: Session, row: Certificate) -> None:
        now = lease.now()
        order.clean_up(session, row, now)
        row.fail(error.detail, now)
        again = renewal.retry_at(row.renewal_attempts, now, tools.jitter())
        row.next_action_at = row.next_renewal_attempt_at = work.soon(tools, again, now)

    work.record(sessions, Certificate, lease, change, release=True)
