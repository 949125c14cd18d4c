"""What remembers refused questions: how many, why, and below which suffixes names are made up.

A host that is served never comes here, so nothing that a stranger asks for can keep it waiting or have
it refused. Everything is of one size from the start: a suffix has one of 4,096 places, by its hash, which
differs from process to process. Who shares a place wears the other down, so that what is asked for most
stays; the sums by outcome are exact. Only the event loop writes, and any thread may read.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from nameplate.core.asks import AskOutcome
from nameplate.edge.snapshot import Snapshot

WINDOW = 10.0
"""Seconds over which unknown names are counted."""
MOST_OF_SUFFIX = 200
"""Unknown names below one suffix in that time; more are answered 429."""
MOST_OF_SOURCE = 2000
"""The same of one source, which is a proxy: it stands before many visitors."""
_SUFFIXES, _SOURCES = 4096, 256
_UNKNOWN, _RECURSIVE, _FLOODED = AskOutcome.UNKNOWN, AskOutcome.RECURSIVE, AskOutcome.FLOODED
_COUNTRY, _SHORT = 2, 3
"""Letters of a country's domain, and at most of what its registry sells names below: `co.uk`."""
_SUFFIX = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,2}")


class AskCounts(NamedTuple):
    """What was asked since the process began."""

    outcomes: Mapping[AskOutcome, int]
    suffixes: Mapping[str, int]
    """Suffix -> unknown names that were asked for, of those that have a place now."""


class _Place:
    """One suffix or source, and how often it was asked about."""

    __slots__ = ("asked", "began", "key", "recent", "votes")

    def __init__(self, key: str, now: float) -> None:
        self.take(key, now)

    def take(self, key: str, now: float) -> None:
        """Give the place to another one."""
        self.key = key
        self.votes = self.asked = self.recent = 0
        self.began = now

    def count(self, now: float) -> int:
        """Count one question; return how many there were in this window."""
        self.votes += 1
        self.asked += 1
        if now - self.began > WINDOW:
            self.began, self.recent = now, 0
        self.recent += 1
        return self.recent


class Guard:
    """The counts of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with none; `clock` counts seconds."""
        self._clock = clock
        self.allowed = 0
        """Questions that were answered with yes: whoever asks most waits for nothing more than this."""
        self._refused = dict.fromkeys(AskOutcome, 0)
        self._suffixes: list[_Place | None] = [None] * _SUFFIXES
        self._sources: list[_Place | None] = [None] * _SOURCES

    def count(self, outcome: AskOutcome) -> None:
        """Count one question that was refused, of which nothing else is kept."""
        self._refused[outcome] += 1

    def judge(self, snapshot: Snapshot, host: str, source: str) -> AskOutcome:
        """Return why a host that is not permitted is refused, and remember it."""
        outcome, name = snapshot.refusal(host)
        if outcome is _UNKNOWN or outcome is _RECURSIVE:
            now = self._clock()
            below = _note(self._suffixes, suffix(name), now)
            asked = _note(self._sources, source, now)
            if below > MOST_OF_SUFFIX or asked > MOST_OF_SOURCE:
                outcome = _FLOODED
        self._refused[outcome] += 1
        return outcome

    def counts(self) -> AskCounts:
        """Return what was counted so far; any thread may ask."""
        found: dict[str, int] = {}
        for place in self._suffixes:
            if place is None:
                continue
            key, asked = place.key, place.asked
            if place.key is key and _SUFFIX.fullmatch(key):
                found[key] = asked
        return AskCounts({**self._refused, AskOutcome.ALLOWED: self.allowed}, found)


def _note(places: list[_Place | None], key: str, now: float) -> int:
    """Count a question about a suffix or source; return how many of it are known of this window."""
    at = hash(key) % len(places)
    place = places[at]
    if place is None:
        place = places[at] = _Place(key, now)
    elif place.key != key:
        if place.votes > 0:
            place.votes -= 1
            return 0
        place.take(key, now)
    return place.count(now)


def suffix(name: str) -> str:
    """Return the part of a name that somebody registered, as far as its form tells.

    Two labels, or three below what looks like `co.uk`: reading the Public Suffix List would cost more
    than the whole answer.
    """
    last = name.rfind(".")
    second = name.rfind(".", 0, last)
    if second < 0:
        return name
    if len(name) - last - 1 == _COUNTRY and last - second - 1 <= _SHORT:
        second = name.rfind(".", 0, second)
    return name[second + 1 :]
