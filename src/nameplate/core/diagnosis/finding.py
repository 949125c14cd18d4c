"""What a diagnosis finds: each finding names its cause, who must act, and the record that fixes it."""

from dataclasses import dataclass
from enum import StrEnum

from nameplate.core.turns import Turn


class Weight(StrEnum):
    """How much a finding matters. In order of importance."""

    BLOCKS = "blocks"
    """A proof, a certificate or the site cannot work because of it."""
    RISK = "risk"
    """It works now or in part, and can fail at any time."""
    NOTE = "note"
    """Worth knowing; nothing must be done."""


class Certainty(StrEnum):
    """How sure a finding is. In order of certainty."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class FixAction(StrEnum):
    """What to do with a record."""

    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class RecordFix:
    """One record to add or to remove."""

    action: FixAction
    type: str
    name: str
    """Absolute, without final dot."""
    value: str


@dataclass(frozen=True, slots=True)
class DiagnosisFinding:
    """One thing that was found, with its evidence."""

    check: str
    """Stable slug of the cause."""
    message: str
    """What is wrong, in plain sentences for the owner of the domain."""
    fix: str = ""
    """What to do; empty when nothing must be done."""
    weight: Weight = Weight.BLOCKS
    confidence: Certainty = Certainty.CERTAIN
    turn: Turn | None = Turn.YOU
    """Who must act; None: nobody."""
    evidence: tuple[str, ...] = ()
    """What each name server said."""
    records: tuple[RecordFix, ...] = ()
    """Exactly what to add and to remove."""
    wait: int | None = None
    """Seconds after which it looks different by itself; None: it does not."""

    @property
    def must_act(self) -> bool:
        """Whether somebody has to do something about it."""
        waits = self.turn in {None, Turn.NAMEPLATE}
        return self.weight is not Weight.NOTE and not waits


def add(rdtype: str, name: str, value: str) -> RecordFix:
    """Return a record to add."""
    return RecordFix(FixAction.ADD, rdtype, name, value)


def remove(rdtype: str, name: str, value: str) -> RecordFix:
    """Return a record to remove."""
    return RecordFix(FixAction.REMOVE, rdtype, name, value)
