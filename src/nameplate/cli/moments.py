"""Times as a person reads them: how long ago, or in how long."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]

_NOW = 2
"""Seconds that count as this moment."""
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
"""Seconds of each, and what it is called."""
_ENOUGH = 2
"""Of a unit, for it to be told in that unit: 90 minutes are not yet 2 hours."""


def read(text: object) -> datetime | None:
    """Return the moment that the API wrote; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def is_named(field: str) -> bool:
    """Tell whether a field of the API is a time, by its name."""
    return field.endswith("_at") or field == "since"


def absolute(moment: datetime) -> str:
    """Return a moment in UTC, to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def relative(moment: datetime, now: datetime) -> str:
    """Return how far `moment` is from `now`, such as `5 minutes ago` or `in 30 days`."""
    seconds = (moment - now).total_seconds()
    length = abs(round(seconds))
    if length < _NOW:
        return "now"
    size, unit = next(
        (each for each in _UNITS if length >= _ENOUGH * each[0]),
        _UNITS[-1],
    )
    said = f"{length // size} {unit}s"
    return f"in {said}" if seconds > 0 else f"{said} ago"
