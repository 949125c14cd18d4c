"""Adding up what was asked in the database, beside the requests and for all processes together."""

import logging
import threading
from collections.abc import Mapping
from typing import TypeVar

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions
from nameplate.edge.guard import AskCounts, Guard
from nameplate.usecases.serving import asks

Key = TypeVar("Key", bound=str)

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two times that a process adds its counts to those of all."""
MAX_SUFFIXES = 50
"""Suffixes that are added at a time, those with the most unknown names since the last time."""


class RefusalLog:
    """What one process has still to add."""

    def __init__(self, sessions: Sessions, guard: Guard, *, every: float = EVERY) -> None:
        """Add the counts of `guard`; nothing is written while nobody asks."""
        self._sessions = sessions
        self._guard = guard
        self._every = every
        self._told = AskCounts({}, {})
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nameplate-edge-asks", daemon=True)

    def start(self) -> None:
        """Begin to add; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Add the rest, and end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(self._every)

    def write(self) -> None:
        """Add what is new since the last time. Raises what is wrong; it is added the next time then."""
        found = self._guard.counts()
        outcomes = _more(found.outcomes, self._told.outcomes)
        if not outcomes:
            return
        suffixes = _more(found.suffixes, self._told.suffixes)
        most = sorted(suffixes, key=suffixes.__getitem__, reverse=True)[:MAX_SUFFIXES]
        top = {one: suffixes[one] for one in most}
        self._sessions.run(PLATFORM, lambda session: asks.add(session, outcomes, top))
        kept = {one: self._told.suffixes.get(one, 0) for one in found.suffixes if one not in top}
        told = kept | {one: found.suffixes[one] for one in top}
        self._told = AskCounts(found.outcomes, told)

    def _run(self) -> None:
        while True:
            stopping = self._stopping.wait(self._every)
            try:
                self.write()
            except Exception as error:  # noqa: BLE001 - the database is away; the counts are kept
                log.debug("edge_asks_not_added", extra={"error": type(error).__name__})
            if stopping:
                return


def _more(now: Mapping[Key, int], before: Mapping[Key, int]) -> dict[Key, int]:
    """Return what was added; what began anew in its place counts from its beginning."""
    found = {}
    for key, count in now.items():
        known = before.get(key, 0)
        more = count - known if count >= known else count
        if more:
            found[key] = more
    return found
