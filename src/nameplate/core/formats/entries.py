"""Records of a file, on their way to record sets: what is wrong is told with its line."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nameplate.core import rdata, zone_rules
from nameplate.core.errors import Invalid, Problem
from nameplate.core.names import relative
from nameplate.core.records import RRset

MAX_PROBLEMS = 100
"""Problems that are told at once; more do not help anybody."""
MAX_RECORDS = 200_000
MAX_SECONDS = 8.0
"""How long one file may take to read, whatever its reader does with it."""
MAX_LINE = 1_000_000
"""Characters of one record: a text of 65,535 octets, each in a string of its own, needs the half."""
DEFAULT_TTL = 3600
"""Seconds, where a file says nothing."""

Key = tuple[str, str]
"""Name and type of a record set."""
Numbers = Mapping[str, Any]
"""Priority, weight and port, where a file has them apart from the value."""


_NUMBERED: Mapping[str, tuple[str, ...]] = {
    "MX": ("priority",),
    "SRV": ("priority", "weight", "port"),
}


class ReadingBudget:
    """What reading one file may take; both ends are told with the place that was reached."""

    def __init__(self, clock: Callable[[], float] | None, *, records: int = MAX_RECORDS) -> None:
        """Start the time, which `clock` tells in seconds; without one there is no end to it."""
        self._clock = clock or (lambda: 0.0)
        self._left = records
        self._most = records
        self._end = self._clock() + MAX_SECONDS

    def record(self, place: str) -> None:
        """Count one record, also one that is left out. Raises Invalid `too_many_records`."""
        self._left -= 1
        if self._left < 0:
            detail = f"The file has too many records. Use at most {self._most} per file."
            problem = Problem(place, "too_many_records", detail)
            raise Invalid("too_many_records", f"{place}: {detail}", [problem])
        self.time(place)

    def line(self, place: str, length: int) -> None:
        """Raise Invalid `file_too_large` when one record has more characters than any can need."""
        if length > MAX_LINE:
            detail = f"The record is too long. Use at most {MAX_LINE} characters."
            problem = Problem(place, "file_too_large", detail)
            raise Invalid("file_too_large", f"{place}: {detail}", [problem])

    def time(self, place: str) -> None:
        """Raise Invalid `file_too_large` when the time is over."""
        if self._clock() > self._end:
            detail = f"Reading the file takes longer than {MAX_SECONDS:g} seconds. Split the file."
            problem = Problem(place, "file_too_large", detail)
            raise Invalid("file_too_large", f"{place}: {detail}", [problem])


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says: whole record sets, and what of it could not be had."""

    rrsets: list[RRset]
    """Sorted; a set of which any record is wrong is not among them."""
    places: Mapping[Key, str] = field(default_factory=dict)
    """Where each record set begins, such as `line 12`."""
    problems: list[Problem] = field(default_factory=list)
    """What is wrong, the first hundred, each with its line as the pointer."""
    passed: frozenset[Key] = frozenset()
    """Record sets that are not among `rrsets` because of a problem."""
    is_vague: bool = False
    """Some problem belongs to a record whose name or type cannot be told."""
    more: int = 0
    """Problems beyond those that are told."""
    notes: list[str] = field(default_factory=list)
    """What the file says and no record can, in sentences."""

    def strict(self) -> list[RRset]:
        """Return the record sets. Raises `Invalid` when anything is wrong."""
        if self.problems:
            raise invalid(self.problems)
        return self.rrsets


def invalid(problems: list[Problem]) -> Invalid:
    """Return the refusal of a whole file."""
    first = problems[0]
    return Invalid("file_invalid", f"{first.pointer}: {first.detail}", problems)


class _Collected(NamedTuple):
    """The records of one name and type, so far."""

    place: str
    proxied: bool
    ttls: dict[int | None, str]
    """Each with where it stands first."""
    values: dict[str, None]


