"""Compare what is there with what a change saw and wants."""

from collections.abc import Mapping

from nameplate.core.records import Change, RRset
from nameplate.ports.dns import Outcome, Result

Live = Mapping[tuple[str, str], RRset]


def same(one: RRset | None, other: RRset | None) -> bool:
    """Tell whether two record sets hold the same values, whatever their TTL."""
    return (one.values if one else ()) == (other.values if other else ())


def settled(change: Change, live: Live) -> Outcome | None:
    """Return the outcome when nothing is to be sent: it is already so, or the set has moved."""
    now = live.get(change.key)
    if now == change.after:
        return Outcome(change, Result.APPLIED)
    if now != change.before:
        return moved(change)
    return None


def moved(change: Change) -> Outcome:
    """Return the outcome for a record set, or its partner in a switch, that is not as seen."""
    return Outcome(change, Result.MOVED, f"{shown(change)} was changed after it was read.")


def read_back(change: Change, live: Live, unclear: str) -> Outcome:
    """Return the outcome after an answer was lost: applied when it is there, else unknown."""
    if live.get(change.key) == change.after:
        return Outcome(change, Result.APPLIED)
    return Outcome(change, Result.UNKNOWN, unclear)


def shown(change: Change) -> str:
    """Return name and type for a sentence."""
    return " ".join(change.key)
