"""What a registrar shows of a registration, in its row."""

from datetime import datetime, timedelta

from nameplate.core import registration
from nameplate.core.lifecycle import RegistrationStatus
from nameplate.core.purchases import RENEWED_BEFORE
from nameplate.core.registration import WARNINGS
from nameplate.models import RegisteredName
from nameplate.ports.registrar import Registration as Seen
from nameplate.ports.registrar import RegistrationState

_STATUSES = {
    RegistrationState.PENDING: RegistrationStatus.PENDING,
    RegistrationState.EXPIRED: RegistrationStatus.EXPIRED,
    RegistrationState.REDEMPTION: RegistrationStatus.REDEMPTION,
    RegistrationState.TRANSFERRING_IN: RegistrationStatus.TRANSFERRING_IN,
    RegistrationState.TRANSFERRING_OUT: RegistrationStatus.TRANSFERRING_OUT,
}
DAY = timedelta(days=1)
_LONG_OVER = timedelta(days=60)
"""After the end of a registration, when no registrar brings it back any more."""
_BEGINNING = (RegistrationStatus.PENDING, RegistrationStatus.TRANSFERRING_IN)


def apply(row: RegisteredName, seen: Seen, now: datetime) -> None:
    """Record what the registrar shows; what it does not tell stays unknown."""
    status = _STATUSES.get(seen.state)
    if status is None:
        near = seen.expires_at is not None and seen.expires_at - now <= RENEWED_BEFORE
        status = RegistrationStatus.EXPIRING if near else RegistrationStatus.ACTIVE
    if not (status in _BEGINNING and row.status not in _BEGINNING) and row.status is not status:
        row.become(status)
    shown = {
        "external_id": seen.external_id or None,
        "registered_at": seen.registered_at,
        "expires_at": seen.expires_at,
        "registrar_renews": seen.auto_renew,
        "is_locked": seen.is_locked,
        "has_privacy": seen.has_privacy,
        "name_servers": sorted(seen.name_servers),
        "statuses": sorted(seen.statuses),
        "missing_since": None,
    }
    if seen.expires_at != row.expires_at:
        row.expiry_notice_days = None
    for name, value in shown.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    row.seen_at = now


def give_notice(row: RegisteredName, now: datetime) -> None:
    """Say once for each threshold that the registration ends."""
    if row.expires_at is None:
        return
    left = row.expires_at - now
    passed = [lead.days for lead in WARNINGS if left <= lead]
    if passed and (row.expiry_notice_days is None or min(passed) < row.expiry_notice_days):
        row.expiry_notice_days = min(passed)


def next_look(row: RegisteredName, now: datetime) -> datetime:
    """Return when the registrar is asked again: as seldom as the registry, and in time to act or warn."""
    if row.expires_at is None:
        return now + DAY
    if row.expires_at - now < -_LONG_OVER:
        return now + timedelta(days=7)
    soon = registration.next_look(row.expires_at, now, is_troubled=False)
    moments = (row.expires_at - RENEWED_BEFORE, registration.next_warning(row.expires_at, now))
    return min([soon, *(one for one in moments if one is not None and one > now)])
