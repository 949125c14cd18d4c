"""Announcing the end of certificates that nothing replaces by itself: the row's change is the event."""

from datetime import datetime

from nameplate.core import succession
from nameplate.core.lifecycle import CertificateStatus
from nameplate.models import Certificate


def announce(row: Certificate, now: datetime) -> None:
    """Note the notice that is due, and have the row looked at when the next one is.

    Certificates end that were uploaded, whose renewal fails, or that are not to be renewed.
    """
    ends = row.expires_at
    if ends is None or ends <= now or not _ends(row):
        return
    due = succession.notice(ends, now)
    if due is not None and (row.expiry_notice_days is None or due < row.expiry_notice_days):
        row.expiry_notice_days = due
    following = succession.next_notice(ends, now)
    if following is not None:
        row.next_action_at = min(row.next_action_at or following, following)


def _ends(row: Certificate) -> bool:
    if row.deleted_at is not None or row.status is CertificateStatus.REVOKED or row.is_let_go:
        return False
    fails = row.renewal_error_code is not None or row.trouble_code is not None
    return row.is_uploaded or fails or not row.auto_renew
