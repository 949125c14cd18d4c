"""Creations that the provider's listings may not show yet."""

import threading
import time
from collections.abc import Callable

from nameplate.adapters.changes.rows import Row
from nameplate.core.errors import Unavailable

_SEEN_AFTER = 60.0
"""Seconds after which every listing shows a record; measured listings lag by a few."""


class Creations:
    """Remembers what was created lately, so that a listing that lags never makes us do it twice."""

    def __init__(
        self, window: float = _SEEN_AFTER, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Remember a creation for `window` seconds."""
        self._window = window
        self._clock = clock
        self._until: dict[tuple[str, str, str, str], float] = {}
        self._lock = threading.Lock()

    def begin(self, zone: str, row: Row) -> None:
        """Remember a creation before it is sent.

        Raises `Unavailable("creation_unseen")` when the same was sent lately: it is there, or its
        answer was lost.
        """
        now = self._clock()
        with self._lock:
            self._until = {key: until for key, until in self._until.items() if until > now}
            if _key(zone, row) in self._until:
                raise Unavailable(
                    "creation_unseen",
                    f"{row.name} {row.type} was just created and the provider does not list "
                    "it yet.",
                )
            self._until[_key(zone, row)] = now + self._window

    def forget(self, zone: str, row: Row) -> None:
        """Forget a creation: it was refused, or the record was deleted."""
        with self._lock:
            self._until.pop(_key(zone, row), None)


def _key(zone: str, row: Row) -> tuple[str, str, str, str]:
    return (zone, row.name, row.type, row.value)
