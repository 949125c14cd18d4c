"""The worker: lease what is due, run it in threads, stop gracefully."""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from nameplate import leases as rows
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError, Unavailable
from nameplate.db import Sessions, database_now, listen
from nameplate.leases import DueRow, Lease, Window, due
from nameplate.models import Verification, VerificationMethodName
from nameplate.models.channels import WORK
from nameplate.models.orm import Work
from nameplate.usecases import events, work
from nameplate.usecases.claims import readiness
from nameplate.usecases.operations import outcomes
from nameplate.usecases.operations.processes import Heartbeat
from nameplate.usecases.tenants import ca_accounts
from nameplate.usecases.tools import Tools
from nameplate.worker.bulkheads import Bulkheads
from nameplate.worker.cause_watches import CauseWatches
from nameplate.worker.clocks import Clocks
from nameplate.worker.counts import StepCounts
from nameplate.worker.handlers import CHORES, HANDLERS, Handler, Reconciler, Sweep
from nameplate.worker.registration_looks import RegistrationLooks
from nameplate.worker.shares import Crowd, admitted, crowds, grouped, in_turn
from nameplate.worker.slowness import SlowSteps
from nameplate.worker.threads import start_thread, worker_pool
from nameplate.worker.wide_looks import WideLooks

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds between two looks for due rows when nothing wakes the worker."""
CHORES_EVERY = 600.0
"""Seconds between two rounds of tidying up."""
QUIET, MAX_QUIET = 0.05, 0.5
"""Seconds between two looks for due rows, at least: what falls due meanwhile is leased together."""
LOOK_SHARE = 10
"""A look is not repeated before so many times as long has passed: the steps need the processor."""
ACCOUNTS_EVERY = 10.0
"""Seconds between two looks for the accounts that organizations order certificates from."""
READINESS_SHARE = 20
"""Keeping the copy of what is ready takes one part in so many of a worker's time."""
READINESS_EVERY = 4
"""So many polls pass between two looks at it: a domain on its way changes several times a second, and
lists are right without the copy."""
RECOVERIES = frozenset({"binding_recovered"})
"""Outcomes that end a failure."""
LATE_ANSWER = 2.0
"""Seconds after which the database is asked once more: by a clock that was read on the other side of a
pause, everything would be planned later by the length of that pause."""
SWEEPS = 2
"""Sweeps of one kind at the same time: one may wait for somebody's server."""
GRACE = 8.0
"""Seconds that a stopping worker gives the steps under way; then it gives their rows back."""


Batch = tuple[Handler, tuple[Lease, ...], Sequence[DueRow]]
"""What one thread does: one row, or a sweep of many."""


