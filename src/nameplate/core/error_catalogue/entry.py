"""What the catalogue says of one error code."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Turn(StrEnum):
    """Who has to act next."""

    YOU = "you"
    """Whoever sent the request or owns the domain."""
    OPERATOR = "operator"
    """Whoever runs this installation of Nameplate."""
    PROVIDER = "provider"
    """A DNS provider or DNS host."""
    AUTHORITY = "authority"
    """A certificate authority."""
    NAMEPLATE = "nameplate"
    """Nameplate goes on by itself."""


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
