"""Bulkheads: one peer that does not answer holds some of the threads, never all of them."""

import time
from collections import Counter
from collections.abc import Collection, Hashable
from concurrent.futures import Future

SLOW = 1.0
"""Seconds after which a step is taken for one that waits on a dead peer."""
REMEMBERED = 60.0
"""Seconds for which a peer counts as slow after its last slow step."""


class Bulkheads:
    """Which peers the steps under way speak with, and which of those are slow.

    A peer is an account, a server, or the name servers that an organization chose. Three quarters
    of the threads at most speak with one peer, and half at most wait for all slow ones together.
    """

    def __init__(self, threads: int) -> None:
        """Take the number of threads that there are."""
        self._most = max(1, threads - max(1, threads // 4))
        self._most_slow = max(1, threads // 2)
        self._under_way: dict[Future[None], tuple[frozenset[Hashable], float]] = {}
        self._running: Counter[Hashable] = Counter()
        self._slow: dict[Hashable, float] = {}

    def enter(self, step: Future[None], peers: Collection[Hashable]) -> None:
        """Note that a step has begun."""
        named = frozenset(peers)
        self._under_way[step] = named, time.monotonic()
        self._running.update(named)

    def leave(self, step: Future[None]) -> None:
        """Note that a step is over; one that was quick shows that its peers answer."""
        peers, began = self._under_way.pop(step)
        self._running.subtract(peers)
        now = time.monotonic()
        for peer in peers:
            if now - began > SLOW:
                self._slow[peer] = now
            else:
                self._slow.pop(peer, None)

    def look(self) -> None:
        """Find the peers that are slow now."""
        now = time.monotonic()
        for peers, began in self._under_way.values():
            if now - began > SLOW:
                self._slow.update(dict.fromkeys(peers, now))
        self._slow = {peer: at for peer, at in self._slow.items() if now - at < REMEMBERED}
        self._running = +self._running

    def is_slow(self, peer: Hashable) -> bool:
        """Tell whether the last step with a peer took long."""
        return peer in self._slow

    def room(self, peer: Hashable | None) -> int:
        """Return how many more steps may speak with a peer now."""
        if peer is None:
            return self._most * 4
        own = self._most - self._running[peer]
        return min(own, self.slow_room()) if peer in self._slow else own

    def slow_room(self) -> int:
        """Return how many more steps may speak with slow peers now."""
        waiting = sum(not peers.isdisjoint(self._slow) for peers, _ in self._under_way.values())
        return self._most_slow - waiting