def _swept(handler: Handler, row: DueRow) -> Hashable:
    """Return whom a sweep waits for: the servers that an organization chose."""
    return handler.kind, row.organization_id


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

        self._sessions = sessions
        self._tools = tools
        self._handlers = handlers
        self._threads = threads
        self._lease_seconds = lease_for.total_seconds()
        self._looked_at = -QUIET
        self._quiet = QUIET
        self._passed_over = self._resting = self._is_late = False
        self._leased_looks: list[tuple[Lease, DueRow]] = []
        self._ended = 0
        # One more than asked for: what takes something out of service waits for no thread. Who asks
        # for one thread wants one step at a time.
        self._spare = 1 if threads > 1 else 0
        self._pool = worker_pool(threads + self._spare, "worker")
        self._running: dict[Future[None], tuple[Handler, tuple[Lease, ...]]] = {}
        self._organizations: dict[Future[None], tuple[int | None, ...]] = {}
        self._bulkheads = Bulkheads(threads)
        self._crowd = Crowd()
        self._counts, self._heart = StepCounts(), Heartbeat(sessions, tools.keyring)
        self._clocks, self._slow_steps = Clocks(), SlowSteps(sessions, self._counts)
        self._served: dict[type[Work], float] = {}
        self._authorities: Mapping[int | None, int] = {}
        self._accounts_read_at = -ACCOUNTS_EVERY
        self._stopping = threading.Event()
        self._awake = threading.Event()
        self._looks = self._wide_looks()
        self._windows = {one: self._window_of(one) for one in handlers}
        self._wide: tuple[Window, ...] = ()
        if self._looks is not None and self._looks.methods:
            methods = tuple(sorted(self._looks.methods))
            self._wide = (Window(Verification, 1, methods, urgent=False),)
        poll = tools.poll.total_seconds() if tools.poll else POLL
        self._tidied_at = time.monotonic()
        self._poll = min(POLL, max(poll, 0.02))

    def _wide_looks(self) -> WideLooks | None:
        """Return what looks without threads, where a handler allows it."""
        wide = [one for one in self._handlers if isinstance(one, Reconciler) and one.is_wide]
        if not wide:
            return None
        return WideLooks(
            self._sessions,
            self._tools,
            told=partial(self._count_ended, wide[0]),
            failed=lambda lease, error: self._failed(wide[0], (lease,), error),
            awake=self._awake,
        )

    def _window_of(self, handler: Handler) -> Window:
        """Return of which rows the oldest are looked for; what is looked at widely needs no thread."""
        most = handler.width
        if isinstance(handler, Reconciler):
            most = max(most, 4 * self._threads + 16)
        if self._looks is None or handler.kind is not Verification:
            return Window(handler.kind, most)
        others = frozenset(VerificationMethodName) - self._looks.methods
        return Window(handler.kind, most, tuple(sorted(others)))

    @property
    def threads(self) -> int:
        """Rows that are processed in parallel."""
        return self._threads

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
            start_thread(self._listen, "worker-ear")
        start_thread(self._follow, "worker-ready")
        watches = CauseWatches(self._sessions, self._tools, self._stopping)
        start_thread(watches.run, "worker-causes")
        asking = RegistrationLooks(self._sessions, self._tools, self._stopping)
        start_thread(asking.run, "worker-registries")
        self._load_authorities()
        while not self._stopping.is_set():
            try:
                self._heart.beat()
                started = self._start_due()
                self._tidy_up()
                self._slow_steps.look(self._alone())
                self._counts.write(self._sessions)
            except Exception as error:  # noqa: BLE001 - a worker that ends brings nothing forward
                log.warning("database_away", extra={"reason": str(error)})
                started = 0
                self._stopping.wait(1.0)
            self._settle(block=started == 0)
        until = time.monotonic() + GRACE
        left = self._looks.stop(GRACE) if self._looks else []
        wait(self._running, max(0.0, until - time.monotonic()))
        self._pool.shutdown(wait=False, cancel_futures=True)
        with suppress(Exception):  # a database away at the end costs the last counts
            self._counts.write(self._sessions, at_once=True)
        self._heart.end()
        return self._give_back(left)

    def _load_authorities(self) -> None:
        """Import what orders certificates before any row is leased: it takes a second of a lease."""
        with suppress(SQLAlchemyError, NameplateError), self._sessions.look() as session:
            found = ca_accounts.providers(session)
            for name in found:
                self._tools.authorities.get(name)

    def _give_back(self, looks: Sequence[Lease] = ()) -> bool:
        """Release the rows of steps that did not end: what such a step finds out later is void."""
        for handler in [one for one in self._handlers if one.kind is Verification and looks]:
            self._return(handler, tuple(looks), is_acting=True)
        left = [steps for future, steps in self._running.items() if not future.done()]
        left += [steps for future, steps in self._running.items() if future.cancelled()]
        for handler, leases in left:
            self._return(handler, leases, is_acting=True)
        return not left and not looks

    def _return(
        self, handler: Handler, leases: tuple[Lease, ...], *, is_acting: bool = False
    ) -> None:
        for one in leases:
            with suppress(work.Superseded, Unavailable, OSError):
                work.give_back(self._sessions, handler.kind, one, is_acting=is_acting)

    def run_until_idle(self, seconds: float) -> bool:
        """Work until nothing is due, for at most `seconds`; tell whether it became idle."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            started = self._start_due()
            looks = self._looks is not None and self._looks.is_busy
            waiting = self._running or self._passed_over or self._resting or looks
            if not (started or waiting):
                return True
            wait(self._running, QUIET if looks else 0.2, FIRST_COMPLETED)
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

    def _alone(self) -> list[tuple[Future[None], Reconciler, Lease]]:
        """Return the steps under way on one row each."""
        return [
            (step, handler, leases[0])
            for step, (handler, leases) in self._running.items()
            if isinstance(handler, Reconciler)
        ]

    def _follow(self) -> None:
        """Keep the copy up to date by which lists find ready domains, in a small share of the time."""
        while not self._stopping.is_set():
            began = time.monotonic()
            found = 0
            try:
                found = readiness.refresh(self._sessions, self._tools)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next time may go well
                log.warning("readiness_not_kept", extra={"error": type(error).__name__})
            took = time.monotonic() - began
            rest = READINESS_EVERY * self._poll if found < readiness.WIDTH else 0.0
            self._stopping.wait(max(rest, READINESS_SHARE * took))

    def _tidy_up(self) -> None:
        if time.monotonic() - self._tidied_at < CHORES_EVERY:
            return
        self._tidied_at = time.monotonic()
        for chore in CHORES:
            with self._sessions.begin(PLATFORM) as session:
                chore(session, database_now(session))
        events.tidy(self._sessions, self._tools.events_kept)

    def _start_due(self) -> int:
        """Lease due rows for every free thread and start on them; return how many were started.

        As many more are leased as steps ended since the last look: about as many will before the
        next one, and no thread is idle meanwhile. Where steps take long that is none.
        """
        self._passed_over = self._resting = False
        wide = self._looks.room if self._looks else 0
        if (self._room() <= -1 and wide <= 0) or self._stopping.is_set():
            return 0
        if self._rest() > 0:
            self._passed_over = True
            return 0
        self._looked_at = time.monotonic()
        taken = self._sessions.run(PLATFORM, self._lease)
        looks = self._leased_looks
        if self._looks:
            self._looks.begin(looks)
        took = time.monotonic() - self._looked_at
        self._quiet = min(max(LOOK_SHARE * took, QUIET), MAX_QUIET)
        self._ended = 0
        for handler, leases, due_rows in taken:
            self._submit(handler, leases, due_rows)
        return len({handler for handler, _, _ in taken}) + bool(looks)

    def _room(self) -> int:
        return self._threads - len(self._running) + min(self._ended, self._threads)

    def _rest(self) -> float:
        """Return for how many seconds the last look for due rows is fresh enough."""
        return self._looked_at + self._quiet - time.monotonic()

    def _lease(self, session: Session) -> list[Batch]:
        """Lease due rows in one transaction: urgent ones, then each kind its share of the threads.

        Kinds with the fewest steps under way come first, and of these the one that waited longest.
        """
        tick = time.monotonic()
        self._leased_looks = []
        looked = due(session, (*self._windows.values(), *self._wide))
        now = looked.now
        self._is_late = not self._is_late and time.monotonic() - tick > LATE_ANSWER
        if self._is_late:
            return []
        self._bulkheads.look()
        self._clocks.compare(self._tools.clock(), now)
        if looked.oldest:
            self._read_accounts(session)
        taken: list[Batch] = []
        busy = Counter(handler.kind for handler, _ in self._running.values())
        order = [
            handler
            for handler in self._handlers
            if self._windows[handler] in looked.oldest or handler.kind in looked.urgent
        ]
        order.sort(key=lambda one: (busy[one.kind], self._served.get(one.kind, 0.0)))
        free = self._room()
        for handler in [one for one in order if one.kind in looked.urgent]:
            found = looked.urgent[handler.kind]
            half = max(1, (free + 1) // 2)  # a large removal is not all that goes on
            batches = self._take(
                session, handler, found, half if free + self._spare > 0 else 0, now=now, tick=tick
            )
            free -= len(batches)
            taken += batches
        if self._looks and any(window in looked.oldest for window in self._wide):
            self._leased_looks = self._looks.lease(
                session, seconds=self._lease_seconds, now=now, tick=tick
            )
        for place, handler in enumerate(order):
            share = math.ceil(free / (len(order) - place))
            if share <= 0:
                break
            leased = {one.id for h, ls, _ in taken if h is handler for one in ls}
            window = self._windows[handler]
            rows_due = self._crowd.due(session, window, looked.oldest.get(window, ()))
            waiting = [row for row in rows_due if row.id not in leased]
            if isinstance(handler, Reconciler):
                ready = [row for row in waiting if not handler.rests(row.id)]
                self._resting |= len(ready) < len(waiting)
                waiting = ready
            batches = self._take(session, handler, waiting, share, now=now, tick=tick)
            self._served[handler.kind] = tick
            free -= len(batches)
            taken += batches
        return taken

    def _take(
        self,
        session: Session,
        handler: Handler,
        found: Sequence[DueRow],
        most: int,
        *,
        now: datetime,
        tick: float,
    ) -> list[Batch]:
        """Lease rows of one kind for up to `most` threads, in turn by organization."""
        if most <= 0 or not found:
            return []
        busy = Counter(
            organization
            for step, organizations in self._organizations.items()
            if self._running[step][0] is handler and not isinstance(handler, Sweep)
            for organization in organizations
        )
        chosen = self._chosen(handler, in_turn(found, busy), most)
        by_id = {row.id: row for group in chosen for row in group}
        leased = rows.lease_rows(
            session, handler.kind, list(by_id), seconds=self._lease_seconds, now=now, tick=tick
        )
        self._crowd.forget(handler.kind, set(by_id))
        there = {one.id: one for one in leased}
        batches = [[row for row in group if row.id in there] for group in chosen]
        return [
            (handler, tuple(there[row.id] for row in group), group) for group in batches if group
        ]

    def _chosen(
        self, handler: Handler, found: Sequence[DueRow], most: int
    ) -> Sequence[Sequence[DueRow]]:
        """Return which rows to work on, in groups of what one thread does."""
        if isinstance(handler, Sweep):
            return self._sweeps(handler, found, most)
        width = handler.width
        if handler.is_spread:
            width = min(width, math.ceil(len(found) / most))
        groups_of = grouped(found, self._company_of(handler), width)
        first = [group[0] for group in groups_of]
        taken = admitted(first, self._peer_of(handler), self._bulkheads, most)
        chosen = {row.id for row in taken}
        return [group for group in groups_of if group[0].id in chosen]

    def _sweeps(
        self, handler: Sweep, found: Sequence[DueRow], most: int
    ) -> Sequence[Sequence[DueRow]]:
        """Return up to `most` sweeps: a crowd has one of its own, and so has whose servers are slow."""
        running = sum(one is handler for one, _ in self._running.values())
        crowded = crowds(found)
        few: list[DueRow] = []
        many: list[DueRow] = []
        slow: dict[int | None, list[DueRow]] = {}
        for row in found:
            if self._bulkheads.is_slow(_swept(handler, row)):
                slow.setdefault(row.organization_id, []).append(row)
            else:
                (many if row.organization_id in crowded else few).append(row)
        free = SWEEPS - running
        groups: list[Sequence[DueRow]] = []
        if few and free + bool(many) > 0:  # one more than otherwise where there is a crowd
            groups.append(few[: handler.width])
        if many and free > 0 and len(groups) < most:
            groups.append(many[: handler.width])
        room = self._bulkheads.slow_room()
        apart = [one for one in slow.values() if self._bulkheads.room(_swept(handler, one[0])) > 0]
        groups += [
            group[: handler.width] for group in apart[: max(0, min(room, most - len(groups)))]
        ]
        return groups

    def _peer_of(self, handler: Reconciler) -> Callable[[DueRow], Hashable | None]:
        return lambda row: handler.peer(row, self._authority)

    def _company_of(self, handler: Reconciler) -> Callable[[DueRow], Hashable | None]:
        company = handler.company or handler.peer
        return lambda row: company(row, self._authority)

    def _authority(self, organization_id: int) -> int | None:
        return self._authorities.get(organization_id, self._authorities.get(None))

    def _read_accounts(self, session: Session) -> None:
        """Read from which account each organization orders its certificates."""
        if time.monotonic() - self._accounts_read_at < ACCOUNTS_EVERY:
            return
        self._accounts_read_at = time.monotonic()
        self._authorities = ca_accounts.authorities(session)

    def _submit(
        self, handler: Handler, leases: tuple[Lease, ...], due_rows: Sequence[DueRow]
    ) -> None:
        future = self._pool.submit(self._work, handler, leases)
        self._running[future] = handler, leases
        self._organizations[future] = tuple({row.organization_id for row in due_rows})
        if isinstance(handler, Reconciler):
            peers = {self._peer_of(handler)(row) for row in due_rows} - {None}
        else:
            peers = {_swept(handler, row) for row in due_rows}
        self._bulkheads.enter(future, peers)
        future.add_done_callback(lambda _future: self._awake.set())

    def _settle(self, *, block: bool) -> None:
        """When there was nothing to start, wait for something to happen; forget finished steps."""
        if block:
            soon = self._passed_over or self._resting
            self._awake.wait(max(self._rest(), 0) if soon else self._poll)
        self._awake.clear()
        self._reap()  # after the wait: the step whose end ended it makes room for the next one

    def _reap(self) -> None:
        for future in [future for future in self._running if future.done()]:
            del self._running[future], self._organizations[future]
            self._bulkheads.leave(future)
            self._ended += 1

    def _work(self, handler: Handler, leases: tuple[Lease, ...]) -> None:
        ended: Sequence[work.StepOutcome] = ()
        left: Sequence[Lease] = ()
        outcome = "ok"
        try:
            if leases[0].is_half_over():
                outcome = "given_back"
                self._return(handler, leases)
            else:
                ended, left = self._step(handler, leases)
        except work.Superseded:
            outcome = "lease_lost"
            log.info("lease_lost", extra={"kind": handler.kind.__name__})
        except Exception as error:  # noqa: BLE001 - one row's surprise must not stop the others
            outcome = error.code if isinstance(error, NameplateError) else "internal_error"
            self._postpone(handler, leases, error)
        self._count_ended(handler, [one for one in leases if one not in left], ended, outcome)
        for lease in left:
            self._work(handler, (lease,))

    def _count_ended(
        self,
        handler: Handler,
        leases: Sequence[Lease],
        ended: Sequence[work.StepOutcome],
        outcome: str = "ok",
    ) -> None:
        """Count steps by how they ended, and log what did not go as usual."""
        kind = handler.kind.__name__.lower()
        for one in ended:
            self._counts.count(kind, one.code)
            if not one.routine:
                self._tell(handler, one.row_id or leases[0].id, one.code)
        self._counts.count(kind, outcome, len(leases) - len(ended))

    def _step(
        self, handler: Handler, leases: tuple[Lease, ...]
    ) -> tuple[Sequence[work.StepOutcome], Sequence[Lease]]:
        """Take a step; return what there is to count, and which rows need a step of their own."""
        if isinstance(handler, Sweep):
            return handler.sweep(self._sessions, self._tools, leases) or (), ()
        if handler.together is None or len(leases) == 1:
            code = handler.reconcile(self._sessions, self._tools, leases[0])
            ended = work.StepOutcome(code) if isinstance(code, str) else code
            return ([ended] if ended else []), ()
        try:
            return handler.together(self._sessions, self._tools, leases)
        except (work.Superseded, Unavailable, SQLAlchemyError, OSError):
            raise
        except NameplateError:  # each for itself, it fails for one only
            return (), leases
        except Exception:
            log.exception("step_failed_together", extra={"kind": handler.kind.__name__})
            return (), leases

    def _failed(self, handler: Handler, leases: tuple[Lease, ...], error: Exception) -> None:
        """Count and postpone looks that ended with a surprise; nothing of those that others have."""
        code = error.code if isinstance(error, NameplateError) else "internal_error"
        if isinstance(error, work.Superseded):
            code = "lease_lost"
        else:
            self._postpone(handler, leases, error)
        self._count_ended(handler, leases, (), code)

    def _tell(
        self, handler: Handler, row_id: int, code: str, error: Exception | None = None
    ) -> None:
        """Log how a step ended that did not go as usual."""
        found: dict[str, object] = {"kind": handler.kind.__name__.lower(), "code": code}
        with suppress(NameplateError, SQLAlchemyError), self._sessions.look() as session:
            found = outcomes.described(session, handler.kind, row_id, code)
        if error is not None:
            found["cause"] = (
                str(error) if isinstance(error, NameplateError) else type(error).__name__
            )
        recovered = code in RECOVERIES
        expected = error is None or isinstance(error, NameplateError)
        log.log(
            logging.INFO if recovered else logging.WARNING if expected else logging.ERROR,
            "step_failed" if not recovered else "recovered",
            extra=found,
            exc_info=None if expected else error,
        )

    def _postpone(self, handler: Handler, leases: tuple[Lease, ...], error: Exception) -> None:
        code = error.code if isinstance(error, NameplateError) else "internal_error"

        def peer(session: Session, row: Work) -> str | None:
            return handler.peer(row, partial(ca_accounts.authority_id, session))

        for one in leases:
            with suppress(work.Superseded, Unavailable, OSError):
                work.postpone(self._sessions, self._tools, handler.kind, one, error, peer)
        self._tell(handler, leases[0].id, code, error)
