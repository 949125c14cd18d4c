"""Looks that must withstand DNSSEC and other vantages before they count, in threads of their own.

A look-up may take its ten seconds where name servers are slow, and whoever chose these servers may
take a part of the threads only.
"""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from contextlib import suppress

from nameplate.ports.verification import Proof
from nameplate.usecases.claims.verification_sweeps import Look
from nameplate.worker.threads import worker_pool

THREADS = 16
MAX_OF_PARTY = 4

Corroborate = Callable[[Look, Proof], Proof]
Ended = Callable[[Look, Proof | Exception], None]


class Corroborations:
    """What waits and what is under way, in turn by party. Any thread may add."""

    def __init__(self, corroborate: Corroborate, ended: Ended) -> None:
        """Tell `ended` once of each look what `corroborate` returned or raised."""
        self._corroborate = corroborate
        self._ended = ended
        self._lock = threading.Lock()
        self._waiting: OrderedDict[Hashable, deque[tuple[Look, Proof]]] = OrderedDict()
        self._under_way: Counter[Hashable] = Counter()
        self._threads = worker_pool(THREADS, "corroborate")

    def add(self, party: Hashable, look: Look, proof: Proof) -> None:
        """Have a look corroborated soon; `party` chose the servers that are asked."""
        with self._lock:
            self._waiting.setdefault(party, deque()).append((look, proof))
            is_needed = self._under_way.total() < THREADS
        if is_needed:
            with suppress(RuntimeError):  # the worker has stopped: the row was given back
                self._threads.submit(self._run)

    def stop(self) -> None:
        """Begin no more of them."""
        with self._lock:
            self._waiting.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while (taken := self._next()) is not None:
            party, look, proof = taken
            result: Proof | Exception
            try:
                result = self._corroborate(look, proof)
            except Exception as error:  # noqa: BLE001 - one look's surprise must not stop the others
                result = error
            with self._lock:
                self._under_way -= Counter([party])
            self._ended(look, result)

    def _next(self) -> tuple[Hashable, Look, Proof] | None:
        """Take one of the party whose turn it is, of those that have threads left."""
        with self._lock:
            for party, waiting in self._waiting.items():
                if self._under_way[party] >= MAX_OF_PARTY:
                    continue
                look, proof = waiting.popleft()
                del self._waiting[party]
                if waiting:
                    self._waiting[party] = waiting  # the others come first the next time
                self._under_way[party] += 1
                return party, look, proof
        return None
