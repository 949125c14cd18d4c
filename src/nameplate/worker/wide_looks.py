"""Verifications that one event loop looks at: hundreds under way at once, none with a thread.

What is due is leased under the rules of every other row. One organization's dead name servers take
part of the room, as bulkheads have it for threads. What was seen is recorded as it comes in, all that
found nothing in one statement.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from nameplate import leases as rows
from nameplate.core.errors import Unavailable
from nameplate.db import Sessions
from nameplate.leases import DueRow, Lease, Window
from nameplate.models import Verification, VerificationMethodName
from nameplate.ports.verification import Proof, Verdict
from nameplate.usecases import work
from nameplate.usecases.claims import corroboration, proving
from nameplate.usecases.claims import verification_proofs as proofs
from nameplate.usecases.claims import verification_sweeps as sweeps
from nameplate.usecases.claims.verification_sweeps import Look
from nameplate.usecases.claims.whereabouts import Here
from nameplate.usecases.tools import Tools
from nameplate.worker.corroborations import Corroborations
from nameplate.worker.look_room import LookRoom
from nameplate.worker.shares import Crowd, in_turn
from nameplate.worker.threads import worker_pool

CAPACITY = 2000
"""Looks under way at once."""
LEASED_AT_ONCE = 1000
GATHERED, CROWD = (0.02, 0.1), 200
"""Seconds for which results are gathered before they are recorded, and with so many looks under way."""
RECORDED_SHARE, MAX_GATHERED = 4, 0.5
"""They are gathered for so many times as long as the last recording took, and no longer than so many
seconds: recording a few costs nearly as much as recording many."""
WRITTEN_AT_ONCE = 500
PROVED_AT_ONCE = 100
HERE_FOR = 60.0
"""Seconds for which the platform's own addresses are not read again."""

log = logging.getLogger(__name__)
T = TypeVar("T")
Told = Callable[[Sequence[Lease], Sequence[work.StepOutcome]], None]
Failed = Callable[[Lease, Exception], None]


