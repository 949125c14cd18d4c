"""Whether the clock of this machine agrees with that of the database, by which all work is planned."""

import logging
import time
from datetime import datetime, timedelta

log = logging.getLogger(__name__)

TOLERANCE = timedelta(seconds=60)
"""Difference from which authorities, providers and certificates are likely to be refused."""
SAID_EVERY = 300.0
"""Seconds between two lines about the same difference."""


class Clocks:
    """Compares the clocks, and writes a line when they differ."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._said_at = float("-inf")

    def compare(self, machine: datetime, database: datetime) -> None:
        """Say so when the clocks differ so much that something will be refused."""
        ahead = machine - database
        if abs(ahead) <= TOLERANCE or time.monotonic() - self._said_at < SAID_EVERY:
            return
        self._said_at = time.monotonic()
        log.error("clock_differs", extra={"seconds_ahead": round(ahead.total_seconds())})
