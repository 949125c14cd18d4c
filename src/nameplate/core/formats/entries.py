"""Rows of a file, on their way to record sets: what is wrong is told with its place."""

from collections.abc import Callable, Iterable

from nameplate.core import rdata, zone_rules
from nameplate.core.errors import Invalid, Problem
from nameplate.core.records import RRset

MAX_PROBLEMS = 100
"""Problems that are told at once; more do not help anybody."""
MAX_RECORDS = 200_000
MAX_SECONDS = 30.0
"""How long one file may take to read, whatever its reader does with it."""


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

    def time(self, place: str) -> None:
        """Raise Invalid `file_too_large` when the time is over."""
        if self._clock() > self._end:
            detail = f"Reading the file takes longer than {MAX_SECONDS:g} seconds. Split the file."
            problem = Problem(place, "file_too_large", detail)
            raise Invalid("file_too_large", f"{place}: {detail}", [problem])


class Entries:
    """Collects records and what is wrong with them."""

    def __init__(self, zone: str, budget: ReadingBudget) -> None:
        self._zone = zone
        self._budget = budget
        self._sets: dict[tuple[str, str], tuple[int, bool, dict[str, None]]] = {}
        self._problems: list[Problem] = []

    def add(
        self, place: str, name: str, rdtype: str, ttl: object, value: str, *, proxied: bool = False
    ) -> None:
        """Add one record in a person's notation; `place` says where it stands."""
        self._budget.record(place)
        try:
            owner = zone_rules.owner_name(name, self._zone)
            seconds = zone_rules.seconds(ttl, minimum=0)
            text = rdata.parse(rdtype, value, origin=self._zone, owner=owner).text
        except Invalid as error:
            found = error.problems or (Problem("", error.code, error.detail),)
            for problem in found:
                self.refuse(f"{place}{problem.pointer}", problem.code, problem.detail)
            return
        self.put(place, RRset(owner, rdtype, seconds, (text,), proxied))

    def put(self, place: str, record: RRset) -> None:
        """Add one record that is canonical already, and counted."""
        too_large = zone_rules.oversize(record.name, record.type, record.values)
        if too_large:
            self.refuse(place, *too_large)
            return
        ttl, _, values = self._sets.setdefault(record.key, (record.ttl, record.proxied, {}))
        if ttl != record.ttl:
            self.refuse(
                place,
                "ttl_differs",
                f"{record.name} {record.type} has the TTL {ttl} elsewhere in the file. All "
                "records of a set share one TTL (RFC 2181 section 5.2).",
            )
        values.update(dict.fromkeys(record.values))

    def refuse(self, place: str, code: str, detail: str) -> None:
        """Note what is wrong at a place."""
        self._problems.append(Problem(place, code, detail))
        if len(self._problems) >= MAX_PROBLEMS:
            raise self._error()

    def rrsets(self) -> list[RRset]:
        """Return the record sets, sorted. Raises `Invalid` with everything that was refused."""
        if self._problems:
            raise self._error()
        return sorted(
            RRset(name, rdtype, ttl, tuple(sorted(values)), proxied)
            for (name, rdtype), (ttl, proxied, values) in self._sets.items()
        )

    def _error(self) -> Invalid:
        first = self._problems[0]
        return Invalid("file_invalid", f"{first.pointer}: {first.detail}", self._problems)


def flat(rrsets: Iterable[RRset]) -> Iterable[tuple[RRset, str]]:
    """Yield each value with its record set."""
    return ((rrset, value) for rrset in rrsets for value in rrset.values)
