"""Steps that wait for an answer: said on the row, in the log and in the counts while they wait."""

import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

from sqlalchemy.orm import Session

from nameplate.core.errors import NameplateError
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models.orm import Work
from nameplate.usecases import work
from nameplate.usecases.tenants import ca_accounts
from nameplate.worker.counts import StepCounts
from nameplate.worker.handlers import Reconciler

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds that a step may take before somebody is told that it waits."""


class SlowSteps:
    """Which steps under way were told to be slow already."""

    def __init__(self, sessions: Sessions, counts: StepCounts) -> None:
        """Begin with none."""
        self._sessions = sessions
        self._counts = counts
        self._told: set[Future[None]] = set()

    def look(self, running: Iterable[tuple[Future[None], Reconciler, Lease]]) -> None:
        """Tell of each step that has been waiting for long, once."""
        now = time.monotonic()
        found = [one for one in running if now - one[2].taken_on > PATIENCE]
        self._told &= {step for step, _, _ in found}
        for step, handler, lease in found:
            if step in self._told or step.done():
                continue
            self._told.add(step)
            self._tell(handler, lease)

    def _tell(self, handler: Reconciler, lease: Lease) -> None:
        kind = handler.kind.__name__
        self._counts.count(kind.lower(), work.ANSWER_AWAITED)
        log.warning(
            "step_waits",
            extra={"kind": kind, "rows": [lease.id], "code": work.ANSWER_AWAITED},
        )
        with suppress(NameplateError):  # who cannot be told now is told by the end of the step
            work.tell_waiting(self._sessions, handler.kind, lease, _peer(handler), PATIENCE)


def _peer(handler: Reconciler) -> Callable[[Session, Work], str | None]:
    return lambda session, row: handler.peer(row, partial(ca_accounts.authority_id, session))
