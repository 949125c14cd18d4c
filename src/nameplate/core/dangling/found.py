"""One dangling record as a value: what was seen, how bad it is, and what ends it."""

from dataclasses import dataclass
from enum import StrEnum

from nameplate.core.diagnosis.finding import DiagnosisFinding, RecordFix, Weight
from nameplate.core.turns import Turn

_MAX_SUBJECT = 255


class Severity(StrEnum):
    """What can come of a dangling record. In order of importance."""

    HIGH = "high"
    """A stranger can take what the name leads to, and with it the name."""
    MEDIUM = "medium"
    """It leads nowhere; who could take it is not known."""
    LOW = "low"
    """It widens what a mistake elsewhere can do."""


@dataclass(frozen=True, slots=True)
class Dangling:
    """One dangling record that was found."""

    problem: str
    """Stable slug of the cause."""
    name: str
    """Absolute, without final dot."""
    subject: str
    """What it leads to."""
    severity: Severity
    message: str
    fix: str
    evidence: tuple[str, ...] = ()
    records: tuple[RecordFix, ...] = ()
    turn: Turn = Turn.YOU

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same when it is seen again."""
        return self.name, self.problem, self.subject[:_MAX_SUBJECT]


def as_finding(found: Dangling) -> DiagnosisFinding:
    """Return it as the diagnosis of its domain shows it."""
    weight = Weight.NOTE if found.severity is Severity.LOW else Weight.RISK
    return DiagnosisFinding(
        found.problem,
        found.message,
        found.fix,
        weight=weight,
        turn=found.turn,
        evidence=found.evidence,
        records=found.records,
    )
