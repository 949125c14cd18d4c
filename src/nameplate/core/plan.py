"""The difference between the zone as it is and as we want it: ours alone, in a safe order."""

import hashlib
import itertools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from nameplate.core.errors import Conflict
from nameplate.core.records import Action, Change, RRset, by_key, merge

Owned = AbstractSet[tuple[str, str, str]]
"""(name, type, canonical value) of every record that the ledger says we created."""

MAX_CHANGED_PERCENT = 30
MIN_EXISTING = 10
_BESIDE_CNAME = frozenset({"NSEC", "RRSIG"})  # RFC 4034 sections 3 and 4


@dataclass(frozen=True, slots=True)
class Blocked:
    """A wanted record set that cannot be had, and is left as it is."""

    name: str
    type: str
    code: str
    """Stable slug: `cname_foreign`, `cname_not_alone`, `soa_read_only` or `held`."""
    detail: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, what cannot be done, and what was found."""

    apex: str
    changes: tuple[Change, ...]
    blocked: tuple[Blocked, ...]
    foreign_match: tuple[tuple[str, str, str], ...]
    """Wanted values that exist but are not ours: satisfied, and ours only after adoption."""
    ttl_kept: tuple[tuple[str, str], ...]
    """Record sets shared with foreign values, whose TTL is therefore not ours to change."""
    untouched: int
    """How many live record sets stay exactly as they are."""

    @property
    def is_empty(self) -> bool:
        """Nothing is to be done."""
        return not self.changes

    def check_safety(self, existing_count: int, *, forced: bool = False) -> None:
        """Raise `Conflict` ("plan_unsafe") with the numbers when the plan changes too much.

        Too much is more than 30 % of at least 10 existing record sets updated or deleted, or any
        change to NS at the apex. `forced` lets everything through.
        """
        if forced:
            return
        if (self.apex, "NS") in {change.key for change in self.changes}:
            raise Conflict(
                "plan_unsafe",
                f"The plan changes the name servers of {self.apex} itself. Force it if you mean it.",
            )
        touched = sum(change.action is not Action.CREATE for change in self.changes)
        if existing_count >= MIN_EXISTING and touched * 100 > existing_count * MAX_CHANGED_PERCENT:
            raise Conflict(
                "plan_unsafe",
                f"The plan updates or deletes {touched} of {existing_count} record sets "
                f"({touched * 100 // existing_count} %, allowed without force are "
                f"{MAX_CHANGED_PERCENT} %).",
            )


def fingerprint(current: Iterable[RRset]) -> str:
    """Return the SHA-256 (hex) of a zone's content. SOA is left out: its serial moves by itself."""
    content = [
        [r.name, r.type, r.ttl, list(r.values), r.proxied]
        for r in merge(current)
        if r.type != "SOA"
    ]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def plan(
    current: Iterable[RRset], desired: Iterable[RRset], owned: Owned, *, apex: str = ""
) -> Plan:
    """Return how `current` (the whole live zone) becomes `desired` (ours alone). Pure.

    Values of others survive every change, record sets of others are never touched, and owned values
    that are no longer desired go away. `apex` is read off the SOA when not given.
    """
    live, wanted = by_key(current), by_key(desired)
    ours = {(name, rdtype) for name, rdtype, _ in owned}
    apex = apex or next((name for name, rdtype in live if rdtype == "SOA"), "")
    targets: dict[tuple[str, str], RRset | None] = {}
    """What becomes of the record sets that do not stay as they are."""
    matches: list[tuple[str, str, str]] = []
    ttl_kept: list[tuple[str, str]] = []
    for key in {*wanted, *(ours & live.keys())}:
        have, want = live.get(key), wanted.get(key)
        foreign = _foreign(have, owned)
        if have is not None and want is not None and foreign:
            matches += [(*key, value) for value in want.values if value in foreign]
            if have.ttl != want.ttl:
                ttl_kept.append(key)
        if foreign or have != want:
            target = _target(have, want, foreign)
            if target != have:
                targets[key] = target
    blocked = _blocked(live, wanted, targets, owned)
    held = {(b.name, b.type) for b in blocked}
    changes = [Change(live.get(key), after) for key, after in targets.items() if key not in held]
    return Plan(
        apex=apex,
        changes=tuple(_ordered(changes)),
        blocked=tuple(blocked),
        foreign_match=tuple(sorted(matches)),
        ttl_kept=tuple(sorted(ttl_kept)),
        untouched=len(live) - sum(change.before is not None for change in changes),
    )


