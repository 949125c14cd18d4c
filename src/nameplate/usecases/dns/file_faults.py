"""Zone files beside what a domain has: one fault passes one record set over, and says its line."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from nameplate.core import names, provider_limits
from nameplate.core.errors import Problem
from nameplate.core.formats import Reading, invalid
from nameplate.core.pointing import LEADING
from nameplate.usecases.dns import edits
from nameplate.usecases.dns.drafts import PlanContext
from nameplate.usecases.dns.edits import Edit, Spec
from nameplate.usecases.dns.wanted import known_type

_MAX_TOLD = 100

Key = tuple[str, str]
"""Type, and name relative to the domain."""
Faults = Mapping[Key, tuple[str, str]]
"""Code and sentence, by record set."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """The records of a file that can be wanted, and what is wrong with the others."""

    specs: Sequence[Spec]
    problems: Sequence[Problem]
    """Each with its line as the pointer."""
    passed: AbstractSet[Key]
    """Record sets that stay as they are because of a problem."""

    def kept(self, found: Iterable[Edit]) -> list[Edit]:
        """Return edits less those of record sets that are passed over."""
        return [
            one
            for one in found
            if (side := one.after or one.before) and side.key[:2] not in self.passed
        ]

    def warnings(self, reading: Reading) -> list[str]:
        """Return a sentence for each record set that is passed over, and for what else is lost."""
        told = [f"{one.pointer}: {one.detail} Skipped." for one in self.problems[:_MAX_TOLD]]
        more = len(self.problems) - len(told) + reading.more
        return [*told, *([f"{more} more problems are not shown."] if more else []), *reading.notes]


def fitting(scene: PlanContext, reading: Reading, *, replace: bool, strict: bool) -> Fitting:
    """Return which records of a file keep the rules of the zone beside the domain's others.

    Raises `Invalid` with every line when `strict` and anything is wrong, and where `replace` would
    remove what stands in lines whose names cannot be read.
    """
    problems = list(reading.problems)
    if problems and replace and reading.is_vague:
        raise invalid(problems)
    passed = {_relative(scene, key) for key in reading.passed}
    apex = scene.site.zone.name
    specs = scene.spelled(edits.of_rrsets(reading.rrsets, scene.origin, apex))
    found: Faults = {**_unmanaged(scene, reading), **_automatic(scene, specs)}
    while True:
        passed |= found.keys()
        problems += [Problem(_place(scene, reading, key), *found[key]) for key in found]
        specs = [one for one in specs if one.key[:2] not in passed]
        found = _broken(scene, Fitting(specs, problems, passed), replace=replace)
        if not found:
            break
    problems.sort(key=_line)
    if problems and strict:
        raise invalid(problems)
    return Fitting(specs, problems, passed)


def _relative(scene: PlanContext, key: tuple[str, str]) -> Key:
    return key[1], names.relative(key[0], scene.origin)


def _place(scene: PlanContext, reading: Reading, key: Key) -> str:
    return reading.places[names.absolute(key[1], scene.origin), key[0]]


def _line(problem: Problem) -> int:
    digits = problem.pointer.removeprefix("line ").partition("/")[0]
    return int(digits) if digits.isdigit() else 0


def _unmanaged(scene: PlanContext, reading: Reading) -> Faults:
    """Return the record sets of types that Nameplate leaves to others."""
    return {
        _relative(scene, rrset.key): (
            "type_unknown",
            f"{rrset.name} {rrset.type} has a type that Nameplate does not manage.",
        )
        for rrset in reading.rrsets
        if rrset.type != "SOA" and not known_type(rrset.type)
    }


def _automatic(scene: PlanContext, specs: Sequence[Spec]) -> Faults:
    """Return the record sets where Nameplate itself leads a host to its server."""
    there = {edits.spec(line).key for line in scene.desired.lines}
    led = {line.name for line in scene.desired.lines if line.is_made}
    return {
        one.key[:2]: (
            "record_automatic",
            f"{one.name} points to the server of its binding. Change the binding, or detach the record.",
        )
        for one in specs
        if one.type in LEADING and one.name in led and one.key not in there
    }


def _broken(scene: PlanContext, have: Fitting, *, replace: bool) -> Faults:
    """Return the record sets that break a rule of the zone, which was kept before."""
    lines, zone = scene.desired.lines, scene.site.zone.name
    flattens = provider_limits.flattens(scene.desired.account.provider)
    before = [edits.spec(line) for line in lines if line.is_wanted]
    changed = have.kept(edits.between(lines, have.specs, everything=replace))
    after = [one for one, _ in edits.after(lines, changed)]
    old = edits.broken(before, scene.origin, zone, flattens=flattens)
    new = edits.broken(after, scene.origin, zone, flattens=flattens)
    ours = {one.key[:2] for one in have.specs}
    found: dict[Key, tuple[str, str]] = {}
    for which, problem in new.items():
        if which not in old:
            for key in _culprits(which[0], ours, scene.origin):
                found.setdefault(key, (problem.code, problem.detail))
    return found


def _culprits(record: tuple[str, str, str], ours: AbstractSet[Key], origin: str) -> set[Key]:
    """Return which record sets of the file are to be left out for a problem of a record.

    It is the record's own set, or what the file has at its name, or at the name that it points to.
    """
    if record[:2] in ours:
        return {record[:2]}
    target = names.relative(record[2].rpartition(" ")[2].removesuffix("."), origin)
    beside = {key for key in ours if key[1] == record[1]}
    return beside or {key for key in ours if key == ("CNAME", target)}
