"""Conditions: for each step of an object's way, whether it is done and, if not, what to do."""

from dataclasses import dataclass
from datetime import datetime

from nameplate.core.turns import Turn

_WAITING = ("Wait.", "No action needed.")
_OPERATORS = "The operator must"


@dataclass(frozen=True, slots=True)
class Condition:
    """One step as it stands now, with the evidence and the next thing to do."""

    type: str
    """Which step: `exposure`, `suspension`, `approval`, `challenge`, `ownership`, `delegation`, `dns`, `drift`, `pointing`, `cdn`, `certificate`,
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
    """What to do; empty when there is nothing to do. Begins with `Wait.` or `No action needed.` when
    Nameplate goes on by itself, and with `The operator must` when nobody else can do it."""
    since: datetime | None = None
    """Since when it stands like this (UTC)."""
    next_check_at: datetime | None = None
    """When Nameplate looks again by itself (UTC); None: it does not."""
    acts: Turn | None = None
    """Who has to act, where the words of `fix` do not begin with it: what the catalogue says of an error."""

    @property
    def turn(self) -> Turn | None:
        """Who has to act next; None when the condition holds and asks for nothing."""
        turn = self.acts or turn_of(self.fix)
        return None if self.status and turn is Turn.NAMEPLATE else turn


def turn_of(fix: str) -> Turn:
    """Return who has to act, by the words of what is to be done."""
    if fix.startswith(_OPERATORS):
        return Turn.OPERATOR
    return Turn.YOU if fix and not fix.startswith(_WAITING) else Turn.NAMEPLATE
