"""How often a proxy is told something new: one that takes long is told more at a time.

A configuration with a thousand hosts takes seconds, whatever it changes. What falls due meanwhile
and for some time after that goes into one; what takes a host out of service waits for nothing.
"""

import threading
import time

QUICK = 0.25
"""Seconds that a change may take without consequences."""
SHARE = 4
"""A slow proxy rests for so many times as long as its last change took."""
MAX_REST = 5.0
"""Seconds that a change waits at most."""


class Pacing:
    """What this process knows of how long servers take, and until when each is left alone."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._lock = threading.Lock()
        self._rests: dict[int, float] = {}
        self._until: dict[int, float] = {}

    def note(self, server_id: int, took: float) -> None:
        """Note how many seconds a change took that ends now."""
        rest = min(SHARE * took, MAX_REST) if took > QUICK else 0.0
        with self._lock:
            self._rests[server_id] = rest
            self._until[server_id] = time.monotonic() + rest

    def remaining(self, server_id: int, since_change: float) -> float:
        """Return for how many seconds a server is to be left alone that another process changed."""
        with self._lock:
            rest = self._rests.get(server_id, 0.0) - since_change
            if rest > 0:
                self._until[server_id] = time.monotonic() + rest
            return max(rest, 0.0)

    def rests(self, server_id: int) -> bool:
        """Tell whether the server is to be left alone now."""
        with self._lock:
            return time.monotonic() < self._until.get(server_id, 0.0)


PACING = Pacing()
"""Of all servers that this process configures."""
