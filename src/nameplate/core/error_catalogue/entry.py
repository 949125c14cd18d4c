"""What the catalogue says of one error code."""

from collections.abc import Mapping
from dataclasses import dataclass

from nameplate.core.turns import Turn

__all__ = ["Entry", "Group", "Turn"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a code means and what to do about it."""

    turn: Turn
    title: str
    """What it means, in one sentence."""
    fix: str
    """What to do, in one or two sentences."""
    statuses: tuple[int, ...] = ()
    """HTTP statuses of answers with this code; empty where it is only a part of an answer."""


@dataclass(frozen=True, slots=True)
class Group:
    """The codes of one noun."""

    title: str
    intro: str
    """One sentence on what these codes are about."""
    codes: Mapping[str, Entry]
