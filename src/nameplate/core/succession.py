"""When the authority's certificate follows an uploaded one, and when its end is announced."""

from datetime import datetime, timedelta

NOTICES = (30, 7, 3, 1)
"""Days before the end at which it is announced."""
FULL_LIFETIME = timedelta(days=90)
"""Certificates that live shorter are announced so much later."""
HANDOVER = timedelta(days=1)
"""How long before its end an uploaded certificate makes way, when the lifetime allows."""


def begins_at(not_before: datetime, not_after: datetime, days: int) -> datetime:
    """Return when the successor is ordered: `days` before the end, at most half of the lifetime."""
    lifetime = max(not_after - not_before, timedelta(0))
    return not_after - min(timedelta(days=min(max(days, 0), 36500)), lifetime / 2)


def hands_over_at(not_before: datetime, not_after: datetime) -> datetime:
    """Return from when on the successor is served, if there is one."""
    return not_after - min(HANDOVER, max(not_after - not_before, timedelta(0)) / 20)


def _before(days: int, lifetime: timedelta) -> timedelta:
    """Return how long before the end a notice is given: in proportion for lifetimes below 90 days."""
    return timedelta(days=days) * min(1.0, max(lifetime, timedelta(0)) / FULL_LIFETIME)


def notice(not_before: datetime, not_after: datetime, now: datetime) -> int | None:
    """Return which of `NOTICES` is due: the last one that was reached; None before and after them."""
    left, lifetime = not_after - now, not_after - not_before
    if left <= timedelta(0):
        return None
    return min((days for days in NOTICES if left <= _before(days, lifetime)), default=None)


def next_notice(not_before: datetime, not_after: datetime, now: datetime) -> datetime | None:
    """Return when the next notice is due, None when there is none left."""
    later = (not_after - _before(days, not_after - not_before) for days in NOTICES)
    return min((one for one in later if one > now), default=None)
