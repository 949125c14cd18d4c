"""Rate budgets by the generic cell rate algorithm: one moment per bucket says everything."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` acts in `period`, in a burst or spread."""

    count: int
    period: timedelta

    @property
    def interval(self) -> timedelta:
        """Time in which one act is earned back."""
        return self.period / self.count


def free_at(arrival_at: datetime, limit: Limit, kept: float = 0.0) -> datetime:
    """Return the moment from which the next act is possible.

    `kept` is the part of the limit (0 to 1) that is left for acts that cannot wait.
    """
    usable = max(limit.period * (1 - kept), limit.interval)
    return arrival_at + limit.interval - usable


def spent(arrival_at: datetime, now: datetime, limit: Limit) -> int:
    """Return how many acts of the limit are taken and not yet earned back."""
    return min(limit.count, max(0, ceil((arrival_at - now) / limit.interval)))


def spend(
    arrival_at: datetime, now: datetime, limit: Limit, kept: float = 0.0
) -> tuple[datetime, timedelta]:
    """Return the bucket's next theoretical arrival time and how long to wait (zero: act now).

    When there is something to wait for, the bucket stays as it is.
    """
    start = max(arrival_at, now)
    wait = free_at(start, limit, kept) - now
    return (arrival_at, wait) if wait > timedelta(0) else (start + limit.interval, timedelta(0))