class Entries:
    """Collects records and what is wrong with them."""

    def __init__(self, zone: str, budget: ReadingBudget, *, has_fields: bool = True) -> None:
        """Begin a zone; without `has_fields` a problem's place is the line alone."""
        self.zone = zone
        self._has_fields = has_fields
        self._budget = budget
        self._sets: dict[Key, _Collected] = {}
        self._problems: list[Problem] = []
        self._more = 0
        self._passed: set[Key] = set()
        self._is_vague = False
        self._notes: dict[str, tuple[list[str], int]] = {}
        self.default_ttl: int | None = None
        """Seconds for records that were added without a TTL."""

    def owner(self, place: str, name: str) -> str | None:
        """Return the canonical owner name that `name` means, None when it is refused."""
        try:
            return zone_rules.owner_name(name, self.zone)
        except Invalid as error:
            self.refuse_all(place, error, None)
            return None

    def add(
        self,
        place: str,
        name: str,
        rdtype: str,
        ttl: object,
        value: str,
        *,
        proxied: bool = False,
        numbers: Numbers | None = None,
    ) -> None:
        """Add one record in a person's notation; `place` says where it stands."""
        self._budget.record(place)
        owner = self.owner(place, name)
        if owner is not None:
            self.at(place, owner, rdtype, ttl, value, proxied=proxied, numbers=numbers)

    def at(
        self,
        place: str,
        owner: str,
        rdtype: str,
        ttl: object,
        value: str,
        *,
        proxied: bool = False,
        numbers: Numbers | None = None,
    ) -> None:
        """Add one record of a canonical owner, counted already. `ttl` None: the file's default."""
        key = (owner, rdtype)
        try:
            seconds = None if ttl is None else zone_rules.seconds(ttl, minimum=0)
            if rdtype in rdata.TYPES:
                whole, apart = _whole(rdtype, value, numbers or {})
                apart = self._apart(place, rdtype, apart)
                text = rdata.parse(rdtype, whole, origin=self.zone, owner=owner, **apart).text
            else:
                text = rdata.carried(rdtype, value, origin=self.zone)
        except Invalid as error:
            self.refuse_all(place, error, key)
            return
        self._put(place, key, seconds, text, proxied=proxied)

    def _apart(self, place: str, rdtype: str, numbers: Numbers) -> Numbers:
        """Return the numbers that the type has; panels give a priority to every type."""
        known = _NUMBERED.get(rdtype, ())
        for name in numbers:
            if name not in known:
                self.note(f"The {name} of {rdtype} records was left out", place)
        return {name: value for name, value in numbers.items() if name in known}

    def _put(self, place: str, key: Key, ttl: int | None, text: str, *, proxied: bool) -> None:
        known = self._sets.get(key)
        if known is None:
            self._sets[key] = _Collected(place, proxied, {ttl: place}, {text: None})
            return
        known.values[text] = None
        known.ttls.setdefault(ttl, place)
        if proxied != known.proxied:
            detail = f"{key[0]} {key[1]} is proxied in one line of the file and not in another."
            self.refuse(place, "proxied_differs", detail, key)

    def refuse_all(self, place: str, error: Invalid, key: Key | None) -> None:
        """Note everything that an error says is wrong at a place."""
        for one in error.problems or (Problem("", error.code, error.detail),):
            pointer = f"{place}{one.pointer}" if self._has_fields else place
            self.refuse(pointer, one.code, one.detail, key)

    def refuse(self, place: str, code: str, detail: str, key: Key | None = None) -> None:
        """Note what is wrong at a place; `key` is the record set that is passed over for it."""
        if key is None:
            self._is_vague = True
        else:
            self._passed.add(key)
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(Problem(place, code, detail))
        else:
            self._more += 1

    def note(self, what: str, place: str) -> None:
        """Note something that the file says and no record can; equal notes are told together."""
        places, count = self._notes.get(what, ([], 0))
        self._notes[what] = ([*places, place] if count < 3 else places, count + 1)  # noqa: PLR2004 - enough to find the rest

    def reading(self) -> Reading:
        """Return what was collected. Raises `Invalid` when nothing but problems was found."""
        rrsets = [
            RRset(*key, self._ttl(key, found), tuple(sorted(found.values)), found.proxied)
            for key, found in self._sets.items()
        ]
        for rrset in rrsets:
            too_large = zone_rules.oversize(rrset.name, rrset.type, rrset.values)
            if too_large:
                self.refuse(self._sets[rrset.key].place, *too_large, rrset.key)
        whole = sorted(rrset for rrset in rrsets if rrset.key not in self._passed)
        if self._problems and not whole:
            raise invalid(self._problems)
        return Reading(
            whole,
            places={key: found.place for key, found in self._sets.items()},
            problems=self._problems,
            passed=frozenset(self._passed),
            is_vague=self._is_vague,
            more=self._more,
            notes=[
                f"{what} ({', '.join(places)}{', ...' if count > len(places) else ''})."
                for what, (places, count) in self._notes.items()
            ],
        )

    def _ttl(self, key: Key, found: _Collected) -> int:
        """Return the TTL of a set, whose records must agree on it."""
        default = DEFAULT_TTL if self.default_ttl is None else self.default_ttl
        ttls = {default if ttl is None else ttl: place for ttl, place in found.ttls.items()}
        first, *others = ttls
        if others:
            self.refuse(
                ttls[others[0]],
                "ttl_differs",
                f"{key[0]} {key[1]} has the TTL {first} elsewhere in the file. All records of a "
                "set share one TTL (RFC 2181 section 5.2).",
                key,
            )
        return first


def _whole(rdtype: str, value: str, apart: Numbers) -> tuple[str, Numbers]:
    """Return the value with the priority that some write apart from its other numbers."""
    if set(apart) != {"priority"}:
        return value, apart
    words = value.split(maxsplit=3)
    if rdtype == "SRV" and len(words) == 3:  # noqa: PLR2004 - weight, port, target
        return f"{apart['priority']} {value}", apart
    if rdtype == "URI":  # weight and target, or all three
        lacks = len(words) > 1 and words[0].isdigit() and not words[1].isdigit()
        return (f"{apart['priority']} {value}" if lacks else value), {}
    return value, apart


def flat(rrsets: Iterable[RRset]) -> Iterable[tuple[RRset, str]]:
    """Yield each value with its record set."""
    return ((rrset, value) for rrset in rrsets for value in rrset.values)


def written_name(name: str, zone: str) -> str:
    """Return an owner name as a file has it: relative, or whole where that could be misread."""
    short = relative(name, zone)
    if "." not in short:
        return short
    try:
        is_clear = zone_rules.owner_name(short, zone) == name
    except Invalid:
        is_clear = False
    return short if is_clear else f"{name}."
