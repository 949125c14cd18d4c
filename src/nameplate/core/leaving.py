"""What stops answering when a name goes to other name servers."""

from collections.abc import Sequence

from nameplate.core import names
from nameplate.core.records import RRset

_OF_SERVERS = frozenset({"NS", "SOA"})
_ALIASES = dict.fromkeys(("A", "AAAA"), ("ALIAS", "ANAME"))


def lost(present: Sequence[RRset], new: Sequence[RRset], zone: str) -> list[RRset]:
    """Return what the present zone answers with and the new one has nothing for, in order.

    A wildcard of the new zone counts, and so does an alias: something answers there.
    """
    there: dict[str, set[str]] = {zone: set()}
    for one in new:
        there.setdefault(one.name, set()).add(one.type)
        for above in names.self_and_ancestors(one.name)[1:]:
            if names.is_within(above, zone):
                there.setdefault(above, set())
    return sorted(
        one
        for one in present
        if not (one.name == zone and one.type in _OF_SERVERS)
        and not _types(there, one.name) & {one.type, "CNAME", *_ALIASES.get(one.type, ())}
    )


def _types(there: dict[str, set[str]], name: str) -> set[str]:
    """Return the types at a name, or those of the wildcard that answers for it (RFC 4592)."""
    if name in there:
        return there[name]
    encloser = next((one for one in names.self_and_ancestors(name) if one in there), "")
    return there.get(f"*.{encloser}", set())
