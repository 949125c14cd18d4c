"""Record sets at providers that keep every record apart, under an id of its own."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from nameplate.core.errors import Unavailable
from nameplate.core.records import Change, RRset

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the provider keeps it, in canonical form."""

    id: str
    name: str
    type: str
    ttl: int
    value: str
    proxied: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """The name and type of the record set that it belongs to."""
        return (self.name, self.type)


Rows = Mapping[tuple[str, str], Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do to the rows of one record set. A row's id stays with the record it becomes."""

    deletes: tuple[Row, ...]
    edits: tuple[Row, ...]
    """Rows as they shall be, with the ids that they have."""
    creates: tuple[Row, ...]
    """Rows as they shall be, without ids."""

    def __len__(self) -> int:
        """Return the number of operations."""
        return len(self.deletes) + len(self.edits) + len(self.creates)


def grouped(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """Return the rows by name and type, each id once: pages can overlap while records move."""
    groups: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        groups.setdefault(row.key, {})[row.id] = row
    return {key: list(group.values()) for key, group in groups.items()}


def complete(
    read_once: Callable[[], tuple[list[Entry], int]],
    identity: Callable[[Entry], Hashable],
    provider: str,
) -> list[Entry]:
    """Return a listing, read once more when it came out shorter than the provider counts.

    Records that move between the pages while they are read can be left out or come twice. Raises
    `Unavailable("listing_incomplete")`.
    """
    for _ in range(2):
        entries, total = read_once()
        if len({identity(entry) for entry in entries}) >= total:
            return entries
    raise Unavailable(
        "listing_incomplete", f"{provider} listed fewer entries than it counts. Try again."
    )


def rrsets(rows: Rows) -> dict[tuple[str, str], RRset]:
    """Return the record sets. Where the rows' TTLs differ, resolvers go by the lowest."""
    return {
        key: RRset(
            *key,
            min(row.ttl for row in group),
            tuple(sorted({row.value for row in group})),
            any(row.proxied for row in group),
        )
        for key, group in rows.items()
        if group
    }


def steps(change: Change, rows: Sequence[Row]) -> Steps:
    """Return how the rows of a record set become `change.after`. Values that stay keep their rows."""
    after = change.after
    if after is None:
        return Steps(tuple(rows), (), ())
    leaving = [row for row in rows if row.value not in after.values]
    there = {row.value for row in rows}
    coming = [
        Row("", after.name, after.type, after.ttl, value, after.proxied)
        for value in after.values
        if value not in there
    ]
    edits = [replace(new, id=old.id) for old, new in zip(leaving, coming, strict=False)]
    if change.before and (change.before.ttl, change.before.proxied) != (after.ttl, after.proxied):
        kept = [row for row in rows if row.value in after.values]
        wanted = [replace(row, ttl=after.ttl, proxied=after.proxied) for row in kept]
        edits += [new for old, new in zip(kept, wanted, strict=True) if old != new]
    pairs = min(len(leaving), len(coming))
    return Steps(tuple(leaving[pairs:]), tuple(edits), tuple(coming[pairs:]))


def ids(change: Change, rows: Iterable[Row]) -> dict[str, str]:
    """Return the record id of each value that the change leaves in place."""
    values = change.after.values if change.after else ()
    return {row.value: row.id for row in rows if row.value in values}
