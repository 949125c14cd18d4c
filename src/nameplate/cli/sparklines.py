"""A day of health checks in one line of text."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

COLUMNS = 48
_WIDTH = timedelta(days=1) / COLUMNS
_BARS = "▁▂▃▄▅▆▇█"
_FAILED, _NOTHING = "!", "·"


def sparkline(points: Sequence[Mapping[str, Any]], now: str) -> str:
    """Return one character for each half hour until now, the last at the right."""
    end = datetime.fromisoformat(now)
    columns: list[list[Mapping[str, Any]]] = [[] for _ in range(COLUMNS)]
    for point in points:
        age = (end - datetime.fromisoformat(point["at"])) // _WIDTH
        if 0 <= age < COLUMNS:
            columns[COLUMNS - 1 - age].append(point)
    top = max((point["milliseconds"] for point in points), default=0)
    return "".join(_column(column, max(top, 1)) for column in columns)


def _column(points: Sequence[Mapping[str, Any]], top: int) -> str:
    if not points:
        return _NOTHING
    if any(point["failed"] for point in points):
        return _FAILED
    slowest = max(point["milliseconds"] for point in points)
    return _BARS[min(slowest * len(_BARS) // top, len(_BARS) - 1)]
