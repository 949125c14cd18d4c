"""Sort changes before anything is sent: done already, moved, impossible, or to be sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nameplate.adapters.changes.batch import Unit
from nameplate.adapters.changes.compare import Live, moved, settled, shown
from nameplate.core.records import Change, RRset, units
from nameplate.ports.dns import Outcome, Result

Refusal = Callable[[RRset], str | None]
"""Why the provider will not have this record set, as a sentence, or None."""


@dataclass(slots=True)
class Triage:
    """The outcomes known so far, and the units to send, in their order."""

    outcomes: dict[Change, Outcome] = field(default_factory=dict)
    pending: list[Unit] = field(default_factory=list)

    def add(self, found: Sequence[Outcome]) -> None:
        """Remember outcomes."""
        self.outcomes.update((outcome.change, outcome) for outcome in found)

    def ordered(self, changes: Sequence[Change]) -> list[Outcome]:
        """Return one outcome for each change, in the order of `changes`."""
        return [self.outcomes[change] for change in changes]


def triage(changes: Sequence[Change], live: Live, refusal: Refusal) -> Triage:
    """Compare `changes` with what is live. Of a unit that must happen together, all or none remain."""
    found = Triage()
    for unit in units(changes):
        done = [settled(change, live) for change in unit]
        if any(outcome and outcome.result is Result.MOVED for outcome in done):
            pairs = zip(unit, done, strict=True)
            found.add([outcome or moved(change) for change, outcome in pairs])
            continue
        found.add([outcome for outcome in done if outcome])
        rest = [change for change, outcome in zip(unit, done, strict=True) if not outcome]
        reason = _reason(rest, live, refusal)
        if reason:
            found.add([Outcome(change, Result.REFUSED, reason) for change in rest])
        elif rest:
            found.pending.append(rest)
    return found


def _reason(unit: Unit, live: Live, refusal: Refusal) -> str | None:
    for change in unit:
        reason = refusal(change.after) if change.after else None
        if reason:
            return reason
    if not any(change.after for change in unit):
        return None
    name = unit[0].key[0]
    wanted = {change.key: change.after for change in unit}
    types = {key[1] for key in live if key[0] == name and key not in wanted}
    types |= {key[1] for key, after in wanted.items() if after}
    if "CNAME" in types and len(types) > 1:
        return f"{shown(unit[0])}: a CNAME must be alone at its name (RFC 1034 section 3.6.2)."
    return None