class WideLooks:
    """The looks of one worker that are under way. Only the worker's own thread leases and stops."""

    def __init__(
        self,
        sessions: Sessions,
        tools: Tools,
        *,
        told: Told,
        failed: Failed,
        awake: threading.Event,
    ) -> None:
        """Report what ended to `told`, what could not be recorded to `failed`; set `awake` then."""
        self._sessions, self._tools = sessions, tools
        self._told, self._failed, self._awake = told, failed, awake
        self._lock = threading.Lock()
        self._under_way: dict[tuple[int, int], tuple[Lease, int | None]] = {}
        """By row and fence: a row whose lease ran out may be under way once more."""
        self._rooms = LookRoom(CAPACITY)
        self._crowd = Crowd()
        self._here, self._here_at, self._here_lock = Here(), -HERE_FOR, threading.Lock()
        self._results: deque[tuple[Look, Proof | Exception]] = deque()
        self._recording: Future[None] | None = None
        self._recording_took = 0.0
        self._corroborations = Corroborations(
            lambda look, proof: corroboration.corroborated(self._tools, look.question, proof),
            self._take,
        )
        self._threads = worker_pool(2, "looks")

    @cached_property
    def methods(self) -> frozenset[VerificationMethodName]:
        """By which methods verifications are looked at here."""
        return sweeps.methods(self._tools)

    @property
    def room(self) -> int:
        """How many more looks may be begun; none while there is room for a few only."""
        left = self._rooms.left
        return min(left, LEASED_AT_ONCE) if left >= CAPACITY // 4 else 0

    @property
    def is_busy(self) -> bool:
        """Whether any look is under way or not recorded yet."""
        return bool(self._under_way)

    def lease(
        self, session: Session, *, seconds: float, now: datetime, tick: float
    ) -> list[tuple[Lease, DueRow]]:
        """Lease what is due, in turn by organization, as far as there is room."""
        room = self.room
        if room <= 0 or not self.methods:
            return []
        window = Window(Verification, room, tuple(sorted(self.methods)))
        oldest = rows.oldest(session, Verification, room, window.methods)
        found = self._crowd.due(session, window, oldest)
        with self._lock:
            chosen = self._rooms.admitted(in_turn(found, self._rooms.under_way), room)
        by_id = {row.id: row for row in chosen}
        leased = rows.lease_rows(
            session, Verification, list(by_id), seconds=seconds, now=now, tick=tick
        )
        self._crowd.forget(Verification, set(by_id))
        return [(one, by_id[one.id]) for one in leased]

    def begin(self, leased: Sequence[tuple[Lease, DueRow]]) -> None:
        """Look at rows whose lease is committed."""
        if not leased:
            return
        with self._lock:
            for lease, row in leased:
                self._under_way[lease.id, lease.fence] = lease, row.organization_id
                self._rooms.enter(row.organization_id)
        self._threads.submit(self._safely, [one for one, _ in leased], self._begin, leased)

    def _safely(
        self, leases: Sequence[Lease], work_on: Callable[[Any], None], what: object
    ) -> None:
        """Do something with leased rows; when the database fails for it, their leases run out."""
        try:
            work_on(what)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            log.warning("looks_given_up", extra={"error": type(error).__name__})
            self._leave(leases)

    def _begin(self, leased: Sequence[tuple[Lease, DueRow]]) -> None:
        leases = [one for one, _ in leased]
        if leases[0].is_half_over():
            self._give_back(leases)
            return
        try:
            looks = sweeps.read(self._sessions, leases)
            parties = {one.id: row.organization_id for one, row in leased}
            there = {one.lease.id for one in looks}
            self._end([one for one in leases if one.id not in there], ())
            open_ = [one for one in looks if one.question.is_open]
            sweeps.begin(
                self._tools,
                [(one, parties[one.lease.id]) for one in open_],
                lambda place, result: self._ended(open_[place], result),
                self._here_for(open_),
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the rows are postponed
            for one in leases:
                self._fail(one, error)
            return
        for look in looks:
            if not look.question.is_open:
                self._conclude(look, proving.close, look.question)

    def _here_for(self, looks: Sequence[Look]) -> Here:
        """Return where the platform serves, read every minute while proved names are looked at."""
        if not any(one.question.proved for one in looks):
            return self._here
        with self._here_lock:
            if time.monotonic() - self._here_at >= HERE_FOR:
                self._here = sweeps.here(self._sessions, self._tools)
                self._here_at = time.monotonic()
            return self._here

    def _give_back(self, leases: Sequence[Lease]) -> None:
        for one in leases:
            with suppress(work.Superseded, Unavailable, OSError):
                work.give_back(self._sessions, Verification, one)
        self._leave(leases)

    def _ended(self, look: Look, result: Proof | Exception) -> None:
        """Take a result, in the event loop's thread: what counts must be corroborated before."""
        if isinstance(result, Proof):
            found = self._under_way.get(_key(look.lease))
            if found and corroboration.is_needed(self._tools, look.question, result):
                self._corroborations.add(found[1], look, result)
                return
        self._take(look, result)

    def _take(self, look: Look, result: Proof | Exception) -> None:
        """Take a result to be recorded."""
        self._results.append((look, result))
        with self._lock:
            if isinstance(result, Proof) and (found := self._under_way.get(_key(look.lease))):
                answered = result.verdict is not Verdict.INCONCLUSIVE
                self._rooms.note(found[1], is_answered=answered)
            if self._recording is None:
                with suppress(RuntimeError):  # the worker has stopped: the row was given back
                    self._recording = self._threads.submit(self._record)

    def _record(self) -> None:
        """Record results until there are none."""
        while True:
            if len(self._results) < WRITTEN_AT_ONCE // 4:
                time.sleep(self._gathering())
            taken = [
                self._results.popleft() for _ in range(min(len(self._results), WRITTEN_AT_ONCE))
            ]
            if not taken:
                with self._lock:
                    if not self._results:
                        self._recording = None
                        return
                continue
            began = time.monotonic()
            self._safely([look.lease for look, _ in taken], self._record_some, taken)
            self._recording_took = time.monotonic() - began

    def _gathering(self) -> float:
        """Return for how many seconds results are gathered now."""
        least = GATHERED[len(self._under_way) >= CROWD]
        return max(least, min(RECORDED_SHARE * self._recording_took, MAX_GATHERED))

    def _record_some(self, taken: Sequence[tuple[Look, Proof | Exception]]) -> None:
        seen: list[tuple[Look, Proof]] = []
        for look, result in taken:
            if isinstance(result, Exception):
                self._fail(look.lease, result)
            else:
                seen.append((look, result))
        self._tools.checkpoint("verification:checked")
        fruitless = [one for one in seen if sweeps.is_fruitless(*one)]
        proved = [one for one in seen if proofs.is_first(*one)]
        kept = [one for one in seen if sweeps.is_as_before(self._tools, *one)]
        done = {look.lease.id for look, _ in (*fruitless, *proved, *kept)}
        others = [one for one in seen if one[0].lease.id not in done]
        for record, some in ((sweeps.record_fruitless, fruitless), (sweeps.record_kept, kept)):
            if some:
                ended, left = self._tried(record, some)
                gone = {look.lease.id for look, _ in left}
                self._end([one.lease for one, _ in some if one.lease.id not in gone], ended)
                others += left
        for start in range(0, len(proved), PROVED_AT_ONCE):
            won, left = self._tried(proofs.record, proved[start : start + PROVED_AT_ONCE])
            self._end([look.lease for look in won], ())
            others += left
        for look, proof in others:
            self._conclude(look, proving.conclude, look.question, proof)

    def _tried(
        self,
        record: Callable[
            [Sessions, Tools, Sequence[tuple[Look, Proof]]],
            tuple[list[T], list[tuple[Look, Proof]]],
        ],
        found: list[tuple[Look, Proof]],
    ) -> tuple[list[T], list[tuple[Look, Proof]]]:
        """Record looks together; what cannot be is recorded one by one, where each fails by itself."""
        try:
            return record(self._sessions, self._tools, found)
        except Unavailable:
            raise  # the database is away for each of them, too
        except Exception as error:  # noqa: BLE001 - whatever it is, it may be of one of them only
            log.warning("looks_not_recorded_together", extra={"error": type(error).__name__})
            return [], found

    def _conclude(
        self, look: Look, record: Callable[..., work.StepOutcome | None], *what: object
    ) -> None:
        try:
            told = record(self._sessions, self._tools, look.lease, *what)
        except Exception as error:  # noqa: BLE001 - one row's surprise must not stop the others
            self._fail(look.lease, error)
        else:
            self._end([look.lease], [told] if told else [])

    def _fail(self, lease: Lease, error: Exception) -> None:
        self._failed(lease, error)
        self._leave([lease])

    def _end(self, leases: Sequence[Lease], outcomes: Sequence[work.StepOutcome]) -> None:
        if leases:
            self._told(leases, outcomes)
            self._leave(leases)

    def _leave(self, leases: Sequence[Lease]) -> None:
        with self._lock:
            was_full = self.room == 0
            for one in leases:
                if found := self._under_way.pop(_key(one), None):
                    self._rooms.leave(found[1])
            is_open = self.room > 0
        if (was_full and is_open) or not self._under_way:
            self._awake.set()

    def stop(self, seconds: float) -> list[Lease]:
        """Wait for what is under way; return the leases of looks that did not end."""
        until = time.monotonic() + seconds
        while self._under_way and time.monotonic() < until:
            time.sleep(GATHERED[0])
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._corroborations.stop()
        with self._lock:
            return [lease for lease, _ in self._under_way.values()]


def _key(lease: Lease) -> tuple[int, int]:
    return lease.id, lease.fence
