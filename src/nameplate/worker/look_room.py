"""How much of the room for looks each organization has: dead name servers take part of it only."""

import time
from collections import Counter
from collections.abc import Sequence

from nameplate.leases import DueRow

REMEMBERED = 60.0
"""Seconds for which an organization's name servers count as dead after they did not answer."""


class LookRoom:
    """Which looks are under way, and whose name servers do not answer.

    Three quarters of the room at most are one organization's; with dead name servers, a twentieth,
    and all such organizations together have half of it.
    """

    def __init__(self, capacity: int) -> None:
        """Take the number of looks that there is room for."""
        self._capacity = capacity
        self._most = max(1, capacity - max(1, capacity // 4))
        self._most_dead = max(1, capacity // 20)
        self._most_of_all_dead = max(1, capacity // 2)
        self._under_way: Counter[int | None] = Counter()
        self._dead: dict[int | None, float] = {}

    @property
    def left(self) -> int:
        """How many more looks there is room for."""
        return self._capacity - self._under_way.total()

    @property
    def under_way(self) -> Counter[int | None]:
        """How many looks of each organization are under way."""
        return self._under_way

    def enter(self, organization_id: int | None) -> None:
        """Note that a look has begun."""
        self._under_way[organization_id] += 1

    def leave(self, organization_id: int | None) -> None:
        """Note that a look is over."""
        self._under_way[organization_id] -= 1
        if self._under_way[organization_id] <= 0:
            del self._under_way[organization_id]

    def note(self, organization_id: int | None, *, is_answered: bool) -> None:
        """Note whether name servers answered a look."""
        if is_answered:
            self._dead.pop(organization_id, None)
        else:
            self._dead[organization_id] = time.monotonic()

    def admitted(self, rows: Sequence[DueRow], most: int) -> list[DueRow]:
        """Return the first rows that may be looked at now; those of whom has enough are passed over."""
        since = time.monotonic() - REMEMBERED
        self._dead = {one: at for one, at in self._dead.items() if at > since}
        counts = self._under_way.copy()
        dead_left = self._most_of_all_dead - sum(counts[one] for one in self._dead)
        taken: list[DueRow] = []
        for row in rows:
            if len(taken) >= most:
                break
            owner = row.organization_id
            is_dead = owner in self._dead
            if counts[owner] >= (self._most_dead if is_dead else self._most):
                continue
            if is_dead:
                if dead_left <= 0:
                    continue
                dead_left -= 1
            counts[owner] += 1
            taken.append(row)
        return taken