def _foreign(rrset: RRset | None, owned: Owned) -> tuple[str, ...]:
    if rrset is None:
        return ()
    return tuple(v for v in rrset.values if (rrset.name, rrset.type, v) not in owned)


def _target(live: RRset | None, want: RRset | None, foreign: Collection[str]) -> RRset | None:
    """Return the record set to have in the end: the foreign values and ours, or None."""
    values = tuple(sorted({*foreign, *(want.values if want else ())}))
    if not values:
        return None
    model = live if live is not None and (foreign or want is None) else want
    if model is None:
        raise ValueError("values without a record set")
    return RRset(model.name, model.type, model.ttl, values, model.proxied)


def _blocked(
    live: Mapping[tuple[str, str], RRset],
    wanted: Mapping[tuple[str, str], RRset],
    targets: Mapping[tuple[str, str], RRset | None],
    owned: Owned,
) -> list[Blocked]:
    """Return the record sets whose change would break a rule, and the deletions held back for them."""
    types_at: dict[str, set[str]] = {name: set() for name, _ in targets}
    for name, rdtype in itertools.chain(live, wanted) if targets else ():
        if name in types_at:
            types_at[name].add(rdtype)
    blocked: dict[tuple[str, str], Blocked] = {}
    for key in targets:
        want = wanted.get(key)
        if want is None or (
            want.type not in {"CNAME", "SOA"} and "CNAME" not in types_at[want.name]
        ):
            continue  # whatever else is there, nothing is in the way
        others = types_at[want.name] - {want.type} - _BESIDE_CNAME
        staying = [
            other
            for other in others
            if targets.get((want.name, other), live.get((want.name, other)))
        ]
        found = _obstacle(want, _foreign(live.get(key), owned), sorted(staying))
        if found:
            blocked[key] = Blocked(*key, *found)
    stuck: dict[str, set[str]] = {}
    for name, rdtype in blocked:
        stuck.setdefault(name, set()).add(rdtype)
    for name, rdtype in targets:
        replaced = name in stuck and "CNAME" in {*stuck[name], rdtype}
        if replaced and targets[name, rdtype] is None and (name, rdtype) in live:
            blocked[name, rdtype] = Blocked(
                name, rdtype, "held", f"{name} {rdtype} stays until what replaces it can be had."
            )
    return [blocked[key] for key in sorted(blocked)]


def _obstacle(
    want: RRset, foreign: Collection[str], staying: Sequence[str]
) -> tuple[str, str] | None:
    """Return code and reason why `want` cannot be had beside what stays at its name."""
    what = f"{want.name} {want.type}"
    if want.type == "SOA":
        return "soa_read_only", "The SOA record belongs to the provider."
    if want.type == "CNAME":
        if len({*foreign, *want.values}) > 1:
            return "cname_foreign", f"{what}: there is another CNAME, which is not ours."
        if staying:
            return (
                "cname_not_alone",
                f"{what}: the name has {', '.join(staying)} and a CNAME must be alone.",
            )
    elif "CNAME" in staying:
        return "cname_not_alone", f"{what}: the name has a CNAME, which must be alone."
    return None


def _ordered(changes: Sequence[Change]) -> list[Change]:
    """Return creations, updates, then switches to or from CNAME name by name, then deletions."""
    switching = {change.key[0] for change in changes if change.key[1] == "CNAME"}
    ranks = {Action.CREATE: 0, Action.UPDATE: 1, Action.DELETE: 3}

    def place(change: Change) -> tuple[int, str, int, str]:
        name, rdtype = change.key
        if name in switching:  # within a switch the deletion makes room
            return (2, name, -ranks[change.action], rdtype)
        return (ranks[change.action], name, 0, rdtype)

    return sorted(changes, key=place)
