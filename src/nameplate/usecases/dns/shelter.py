"""Hosts that a wildcard answers for keep their answers when we make their names exist.

What we write at or below such a host comes with copies of the wildcard's records, which are ours and
leave with it. Where copies are impossible, nothing is written that would hide the wildcard.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from nameplate.core import wildcards
from nameplate.core.names import is_within
from nameplate.core.plan import Owned, Plan
from nameplate.core.records import Action, RRset, by_key
from nameplate.core.wildcards import Hidden
from nameplate.models import LedgerPurpose
from nameplate.usecases.dns.desired import DesiredZone
from nameplate.usecases.dns.wanted import Want, known_type


def sheltered(desired: DesiredZone, live: Sequence[RRset], apex: str) -> DesiredZone:
    """Return the same, wanting besides what keeps the hosts as they are."""
    if not desired.is_proved:
        return desired
    names = {value[0] for value in desired.wants}
    if not _has_wildcards(live, names):
        return desired
    coming = [*desired.rrsets(live)]
    found = hosts(desired, live, coming, desired.entries.keys(), apex)
    wants = {
        (rrset.name, rrset.type, value): Want(
            (rrset.name, rrset.type, value),
            rrset.ttl,
            LedgerPurpose.RECORD,
            proxied=rrset.proxied,
        )
        for rrset in copies(desired, found, coming)
        for value in rrset.values
    }
    return replace(desired, hidden=tuple(found), wants={**desired.wants, **wants})


def hosts(
    desired: DesiredZone, live: Sequence[RRset], coming: Sequence[RRset], owned: Owned, apex: str
) -> list[Hidden]:
    """Return the hosts that a wildcard answers for and would not once `coming` is in the zone.

    Those that exist already have lost its answers by others' doing, unless we have copied them.
    """
    if not _has_wildcards(live, {rrset.name for rrset in coming}):
        return []
    base = [*_others(live, owned)]
    there = wildcards.existing(live, apex)
    recorded = {line.value for line in desired.lines}
    ours = {
        value[0]
        for value, entry in desired.entries.items()
        if entry.purpose is LedgerPurpose.RECORD
        and entry.record_id is None
        and value not in recorded  # else it was adopted
    }
    found = wildcards.hidden(base, coming, apex)
    return [one for one in found if one.name not in there or one.name in ours]


def copies(desired: DesiredZone, found: Iterable[Hidden], coming: Sequence[RRset]) -> list[RRset]:
    """Return the copies of the wildcards' records, less what other domains have there."""
    return [
        rrset._replace(values=(value,))
        for rrset in wildcards.copies(found, by_key(coming))
        if known_type(rrset.type)
        for value in rrset.values
        if (rrset.name, rrset.type, value) not in desired.others
    ]


def unhidden(whole: Plan, found: Sequence[Hidden]) -> Plan:
    """Return the plan less what would hide a wildcard whose records cannot be copied."""
    for host in found:
        impossible = {(one.name, one.type) for one in whole.blocked}
        lacking = [
            one for one in host.copies() if not known_type(one.type) or one.key in impossible
        ]
        if lacking:
            whole = _without(whole, host, lacking[0])
    return whole


def _without(whole: Plan, host: Hidden, lacking: RRset) -> Plan:
    code, why = reason = (
        "hides_wildcard",
        f"{host.warning} Its {lacking.type} records cannot be copied: publish some of its own first.",
    )
    created = [change.key for change in whole.changes if change.action is Action.CREATE]
    keys = [key for key in created if is_within(key[0], host.name)]
    left = whole.without(dict.fromkeys(keys, reason))
    return replace(
        left,
        blocked=tuple(
            replace(one, code=code, detail=why) if is_within(one.name, host.name) else one
            for one in left.blocked
        ),
    )


def told(found: Iterable[Hidden]) -> Iterator[str]:
    """Yield a warning for each host, before anything is written."""
    for host in found:
        does = (
            f"It has records of its own then; names below it are no longer answered from {host.wildcard}."
            if host.has_own
            else f"The plan copies these records to {host.name}."
        )
        yield f"{host.warning} {does}"


def _has_wildcards(live: Iterable[RRset], names: Iterable[str]) -> bool:
    """Tell whether there is a wildcard; no function is called for each of ten thousand names."""
    return "*." in {rrset.name[:2] for rrset in live} | {name[:2] for name in names}


def _others(live: Iterable[RRset], owned: Owned) -> Iterator[RRset]:
    """Yield what is in the zone without our doing."""
    for rrset in live:
        values = tuple(v for v in rrset.values if (rrset.name, rrset.type, v) not in owned)
        if values:
            yield rrset if values == rrset.values else rrset._replace(values=values)
