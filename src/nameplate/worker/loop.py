"""The worker: lease what is due, run it in threads, stop gracefully."""

import logging
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError, Unavailable
from nameplate.db import Sessions, database_now, listen
from nameplate.leases import Lease, due, lease
from nameplate.models.orm import WORK
from nameplate.usecases import work
from nameplate.usecases.tools import Tools
from nameplate.worker.handlers import CHORES, HANDLERS, Handler, Reconciler, Sweep

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds between two looks for due rows when nothing wakes the worker."""
CHORES_EVERY = 600.0
"""Seconds between two rounds of tidying up."""
QUIET = 0.05
"""Seconds between two looks for due rows, at least: what falls due meanwhile is leased together."""
GRACE = 8.0
"""Seconds that a stopping worker gives the steps under way; then it gives their rows back."""


class Worker:
    """Works on due rows until it is stopped. Any number may share one database."""

    def __init__(
        self,
        sessions: Sessions,
        tools: Tools,
        *,
        threads: int = 8,
        lease_for: timedelta = work.LEASE,
        handlers: tuple[Handler, ...] = HANDLERS,
    ) -> None:
        """Take how many rows may be worked on at once, and how long a lease lasts unrenewed."""
        self._sessions = sessions
        self._tools = tools
        self._handlers = handlers
        self._threads = threads
        self._lease_seconds = lease_for.total_seconds()
        self._looked_at = -QUIET
        self._passed_over = False
        self._ended = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="nameplate-worker")
        self._running: dict[Future[None], tuple[Handler, tuple[Lease, ...]]] = {}
        self._stopping = threading.Event()
        self._awake = threading.Event()
        poll = tools.poll.total_seconds() if tools.poll else POLL
        self._tidied_at = time.monotonic()
        self._poll = min(POLL, max(poll, 0.02))

    def wake(self) -> None:
        """Look for due rows at once; any thread may call this."""
        self._awake.set()

    def stop(self) -> None:
        """Take no more rows; `run` returns within 10 s, when the steps under way are done or given up."""
        self._stopping.set()
        self._awake.set()

    def run(self) -> bool:
        """Work until stopped; tell whether every step came to its end. A database away is waited for."""
        if self._sessions.dialect == "postgresql":
            threading.Thread(target=self._listen, name="nameplate-worker-ear", daemon=True).start()
        while not self._stopping.is_set():
            try:
                started = self._start_due()
                self._tidy_up()
            except Exception as error:  # noqa: BLE001 - a worker that ends brings nothing forward
                log.warning("database_away", extra={"reason": str(error)})
                started = 0
                self._stopping.wait(1.0)
            self._settle(block=started == 0)
        wait(self._running, GRACE)
        self._pool.shutdown(wait=False, cancel_futures=True)
        return self._give_back()

    def _give_back(self) -> bool:
        """Release the rows of steps that did not end: what such a step finds out later is void."""
        left = [steps for future, steps in self._running.items() if not future.done()]
        left += [steps for future, steps in self._running.items() if future.cancelled()]
        for handler, leases in left:
            self._return(handler, leases)
        return not left

    def _return(self, handler: Handler, leases: tuple[Lease, ...]) -> None:
        for one in leases:
            with suppress(work.Superseded, Unavailable, OSError):
                work.give_back(self._sessions, handler.kind, one)

    def run_until_idle(self, seconds: float) -> bool:
        """Work until nothing is due, for at most `seconds`; tell whether it became idle."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            started = self._start_due()
            if started == 0 and not self._running and not self._passed_over:
                return True
            wait(self._running, 0.2, FIRST_COMPLETED)
            if not self._running:
                time.sleep(QUIET)
            self._reap()
        return False

    def _listen(self) -> None:
        """Wake up at each notification; without them the polling still works."""
        while not self._stopping.is_set():
            try:
                listen(self._sessions, WORK, self.wake, self._stopping)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next connection may work
                log.debug("worker_listen_failed", extra={"error": type(error).__name__})
                self._stopping.wait(POLL)

    def _tidy_up(self) -> None:
        if time.monotonic() - self._tidied_at < CHORES_EVERY:
            return
        self._tidied_at = time.monotonic()
        for chore in CHORES:
            with self._sessions.begin(PLATFORM) as session:
                chore(session, database_now(session))

    def _start_due(self) -> int:
        """Lease due rows for every free thread and start on them; return how many were started.

        As many more are leased as steps ended since the last look: about as many will before the
        next one, and no thread is idle meanwhile. Where steps take long that is none.
        """
        self._passed_over = False
        if self._room() <= 0 or self._stopping.is_set():
            return 0
        if self._rest() > 0:
            self._passed_over = True
            return 0
        self._looked_at = time.monotonic()
        taken = self._sessions.run(PLATFORM, self._lease)
        self._ended = 0
        for handler, leases in taken:
            for one in (leases,) if isinstance(handler, Sweep) else zip(leases, strict=True):
                self._submit(handler, one)
        return len(taken)

    def _room(self) -> int:
        return self._threads - len(self._running) + min(self._ended, self._threads)

    def _rest(self) -> float:
        """Return for how many seconds the last look for due rows is fresh enough."""
        return self._looked_at + QUIET - time.monotonic()

    def _lease(self, session: Session) -> list[tuple[Handler, tuple[Lease, ...]]]:
        """Lease due rows of every kind in one transaction, those of the first handlers first."""
        taken: list[tuple[Handler, tuple[Lease, ...]]] = []
        tick = time.monotonic()
        now, wanted = due(session, tuple(handler.kind for handler in self._handlers))
        sweeping = {handler for handler, _ in self._running.values()}
        free = self._room()
        for handler in self._handlers:
            wide = isinstance(handler, Sweep)
            if free <= 0 or handler.kind not in wanted or (wide and handler in sweeping):
                continue
            width = handler.width if isinstance(handler, Sweep) else free
            found = lease(
                session, handler.kind, limit=width, seconds=self._lease_seconds, now=now, tick=tick
            )
            if found:
                taken.append((handler, tuple(found)))
                free -= 1 if wide else len(found)
        return taken

    def _submit(self, handler: Handler, leases: tuple[Lease, ...]) -> None:
        future = self._pool.submit(self._work, handler, leases)
        self._running[future] = handler, leases
        future.add_done_callback(lambda _future: self._awake.set())

    def _settle(self, *, block: bool) -> None:
        """When there was nothing to start, wait for something to happen; forget finished steps."""
        if block:
            self._awake.wait(max(self._rest(), 0) if self._passed_over else self._poll)
        self._awake.clear()
        self._reap()  # after the wait: the step whose end ended it makes room for the next one

    def _reap(self) -> None:
        for future in [future for future in self._running if future.done()]:
            del self._running[future]
            self._ended += 1

    def _work(self, handler: Handler, leases: tuple[Lease, ...]) -> None:
        try:
            if leases[0].is_half_over():
                self._return(handler, leases)
            elif isinstance(handler, Reconciler):
                handler.reconcile(self._sessions, self._tools, leases[0])
            else:
                handler.sweep(self._sessions, self._tools, leases)
        except work.Superseded:
            log.info("lease_lost", extra={"kind": handler.kind.__name__})
        except Exception as error:  # noqa: BLE001 - one row's surprise must not stop the others
            self._postpone(handler, leases, error)

    def _postpone(self, handler: Handler, leases: tuple[Lease, ...], error: Exception) -> None:
        expected = isinstance(error, NameplateError)
        log.warning(
            "step_failed",
            extra={
                "kind": handler.kind.__name__,
                "rows": [one.id for one in leases],
                "error": str(error) if expected else type(error).__name__,
            },
            exc_info=None if expected else error,
        )
        for one in leases:
            with suppress(work.Superseded, Unavailable, OSError):
                work.postpone(self._sessions, self._tools, handler.kind, one, error)
