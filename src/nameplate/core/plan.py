"""The difference between the zone as it is and as we want it: ours alone, in a safe order."""

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from nameplate.core import dnames
from nameplate.core.errors import Conflict
from nameplate.core.records import Action, Change, RRset, by_key, merge, units
from nameplate.core.zone_rules import ADDRESSES

Owned = AbstractSet[tuple[str, str, str]]
"""(name, type, canonical value) of every record that the ledger says we created."""

Key = tuple[str, str]
"""Name and type of a record set."""

MAX_CHANGED_PERCENT = 30
MIN_EXISTING = 10
_ALONE = frozenset({"CNAME", "DNAME", "SOA"})
"""Types of which a name has one value at most."""
_BESIDE_CNAME = frozenset({"NSEC", "RRSIG"})  # RFC 4034 sections 3 and 4


@dataclass(frozen=True, slots=True)
class Blocked:
    """A wanted record set that cannot be had, and is left as it is."""

    name: str
    type: str
    code: str
    """Stable slug: `cname_foreign`, `dname_foreign`, `cname_not_alone`, `below_dname`,
    `dname_hides`, `soa_read_only`, `held` (for the sake of
    another), `drifted`, `unseen`, `plan_unsafe`, `hides_wildcard`, `provider_refuses`,
    `zone_lost` or `zone_nested`."""
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

    @property
    def keys(self) -> AbstractSet[Key]:
        """The record sets that change."""
        return {change.key for change in self.changes}

    @property
    def differing(self) -> AbstractSet[Key]:
        """The record sets that are not as they are wanted, whether they change or not."""
        return self.keys | {(blocked.name, blocked.type) for blocked in self.blocked}

    @property
    def existing(self) -> int:
        """How many record sets the zone has now."""
        return self.untouched + sum(change.before is not None for change in self.changes)

    def without(self, reasons: Mapping[Key, tuple[str, str]]) -> "Plan":
        """Return the plan less the changes of some record sets, which are blocked with code and reason.

        What must happen together with one of them stays undone too.
        """
        if not reasons:
            return self
        dropped: list[Blocked] = []
        kept: list[Change] = []
        for unit in units(self.changes):
            found = next((reasons[change.key] for change in unit if change.key in reasons), None)
            if found is None:
                kept += unit
            else:
                dropped += [Blocked(*change.key, *found) for change in unit]
        if not dropped:
            return self
        seen = {change.key for change in kept}
        return replace(
            self,
            changes=tuple(change for change in self.changes if change.key in seen),
            blocked=(*self.blocked, *dropped),
            untouched=self.existing - sum(change.before is not None for change in kept),
        )

    def safe_part(self, always: Collection[Key] = ()) -> "Plan":
        """Return the whole plan when it is safe, otherwise what creates, and the sets in `always`.

        What is left out is blocked as `plan_unsafe`, with the numbers.
        """
        try:
            self.check_safety(self.existing)
        except Conflict as error:
            detail = f"{error.detail} Review it with `record plan`, and apply it with `--force`."
            return self.without(
                {
                    change.key: (error.code, detail)
                    for change in self.changes
                    if (change.before is not None or change.key == (self.apex, "NS"))
                    and change.key not in always
                }
            )
        return self

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
                f"The plan changes the NS records of the apex {self.apex}. Apply it with "
                "force to confirm.",
            )
        touched = sum(change.action is not Action.CREATE for change in self.changes)
        if existing_count >= MIN_EXISTING and touched * 100 > existing_count * MAX_CHANGED_PERCENT:
            raise Conflict(
                "plan_unsafe",
                f"The plan updates or deletes {touched} of {existing_count} record sets, "
                f"which is {touched * 100 // existing_count} %. At most "
                f"{MAX_CHANGED_PERCENT} % are allowed without force.",
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
    current: Iterable[RRset],
    desired: Iterable[RRset],
    owned: Owned,
    *,
    apex: str = "",
    flattens: bool = False,
) -> Plan:
    """Return how `current` (the whole live zone) becomes `desired` (ours alone). Pure.

    Values of others survive every change, record sets of others are never touched, and owned values
    that are no longer desired go away. `apex` is read off the SOA when not given; `flattens` says
    that a CNAME may stand there beside everything but addresses.
    """
    live = by_key(current)
    wanted = by_key(desired, live)
    leaving = {
        key for name, rdtype, _ in owned if (key := (name, rdtype)) not in wanted and key in live
    }
    apex = apex or next((name for name, rdtype in live if rdtype == "SOA"), "")
    targets: dict[tuple[str, str], RRset | None] = {}
    """What becomes of the record sets that do not stay as they are."""
    matches: list[tuple[str, str, str]] = []
    ttl_kept: list[tuple[str, str]] = []
    for key in itertools.chain(wanted, leaving):
        have, want = live.get(key), wanted.get(key)
        foreign = _foreign(have, owned)
        if have == want and not foreign:
            continue
        if have is not None and want is not None and foreign:
            matches += [(*key, value) for value in want.values if value in foreign]
            if have.ttl != want.ttl:
                ttl_kept.append(key)
        if foreign or have != want:
            target = _target(have, want, foreign)
            if target != have:
                targets[key] = target
    blocked = _blocked(live, wanted, targets, owned, apex if flattens else "")
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


