"""DNS record sets as values, and the changes between two states of a zone.

Named tuples: a zone has tens of thousands, and they are made, compared and hashed in C.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class RRset(NamedTuple):
    """All records of one name and type (RFC 9499).

    `name` is an absolute name in canonical form (lower-case A-labels, no trailing dot); `values` are
    rdata in canonical presentation form (RFC 1035 section 5.1: names in them absolute with trailing
    dot, TXT quoted), sorted and without duplicates; `ttl` is in seconds.
    """

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]
    proxied: bool = False
    """Answered by the provider's own edge instead (Cloudflare's orange cloud)."""

    @property
    def key(self) -> tuple[str, str]:
        """The name and type, which identify a record set within a zone."""
        return (self.name, self.type)


class Action(StrEnum):
    """What a change does to a record set."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Change(NamedTuple):
    """One record set before and after. `before` is what was seen: the world must still be so."""

    before: RRset | None
    after: RRset | None

    @property
    def action(self) -> Action:
        """Create, update or delete."""
        if self.before is None:
            return Action.CREATE
        return Action.DELETE if self.after is None else Action.UPDATE

    @property
    def key(self) -> tuple[str, str]:
        """The name and type that this change is about."""
        rrset = self.after or self.before
        if rrset is None:
            raise ValueError("a change without a record set")
        return rrset[:2]


def merge(rrsets: Iterable[RRset]) -> list[RRset]:
    """Return one record set for each name and type, sorted; the first one's TTL stands."""
    merged = by_key(rrsets)
    return [merged[key] for key in sorted(merged)]


def by_key(
    rrsets: Iterable[RRset], known: Mapping[tuple[str, str], RRset] = MappingProxyType({})
) -> dict[tuple[str, str], RRset]:
    """Return the same by name and type, in the order of first mention.

    What equals a set in `known` is that very object: most of a zone is as it is wanted, and need
    not be kept twice.
    """
    merged: dict[tuple[str, str], RRset] = {}
    for rrset in rrsets:
        key = (rrset.name, rrset.type)
        first = merged.get(key)
        if first is None and len(rrset.values) < 2:  # noqa: PLR2004  # nothing to sort: most sets
            merged[key] = there if (there := known.get(key)) == rrset else rrset
            continue
        first = first or rrset
        values = tuple(sorted({*first.values, *rrset.values}))
        merged[key] = first if values == first.values else first._replace(values=values)
    return merged


def units(changes: Sequence[Change]) -> list[list[Change]]:
    """Group `changes` into what must happen together or not at all, in the order of first mention.

    A change to or from a CNAME goes with every other change of its name: half of such a switch
    leaves the name with nothing, or is refused (RFC 1034 section 3.6.2). All others stand alone.
    """
    switching = {change.key[0] for change in changes if change.key[1] == "CNAME"}
    grouped: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        name, rdtype = change.key
        grouped.setdefault((name, "" if name in switching else rdtype), []).append(change)
    return list(grouped.values())
