"""Shares: of all that is due, each organization gets its turn, and no peer more than its room."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence

from sqlalchemy.orm import Session

from nameplate import leases
from nameplate.leases import DueRow, Window
from nameplate.models.orm import Work
from nameplate.worker.bulkheads import Bulkheads

LOOKED_AT_EVERY = 0.5
"""Seconds between two looks for organizations behind a crowd, at least."""
COST = 20
"""A look that took a while is not repeated before this many times as long has passed."""
CROWD = 16
"""Due rows of one kind from which on an organization is a crowd."""


class Crowd:
    """Due rows of the organizations that stand behind those with a long backlog, for each kind."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._found: dict[type[Work], Sequence[DueRow]] = {}
        self._again: dict[type[Work], float] = {}

    def due(
        self,
        session: Session,
        window: Window,
        rows: Sequence[DueRow],
    ) -> list[DueRow]:
        """Return due rows of a window: the oldest `rows`, and some of each organization behind these."""
        if len(rows) < window.most:
            self._found.pop(window.kind, None)
            return list(rows)
        began = time.monotonic()
        if began >= self._again.get(window.kind, 0.0):
            self._found[window.kind] = leases.some_of_each(session, window.kind, window.methods)
            took = time.monotonic() - began
            self._again[window.kind] = began + max(LOOKED_AT_EVERY, COST * took)
        known = {row.id for row in rows}
        return [*rows, *(row for row in self._found.get(window.kind, ()) if row.id not in known)]

    def forget(self, kind: type[Work], taken: set[int]) -> None:
        """Leave out what has been leased."""
        self._found[kind] = [row for row in self._found.get(kind, ()) if row.id not in taken]


def in_turn(rows: Sequence[DueRow], busy: Counter[int | None]) -> list[DueRow]:
    """Order due rows so that organizations alternate, those with the fewest steps under way first."""
    queues: defaultdict[int | None, list[DueRow]] = defaultdict(list)
    for row in rows:
        queues[row.organization_id].append(row)
    turns = [
        (place + busy[organization], row.due_at, row)
        for organization, queue in queues.items()
        for place, row in enumerate(sorted(queue, key=lambda one: one.due_at))
    ]
    return [row for _, _, row in sorted(turns, key=lambda turn: turn[:2])]


def crowds(rows: Sequence[DueRow]) -> set[int | None]:
    """Return the organizations that have many of these due rows: nobody else waits for their steps."""
    of_each = Counter(row.organization_id for row in rows)
    return {organization for organization, count in of_each.items() if count >= CROWD}


def grouped(
    rows: Sequence[DueRow], peer: Callable[[DueRow], Hashable | None], width: int
) -> list[list[DueRow]]:
    """Put up to `width` rows of one peer into a group, in the order of the first of each.

    Crowds are in groups of their own: a step with several rows takes as long as all of them.
    """
    groups: list[list[DueRow]] = []
    open_: dict[Hashable, list[DueRow]] = {}
    crowded = crowds(rows)
    for row in rows:
        whom = peer(row)
        name = None if whom is None else (whom, row.organization_id in crowded)
        group = open_.get(name) if name is not None and width > 1 else None
        if group is None or len(group) == width:
            group = []
            groups.append(group)
            if name is not None:
                open_[name] = group
        group.append(row)
    return groups


def admitted(
    rows: Sequence[DueRow],
    peer: Callable[[DueRow], Hashable | None],
    bulkheads: Bulkheads,
    most: int,
) -> list[DueRow]:
    """Return the first rows that may be worked on now; those of a full peer are passed over."""
    taken: list[DueRow] = []
    rooms: dict[Hashable | None, int] = {}
    slow = bulkheads.slow_room()
    for row in rows:
        if len(taken) == most:
            break
        name = peer(row)
        room = rooms.setdefault(name, bulkheads.room(name))
        waits = name is not None and bulkheads.is_slow(name)
        if (name is not None and room <= 0) or (waits and slow <= 0):
            continue
        rooms[name] = room - 1
        slow -= waits
        taken.append(row)
    return taken