@dataclass(frozen=True, slots=True)
class Drift:
    """A record set that somebody else changed after it was as we wanted it."""

    expected: RRset
    """What we have there, without the values of others."""
    observed: RRset | None
    """The whole record set as it is, None when it is gone."""

    @property
    def key(self) -> Key:
        """Name and type."""
        return self.expected.key

    @property
    def lacks_values(self) -> bool:
        """Whether a value of ours is gone; else only the TTL or the proxying differs."""
        return self.observed is None or not set(self.expected.values) <= set(self.observed.values)

    def __str__(self) -> str:
        """Say what is there and what was expected, for a person."""
        name, rdtype = self.key
        found = "nothing" if self.observed is None else _said(self.observed)
        return (
            f"{name} {rdtype} was changed at the DNS provider. Found {found}, expected "
            f"{_said(self.expected)}."
        )


def drift(current: Iterable[RRset], settled: Iterable[RRset], owned: Owned) -> tuple[Drift, ...]:
    """Return which of our `settled` record sets are no longer in the zone as they were. Pure.

    Values that others put beside ours are no drift, nor is the TTL of a set that is shared with them.
    """
    wanted = merge(settled)
    live = by_key(current) if wanted else {}
    found = []
    for want in wanted:
        seen = live.get(want.key)
        if (
            seen is None
            or not set(want.values) <= set(seen.values)
            or (not _foreign(seen, owned) and (seen.ttl, seen.proxied) != (want.ttl, want.proxied))
        ):
            found.append(Drift(want, seen))
    return tuple(found)


def _said(rrset: RRset) -> str:
    return f"{', '.join(rrset.values)[:200]} with TTL {rrset.ttl}"


def _foreign(rrset: RRset | None, owned: Owned) -> tuple[str, ...]:
    if rrset is None:
        return ()
    name, rdtype, _, values, _ = rrset
    if len(values) == 1 and (name, rdtype, values[0]) in owned:
        return ()  # most of a zone
    return tuple(value for value in values if (name, rdtype, value) not in owned)


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
    flattened: str,
) -> list[Blocked]:
    """Return the record sets whose change would break a rule, and the deletions held back for them."""
    types_at, leading = _types(live, wanted, targets)
    hidden = dnames.obstacles(leading, live, wanted, targets) if leading else {}
    blocked = {key: Blocked(*key, *found) for key, found in hidden.items()}
    for key in targets:
        want = wanted.get(key)
        if want is None or (want.type not in _ALONE and "CNAME" not in types_at[want.name]):
            continue  # whatever else is there, nothing is in the way
        others = types_at[want.name] - {want.type} - _BESIDE_CNAME
        if want.name == flattened:
            others &= ADDRESSES | {"CNAME"} if want.type in ADDRESSES | {"CNAME"} else set()
        staying = [
            other
            for other in others
            if targets.get((want.name, other), live.get((want.name, other)))
        ]
        found = _obstacle(want, _foreign(live.get(key), owned), sorted(staying))
        if found:
            blocked[key] = Blocked(*key, *found)
    blocked |= _held(live, targets, blocked)
    return [blocked[key] for key in sorted(blocked)]


