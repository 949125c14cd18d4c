"""What new names hide: a wildcard does not answer for a name that exists (RFC 4592 section 2.2).

A name exists as soon as it, or any name below it, has a record. In a zone with `*.apps A` the record
`_acme-challenge.blue.apps TXT` makes `blue.apps` exist, with no address.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nameplate.core.names import is_below, is_wildcard, parent, self_and_ancestors
from nameplate.core.records import RRset, merge

_LEADING = frozenset({"A", "AAAA", "ALIAS", "CNAME"})
"""Types that lead somebody to a host."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """A host for which a wildcard answers until a new name makes it exist."""

    name: str
    wildcard: str
    records: tuple[RRset, ...]
    """What the wildcard has, under its own name."""
    by: str
    """The new name: the host itself, or one below it."""
    places: tuple[str, ...]
    """Where copies of the records are due: the host and the wildcard below it, less what gets records
    of its own that lead to it."""

    @property
    def has_own(self) -> bool:
        """The host gets records of its own that lead to it, as whoever wants them means it to."""
        return self.name not in self.places

    def copies(self) -> Iterator[RRset]:
        """Yield the records that keep the host and the names below it as they are."""
        if self.has_own:
            return
        for rrset in self.records:
            yield from (rrset._replace(name=place) for place in self.places)

    @property
    def warning(self) -> str:
        """Say what becomes of the host, for a person."""
        types = ", ".join(sorted({rrset.type for rrset in self.records}))
        return (
            f"{self.name} is answered from {self.wildcard} ({types}) only until {self.by} has a "
            "record (RFC 4592)."
        )


def hidden(current: Sequence[RRset], coming: Sequence[RRset], apex: str) -> list[Hidden]:
    """Return the hosts that would lose a wildcard's answers if `coming` were in the zone, top down.

    `current` is the zone without what is ours. Names below an underscore are nobody's hosts.
    """
    wild: dict[str, list[RRset]] = {}
    for rrset in merge(one for one in (*current, *coming) if is_wildcard(one.name)):
        wild.setdefault(rrset.name, []).append(rrset)
    if not wild:
        return []
    there = existing(current, apex)
    above = existing((*current, *(one for one in coming if is_wildcard(one.name))), apex)
    own = {rrset.name for rrset in coming if rrset.type in _LEADING}
    found: dict[str, Hidden] = {}
    for by in sorted({rrset.name for rrset in coming if is_below(rrset.name, apex)}):
        for name in self_and_ancestors(by):
            if name in there:
                break
            if name in found or is_wildcard(name) or "._" in f".{name}":
                continue
            wildcard = f"*.{_encloser(name, above)}"
            if wildcard in wild:
                places = tuple(place for place in (name, f"*.{name}") if place not in own)
                found[name] = Hidden(name, wildcard, tuple(wild[wildcard]), by, places)
    return sorted(found.values(), key=lambda one: (one.name.count("."), one.name))


def existing(rrsets: Iterable[RRset], apex: str) -> set[str]:
    """Return the names that exist: those with records, and those above them up to the apex."""
    there = {apex}
    for rrset in rrsets:
        name = rrset.name
        while name not in there and is_below(name, apex):
            there.add(name)
            name = parent(name)
    return there


def copies(found: Iterable[Hidden], coming: Mapping[tuple[str, str], RRset]) -> list[RRset]:
    """Return the records that keep every host as it is that gets none of its own.

    What is wanted at these names anyway stays as it is wanted.
    """
    return [rrset for one in found for rrset in one.copies() if rrset.key not in coming]


def _encloser(name: str, there: set[str]) -> str:
    """Return the closest encloser: the nearest name above that exists."""
    above = parent(name)
    while above and above not in there:
        above = parent(above)
    return above
