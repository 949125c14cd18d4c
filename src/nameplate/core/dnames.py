"""DNAME: it leads all names below it elsewhere, so that there can be none (RFC 6672 section 2.4)."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from nameplate.core.errors import Problem
from nameplate.core.names import self_and_ancestors
from nameplate.core.records import RRset

Key = tuple[str, str]
"""Name and type of a record set."""

_OF_SIGNERS = frozenset({"NSEC", "NSEC3", "RRSIG"})


def problems(zone: str, rrsets: Sequence[RRset]) -> list[Problem]:
    """Return what is wrong beside and below DNAME, with pointers `/<index>` into `rrsets`."""
    owners = {rrset.name for rrset in rrsets if rrset.type == "DNAME"}
    if not owners:
        return []
    found = []
    delegated = {rrset.name for rrset in rrsets if rrset.type == "NS"} - {zone}
    for index, rrset in enumerate(rrsets):
        above = _above(rrset.name, owners)
        if above:
            detail = below(f"{rrset.name} {rrset.type}", above)
            found.append(Problem(f"/{index}", "below_dname", detail))
        elif rrset.type == "DNAME" and rrset.name in delegated:
            detail = (
                f"`{rrset.name}` has NS records, which lead the names below elsewhere, too. Keep "
                "either DNAME or NS (RFC 6672 section 2.3)."
            )
            found.append(Problem(f"/{index}", "dname_beside_ns", detail))
    return found


def obstacles(
    names: Iterable[str],
    live: Mapping[Key, RRset],
    wanted: Mapping[Key, RRset],
    targets: Mapping[Key, RRset | None],
) -> dict[Key, tuple[str, str]]:
    """Return which of `targets` cannot be had for the sake of DNAME, with code and reason.

    `names` have a DNAME, live or wanted. One that is there keeps new names from arising below it;
    one that is not there yet cannot come while names stay below it.
    """
    staying = {name for name in names if targets.get((name, "DNAME"), live.get((name, "DNAME")))}
    coming = {name for name in staying if (name, "DNAME") not in live}
    found: dict[Key, tuple[str, str]] = {}
    for key, target in targets.items():
        above = _above(key[0], staying - coming) if target and key not in live else None
        if above and key in wanted:
            found[key] = ("below_dname", below(f"{key[0]} {key[1]}", above))
    for key in {**live, **wanted} if coming else ():
        above = _above(key[0], coming)
        if above and key[1] not in _OF_SIGNERS and targets.get(key, live.get(key)):
            found[above, "DNAME"] = (
                "dname_hides",
                f"{above} DNAME: the zone has {key[0]} below it, which a DNAME would hide.",
            )
    return found


def below(what: str, above: str) -> str:
    """Return the sentence about a record that is below a DNAME."""
    return (
        f"{what} is below `{above}`, whose DNAME leads all names below it elsewhere (RFC 6672 "
        "section 2.4)."
    )


def _above(name: str, owners: Collection[str]) -> str | None:
    """Return the owner that is truly above a name."""
    if not owners:
        return None
    return next((one for one in self_and_ancestors(name) if one in owners and one != name), None)
