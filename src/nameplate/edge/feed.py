"""What keeps the snapshot fresh.

    never loaded ─(full load)─▶ fresh ─(the database is away)─▶ stale ─(it is back)─▶ fresh

Once a second the feed asks what changed, on every database. On PostgreSQL a notification makes it
ask at once; a lost one costs a second. Every five minutes everything is loaded beside that, for
what nobody told: rows removed for good, transactions that took longer than the overlap.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions, listen
from nameplate.edge.snapshot import Snapshot
from nameplate.models.channels import HOSTS
from nameplate.usecases.serving import hosts

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds between two looks when nobody wakes the feed."""
RELOAD = 300.0
"""Seconds between two full loads."""
_BREATH, _MAX_BREATH = 0.02, 1.0
"""Seconds between two looks however often it is woken."""
_SHARE = 4
"""A look is not repeated before so many times as long has passed: in a busy time one tells more."""
_PRECISION = timedelta(seconds=1)
"""A row may be written twice within one tick of the database's clock; later it is known."""


@dataclass(frozen=True, slots=True)
class _State:
    """A snapshot, and what of the database is in it."""

    snapshot: Snapshot
    since: datetime
    told: frozenset[hosts.HostChange]
    asked_at: float
    """By the monotonic clock; what was committed before is in the snapshot."""


class Feed:
    """Holds the current snapshot, and threads that renew it between `start` and `stop`."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        poll: float = POLL,
        reload: float = RELOAD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:

        self._sessions = sessions
        self._poll = poll
        self._reload_after = reload
        self._clock = clock
        self._state: _State | None = None
        self._loaded: _State | None = None
        self._reloaded_at = 0.0
        self._failing = False
        self._stopping = threading.Event()
        self._awake = threading.Event()
        self._threads: list[threading.Thread] = []
        self._reloading: threading.Thread | None = None

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest snapshot; None until the first load."""
        state = self._state
        return None if state is None else state.snapshot

    def within(self, seconds: float) -> Snapshot | None:
        """Return the snapshot unless it may be out of date for longer than that."""
        state = self._state
        if state is None or self._clock() - state.asked_at > seconds:
            return None
        return state.snapshot

    def start(self) -> None:
        """Begin to load and to follow; returns at once."""
        self._begin(self._follow)
        if self._sessions.dialect == "postgresql":
            self._begin(self._listen)

    def stop(self, seconds: float = 5.0) -> None:
        """End the threads; waits for them for at most `seconds` each."""
        self._stopping.set()
        self._awake.set()
        for thread in self._threads:
            thread.join(seconds)
        if self._reloading is not None:
            self._reloading.join(seconds)

    def wake(self) -> None:
        """Look at once; any thread may call this."""
        self._awake.set()

    def refresh(self) -> None:
        """Look once for what changed, after a full load when there was none. Raises what is wrong."""
        asked_at = self._clock()
        base = self._loaded or self._state
        if base is None:
            base = self._loaded = self._load()
        with self._sessions.begin(PLATFORM, read_only=True) as session:
            now, wrote = hosts.changes(session, base.since)
            news = wrote - base.told
            snapshot = base.snapshot
            if news:
                snapshot = snapshot.replaced(hosts.changed(session, news))
        self._state = _State(snapshot, now, _told(wrote, now), asked_at)
        if base is self._loaded:
            self._loaded = None

    def _load(self) -> _State:
        asked_at = self._reloaded_at = self._clock()
        with self._sessions.begin(PLATFORM, read_only=True) as session:
            now, wrote, found = hosts.everything(session)
            return _State(Snapshot.of(found), now, _told(wrote, now), asked_at)

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="nameplate-edge", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _follow(self) -> None:
        while not self._stopping.is_set():
            self._awake.clear()
            began = time.monotonic()
            try:
                self.refresh()
                self._reload_when_due()
            except Exception as error:  # noqa: BLE001 - whatever it is, the edge must recover from it
                self._tell(error)
            else:
                self._tell(None)
            rest = _SHARE * (time.monotonic() - began)
            self._awake.wait(self._poll)
            self._stopping.wait(min(max(rest, _BREATH), _MAX_BREATH))

    def _tell(self, error: Exception | None) -> None:
        """Log when the database goes and when it is back, not once a second."""
        if error is not None and not self._failing:
            log.warning("edge_stale", extra={"error": type(error).__name__})
        elif error is None and self._failing:
            log.info("edge_fresh")
        self._failing = error is not None

    def _reload_when_due(self) -> None:
        """Load everything beside the looks, so that a long load delays no revocation."""
        busy = self._reloading is not None and self._reloading.is_alive()
        if busy or self._clock() - self._reloaded_at < self._reload_after:
            return
        self._reloading = threading.Thread(
            target=self._reload, name="nameplate-edge-load", daemon=True
        )
        self._reloading.start()

    def _reload(self) -> None:
        try:
            self._loaded = self._load()
        except Exception as error:  # noqa: BLE001 - the next load makes up for it
            log.warning("edge_load_failed", extra={"error": type(error).__name__})

    def _listen(self) -> None:
        """Look at once at each notification, until stopped; a broken connection is made anew."""
        while not self._stopping.is_set():
            try:
                listen(self._sessions, HOSTS, self.wake, self._stopping)
            except Exception as error:  # noqa: BLE001 - without notifications the polling still works
                log.debug("edge_listen_failed", extra={"error": type(error).__name__})
                self._stopping.wait(self._poll)


def _told(wrote: frozenset[hosts.HostChange], now: datetime) -> frozenset[hosts.HostChange]:
    """Return the changes that need not be looked at again."""
    return frozenset(change for change in wrote if change.at < now - _PRECISION)
