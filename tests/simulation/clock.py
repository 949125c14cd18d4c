"""A clock that stands still until it is told to go on: the machine's, and that of a SQLite database."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from nameplate.db import Sessions
from nameplate.usecases.certificates import orders_together

BEGINS = datetime(2027, 1, 1, tzinfo=UTC)
_TICK = timedelta(milliseconds=1)
"""What SQLite's clock counts in."""


class SimulatedClock:
    """The time of a simulation, in whole milliseconds."""

    def __init__(self) -> None:
        self._now = BEGINS

    def __call__(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - BEGINS).total_seconds() + 1e6

    def advance(self, by: timedelta) -> None:
        self.reach(self._now + by)

    def reach(self, at: datetime) -> None:
        """Go on to the first tick that is not before `at`; never back."""
        ticks = -((BEGINS - at) // _TICK)
        self._now = max(self._now, BEGINS + ticks * _TICK)

    def govern(self, sessions: Sessions, patch: pytest.MonkeyPatch) -> None:
        """Have the database, leases and workers of this process go by this clock alone."""
        for engine in {sessions.tenant_engine, sessions.system_engine}:
            event.listen(engine, "connect", self._connect)
            engine.dispose()
        patch.setattr(time, "monotonic", self.monotonic)
        patch.setattr(orders_together, "monotonic", self.monotonic)
        patch.setattr(
            orders_together, "sleep", lambda seconds: self.advance(timedelta(seconds=seconds))
        )

    def _connect(self, connection: sa.engine.interfaces.DBAPIConnection, _entry: object) -> None:
        connection.create_function("strftime", -1, self._strftime)
        connection.execute("PRAGMA synchronous=OFF")

    def _strftime(self, _form: str, at: str, *later: str) -> str:
        moment = self._now.replace(tzinfo=None) if at == "now" else datetime.fromisoformat(at)
        for one in later:
            moment += timedelta(seconds=int(one.split()[0]))
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
