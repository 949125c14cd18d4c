"""When the authority's certificate follows an uploaded one, and when its end is announced."""

from datetime import datetime, timedelta

NOTICES = (30, 7, 3, 1)
"""Days before the end at which it is announced."""
HANDOVER = timedelta(days=1)
"""How long before its end an uploaded certificate makes way, when the lifetime allows."""


def begins_at(not_before: datetime, not_after: datetime, days: int) -> datetime:
    """Return when the successor is ordered: `days` before the end, at most half of the lifetime."""
    lifetime = max(not_after - not_before, timedelta(0))
    return not_after - min(timedelta(days=min(max(days, 0), 36500)), lifetime / 2)


def hands_over_at(not_before: datetime, not_after: datetime) -> datetime:
    """Return from when on the successor is served, if there is one."""
    return not_after - min(HANDOVER, max(not_after - not_before, timedelta(0)) / 20)


def notice(not_after: datetime, now: datetime) -> int | None:
    """Return which of `NOTICES` is due: the last one that was reached; None before and after them."""
    left = not_after - now
    if left <= timedelta(0):
        return None
    return min((days for days in NOTICES if left <= timedelta(days=days)), default=None)


def next_notice(not_after: datetime, now: datetime) -> datetime | None:
    """Return when the next notice is due, None when there is none left."""
    later = (not_after - timedelta(days=days) for days in NOTICES)
    return min((one for one in later if one > now), default=None)
