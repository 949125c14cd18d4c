"""A queue from which owners are served in turn, each by a part of the threads only."""

import threading
from collections import Counter, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """What waits for a thread, by its owner; what takes long keeps no other owner waiting."""

    def __init__(self, most_each: int) -> None:
        """Work on at most so many of one owner at a time."""
        self._most = most_each
        self._lock = threading.Lock()
        self._waiting: dict[int, deque[T]] = {}
        """By owner, whose turn is next first."""
        self._active: Counter[int] = Counter()

    def put(self, owner: int, item: T) -> None:
        """Have something wait for its turn."""
        with self._lock:
            self._waiting.setdefault(owner, deque()).append(item)

    def take(self) -> tuple[int, T] | None:
        """Return what is next, and whose it is; None when nothing may begin now."""
        with self._lock:
            owner = self._next()
            if owner is None:
                return None
            queue = self._waiting.pop(owner)
            item = queue.popleft()
            if queue:
                self._waiting[owner] = queue  # behind all others
            self._active[owner] += 1
            return owner, item

    def done(self, owner: int) -> bool:
        """Note that one of an owner's is done; tell whether something may begin now."""
        with self._lock:
            self._active[owner] -= 1
            if not self._active[owner]:
                del self._active[owner]
            return self._next() is not None

    def _next(self) -> int | None:
        return next((one for one in self._waiting if self._active[one] < self._most), None)
