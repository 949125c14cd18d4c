"""Conditions: for each step of an object's way, whether it is done and, if not, what to do."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Condition:
    """One step as it stands now, with the evidence and the next thing to do."""

    type: str
    """Which step: `exposure`, `suspension`, `approval`, `ownership`, `delegation`, `dns`, `drift`, `pointing`, `certificate`,
    `serving`, `registration`, `work`."""
    status: bool | None
    """True: holds. False: does not hold. None: not known yet."""
    reason: str
    """Stable slug for programs, such as `txt_absent`."""
    message: str
    """One sentence for a person."""
    observed: tuple[str, ...] = ()
    """What was seen, and where."""
    expected: tuple[str, ...] = ()
    """What would fulfil the condition."""
    fix: str = ""
    """What the person should do; empty when there is nothing to do."""
    since: datetime | None = None
    """Since when it stands like this (UTC)."""
    next_check_at: datetime | None = None
    """When Nameplate looks again by itself (UTC); None: it does not."""
