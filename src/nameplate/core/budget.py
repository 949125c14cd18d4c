"""Rate budgets by the generic cell rate algorithm: one moment per bucket says everything."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` acts in `period`, in a burst or spread."""

    count: int
    period: timedelta

    @property
    def interval(self) -> timedelta:
        """Time in which one act is earned back."""
        return self.period / self.count


def spend(arrival_at: datetime, now: datetime, limit: Limit) -> tuple[datetime, timedelta]:
    """Return the bucket's next theoretical arrival time and how long to wait (zero: act now).

    When there is something to wait for, the bucket stays as it is.
    """
    start = max(arrival_at, now)
    after = start + limit.interval
    wait = after - now - limit.period
    return (arrival_at, wait) if wait > timedelta(0) else (after, timedelta(0))
