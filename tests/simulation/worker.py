"""The worker of the product, its steps one after the other: it goes by a simulated clock."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models.orm import Work
from nameplate.usecases.tools import Tools
from nameplate.worker.handlers import HANDLERS, Handler
from nameplate.worker.loop import Worker
from tests.simulation.clock import SimulatedClock


class _AtOnce:
    """A pool whose work is done before `submit` returns."""

    def submit(self, work: Callable[..., None], *given: Any) -> Future[None]:
        done: Future[None] = Future()
        work(*given)
        done.set_result(None)
        return done


class SimulatedWorker(Worker):
    """One worker with eight threads, each turn of which takes `turn` of the simulated time."""

    def __init__(
        self,
        sessions: Sessions,
        tools: Tools,
        clock: SimulatedClock,
        kinds: tuple[type[Work], ...],
        *,
        turn: timedelta,
    ) -> None:
        chosen = tuple(one for one in HANDLERS if one.kind in kinds)
        super().__init__(sessions, tools, handlers=chosen)
        self._pool = _AtOnce()  # type: ignore[assignment]  # as much of a pool as is used
        self._clock, self._turn, self._kinds = clock, turn, kinds
        self.turns = self.steps = 0
        self.codes: Counter[str] = Counter()
        """How steps ended that did not go as usual."""

    def take_turn(self) -> bool:
        """Start on what is due, and tell whether anything was; the clock goes on then."""
        self._reap()
        self._looked_at, self._quiet = -1e9, 0.0
        started = self._start_due()
        is_busy = bool(started or self._passed_over or self._resting)
        if is_busy:
            self.turns += 1
            self.steps += sum(len(leases) for _, leases in self._running.values())
            self._clock.advance(self._turn)
        return is_busy

    def next_due(self) -> datetime | None:
        """Return when the next row is due."""
        found = [sa.select(sa.func.min(kind.next_action_at)) for kind in self._kinds]
        with self._sessions.begin(PLATFORM, read_only=True) as session:
            moments = [session.scalar(query) for query in found]
        return min(filter(None, moments), default=None)

    def until(self, end: datetime) -> Iterator[None]:
        """Work until `end`, from one due row to the next; yield each time nothing is due."""
        while self._clock() < end:
            while self.take_turn() and self._clock() < end:
                pass
            yield
            due = self.next_due()
            self._clock.reach(end if due is None else min(due, end))

    def _postpone(self, handler: Handler, leases: tuple[Lease, ...], error: Exception) -> None:
        if not isinstance(error, NameplateError):
            raise error
        super()._postpone(handler, leases, error)

    def _tell(
        self, handler: Handler, row_id: int, code: str, error: Exception | None = None
    ) -> None:
        del row_id, error
        self.codes[f"{handler.kind.__name__} {code}"] += 1
