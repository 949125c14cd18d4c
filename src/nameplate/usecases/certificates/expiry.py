"""Announcing the end of certificates that nothing replaces by itself: the row's change is the event."""

from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import succession
from nameplate.core.lifecycle import CertificateStatus
from nameplate.models import Certificate
from nameplate.usecases.certificates import notices


def announce(session: Session, row: Certificate, now: datetime) -> None:
    """Note the notice that is due, and have the row looked at when the next one is.

    Certificates end that were uploaded, whose renewal fails, or that are not to be renewed. Of several
    notices that a worker was too late for the last one is given.
    """
    begins, ends = row.issued_at, row.expires_at
    if begins is None or ends is None or ends <= now or not _ends(row):
        return
    due = succession.notice(begins, ends, now)
    if due is not None and (row.expiry_notice_days is None or due < row.expiry_notice_days):
        row.expiry_notice_days = due
        _tell(session, row)
    following = succession.next_notice(begins, ends, now)
    if following is not None:
        row.next_action_at = min(row.next_action_at or following, following)


def _tell(session: Session, row: Certificate) -> None:
    if row.trouble_code or row.renewal_error_code:
        notices.tell_failure(session, "certificate.expiring", row)
    elif row.is_uploaded:
        fix = "Upload another one" + (
            ", or let the authority's follow it." if row.auto_renew else "."
        )
        notices.tell(session, "certificate.expiring", row, whose_turn="you", fix=fix)
    else:
        notices.tell(
            session, "certificate.expiring", row, whose_turn="you",
            fix="Renew it with `nameplate certificate renew`, or have it renewed automatically.",
        )  # fmt: skip


def _ends(row: Certificate) -> bool:
    if row.deleted_at is not None or row.status is CertificateStatus.REVOKED or row.is_let_go:
        return False
    fails = row.renewal_error_code is not None or row.trouble_code is not None
    return row.is_uploaded or fails or not row.auto_renew
