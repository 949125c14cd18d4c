"""When to speak up about a registration that ends."""

from datetime import datetime, timedelta

WARNINGS = tuple(timedelta(days=days) for days in (60, 30, 14, 7, 3, 1, 0))
"""How long before the end of a registration somebody is told, longest first."""


def next_warning(expires_at: datetime | None, now: datetime) -> datetime | None:
    """Return the next moment to warn, or None when no warning is left."""
    if expires_at is None:
        return None
    return next((expires_at - lead for lead in WARNINGS if expires_at - lead > now), None)


def warning(expires_at: datetime | None, now: datetime) -> str | None:
    """Return what to say now about a registration that ends soon, or None."""
    if expires_at is None or expires_at - now > WARNINGS[0]:
        return None
    day = f"{expires_at:%Y-%m-%d}"
    if expires_at <= now:
        return f"The registration ended on {day}. Renew it at the registrar, or the name is lost."
    days = max((expires_at - now).days, 0)
    return f"The registration ends on {day}, in {days} days. Renew it at the registrar."
