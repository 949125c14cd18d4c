"""The looks at what stops certificates: a few threads, however many certificates wait.

Names whose look takes long have threads of their own, so that dead servers keep no other name waiting.
"""

import logging
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions
from nameplate.usecases.certificates import watches
from nameplate.usecases.certificates.watches import Watched
from nameplate.usecases.tools import Tools
from nameplate.worker.fair_queue import FairQueue
from nameplate.worker.threads import worker_pool

POLL = 2.0
"""Seconds between two questions for names that are due."""
QUICK, SLOW = 6, 6
"""Threads for either kind."""
AT_ONCE = 120
"""Names that are taken at a time: so many looks every two seconds are a small share of a processor."""
CROWDED = 30
"""Names of one organization under way from which on no more of it are taken."""
MOST = 4 * AT_ONCE
"""Names under way of all organizations."""
LONG = 1.0
"""Seconds from which on a look counts as slow."""

log = logging.getLogger(__name__)


class CauseWatches:
    """The looks of one worker; other workers take other names."""

    def __init__(self, sessions: Sessions, tools: Tools, stopping: threading.Event) -> None:
        """Look until `stopping` is set."""
        self._sessions, self._tools, self._stopping = sessions, tools, stopping
        self._lock = threading.Lock()
        self._under_way: dict[str, int] = {}
        """Keys of names, and the organization in whose turn each is looked at."""
        self._slow: set[str] = set()
        """Keys of names whose last look took long."""
        self._queues: tuple[FairQueue[Watched], ...] = (
            FairQueue(QUICK // 2),
            FairQueue(SLOW // 2),
        )
        self._pools: tuple[ThreadPoolExecutor, ThreadPoolExecutor] | None = None

    def run(self) -> None:
        """Look at what is due until the worker stops; while nothing waits there is one statement."""
        poll = self._tools.poll.total_seconds() if self._tools.poll else POLL
        while not self._stopping.wait(min(POLL, max(poll, 0.05))):
            try:
                self._begin()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next time may go well
                log.warning("causes_not_read", extra={"error": type(error).__name__})
        for pool in self._pools or ():
            pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> None:
        with self._lock:
            crowds = Counter(self._under_way.values())
        if crowds.total() >= MOST:
            return
        busy = [owner for owner, count in crowds.items() if count >= CROWDED]
        found = self._sessions.run(
            PLATFORM, lambda session: watches.due(session, self._tools, AT_ONCE, but=busy)
        )
        if not found:
            return
        if self._pools is None:
            self._pools = (
                worker_pool(QUICK, "causes"),
                worker_pool(SLOW, "slow-causes"),
            )
        for one in found:
            with self._lock:
                if one.key in self._under_way:
                    continue
                is_slow = one.key in self._slow
                self._under_way[one.key] = one.organization_id
            self._queues[is_slow].put(one.organization_id, one)
            self._pools[is_slow].submit(self._take, is_slow)

    def _take(self, is_slow: bool) -> None:  # noqa: FBT001 - passed by the pool
        """Look at what is next; where something was kept back by its owner's others, go on with it."""
        queue = self._queues[is_slow]
        while not self._stopping.is_set() and (taken := queue.take()) is not None:
            owner, watched = taken
            try:
                self._look(watched)
            finally:
                goes_on = queue.done(owner)
            if not goes_on:
                return

    def _look(self, watched: Watched) -> None:
        began = time.monotonic()
        try:
            seen = watches.look(self._tools, watched)
            woken = watches.note(self._sessions, watched, seen)
            if woken:
                log.info("cause_changed", extra={"domain": watched.name, "certificates": woken})
        except Exception as error:  # noqa: BLE001 - one name's surprise must not stop the others
            log.warning("cause_not_seen", extra={"error": type(error).__name__})
        finally:
            with self._lock:
                self._under_way.pop(watched.key, None)
                took = time.monotonic() - began
                (self._slow.add if took > LONG else self._slow.discard)(watched.key)