def _types(
    live: Mapping[Key, RRset], wanted: Mapping[Key, RRset], targets: Mapping[Key, RRset | None]
) -> tuple[Mapping[str, set[str]], set[str]]:
    """Return the types at each name that changes, and the names that have a DNAME."""
    types_at: dict[str, set[str]] = {name: set() for name, _ in targets}
    leading: set[str] = set()
    for name, rdtype in itertools.chain(live, wanted) if targets else ():
        if name in types_at:
            types_at[name].add(rdtype)
        if rdtype == "DNAME":
            leading.add(name)
    return types_at, leading


def _held(
    live: Mapping[Key, RRset],
    targets: Mapping[Key, RRset | None],
    blocked: Mapping[Key, Blocked],
) -> dict[Key, Blocked]:
    """Return the deletions that wait for a replacement that cannot be had."""
    stuck: dict[str, set[str]] = {}
    for name, rdtype in blocked:
        stuck.setdefault(name, set()).add(rdtype)
    held = {}
    for name, rdtype in targets:
        replaced = name in stuck and "CNAME" in {*stuck[name], rdtype}
        if replaced and targets[name, rdtype] is None and (name, rdtype) in live:
            detail = f"{name} {rdtype} is kept until its replacement is possible."
            held[name, rdtype] = Blocked(name, rdtype, "held", detail)
    return held


def _obstacle(
    want: RRset, foreign: Collection[str], staying: Sequence[str]
) -> tuple[str, str] | None:
    """Return code and reason why `want` cannot be had beside what stays at its name."""
    what = f"{want.name} {want.type}"
    if want.type == "SOA":
        return "soa_read_only", "The SOA record is managed by the DNS provider."
    if want.type == "DNAME" and len({*foreign, *want.values}) > 1:
        return (
            "dname_foreign",
            f"{what}: the name has another DNAME, which Nameplate does not manage.",
        )
    if want.type == "CNAME":
        if len({*foreign, *want.values}) > 1:
            return (
                "cname_foreign",
                f"{what}: the name has another CNAME, which Nameplate does not manage.",
            )
        if staying:
            return (
                "cname_not_alone",
                f"{what}: the name has {', '.join(staying)} and a CNAME must be alone.",
            )
    elif "CNAME" in staying:
        return "cname_not_alone", f"{what}: the name has a CNAME, which must be alone."
    return None


def _ordered(changes: Sequence[Change]) -> list[Change]:
    """Return creations, updates, then switches to or from CNAME name by name, then deletions.

    A name comes before those below it and goes after them: else a wildcard is hidden for a moment.
    """
    count = Counter(change.key[0] for change in changes)
    switching = {change.key[0] for change in changes if change.key[1] == "CNAME"}
    switching = {name for name in switching if count[name] > 1}
    ranks = {Action.CREATE: 0, Action.UPDATE: 1, Action.DELETE: 3}

    def place(change: Change) -> tuple[int, int, str, int, str]:
        name, rdtype = change.key
        if name in switching:  # within a switch the deletion makes room
            return (2, 0, name, -ranks[change.action], rdtype)
        depth = name.count(".")
        depth = -depth if change.action is Action.DELETE else depth
        return (ranks[change.action], depth, name, 0, rdtype)

    return sorted(changes, key=place)
