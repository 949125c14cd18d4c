"""Edits of a domain's records: from what somebody wants to which rows change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core import names, rdata, zone_rules
from nameplate.core.errors import Conflict, Invalid, Problem
from nameplate.core.pointing import LEADING
from nameplate.core.rdata import octets
from nameplate.core.records import RRset
from nameplate.models import Domain, Record, RecordType, readiness
from nameplate.models.records import digest
from nameplate.usecases.dns import writes
from nameplate.usecases.dns.wanted import WantedRecord, known_type

_MAX_PROBLEMS = 100
_NUMBERED = {"MX": ("priority",), "SRV": ("priority", "weight", "port")}


@dataclass(frozen=True, slots=True, order=True)
class Spec:
    """One record as somebody wants it."""

    type: str
    name: str
    """Relative to the domain: `www`, `@`."""
    text: str
    """Whole canonical rdata."""
    ttl: int
    """Seconds."""
    proxied: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same record."""
        return (self.type, self.name, self.text)

    def rrset(self, origin: str) -> RRset:
        """Return it as a record set of its own; `origin` is the domain's name."""
        return RRset(
            names.absolute(self.name, origin), self.type, self.ttl, (self.text,), self.proxied
        )


@dataclass(frozen=True, slots=True)
class Edit:
    """One record before and after: None where it is not there."""

    before: Spec | None
    after: Spec | None

    def as_json(self) -> list[Any]:
        """Return two lists of columns, or nulls."""
        return [None if side is None else list(astuple(side)) for side in (self.before, self.after)]

    @classmethod
    def of(cls, sides: Sequence[Any]) -> "Edit":
        """Return what `as_json` stored."""
        return cls(*(None if side is None else Spec(*side) for side in sides))

    def reversed(self) -> "Edit":
        """Return the edit that takes this one back."""
        return Edit(self.after, self.before)


def spec(line: WantedRecord) -> Spec:
    """Return a record of the domain as it is wanted now."""
    return Spec(line.type, line.name, line.text, line.ttl, line.proxied)


def given(records: Sequence[Mapping[str, Any]], origin: str) -> list[Spec]:
    """Return what a caller wrote, checked, for a domain named `origin`.

    Raises `Invalid` with every wrong place, as `/records/<index>/<field>`.
    """
    specs: list[Spec] = []
    problems: list[Problem] = []
    for index, one in enumerate(records):
        try:
            specs.append(_given(one, origin))
        except Invalid as error:
            found = error.problems or (Problem("", error.code, error.detail),)
            problems += [replace(p, pointer=f"/records/{index}{p.pointer}") for p in found]
            if len(problems) >= _MAX_PROBLEMS:
                break
    if problems:
        first = problems[0]
        raise Invalid("record_invalid", f"{first.pointer}: {first.detail}", problems)
    return specs


def _given(one: Mapping[str, Any], origin: str) -> Spec:
    rdtype = str(one["type"]).upper()
    _check_type(rdtype)
    owner = zone_rules.owner_name(one["name"], origin)
    numbers = {name: one.get(name) for name in ("priority", "weight", "port")}
    parsed = rdata.parse(rdtype, one["value"], origin=origin, owner=owner, **numbers)
    ttl = zone_rules.seconds(one.get("ttl") or 3600)
    return Spec(rdtype, names.relative(owner, origin), parsed.text, ttl, bool(one.get("proxied")))


def _check_type(rdtype: str) -> None:
    if not known_type(rdtype):
        detail = f"Records of type {rdtype} cannot be managed here."
        raise Invalid("record_type_invalid", detail, [Problem("/type", "type_unknown", detail)])


def of_rrsets(rrsets: Iterable[RRset], origin: str, apex: str) -> list[Spec]:
    """Return the records of a zone that a domain may manage: its own names, without SOA and apex NS.

    What is carried unread (RFC 3597) stays somebody else's.
    """
    return [
        Spec(one.type, names.relative(one.name, origin), value, one.ttl, one.proxied)
        for one in rrsets
        if names.is_within(one.name, origin) and known_type(one.type) and one.key != (apex, "NS")
        for value in one.values
        if octets(value) is None
    ]


def between(
    lines: Sequence[WantedRecord],
    desired: Sequence[Spec],
    *,
    everything: bool = False,
    emptied: Iterable[tuple[str, str]] = (),
) -> list[Edit]:
    """Return the edits that make `desired` wanted.

    Without `everything` they concern the names and types that occur in `desired`, and those in
    `emptied` (type, name); with it all records but those that follow a binding or a server. Raises
    `Invalid` when one record is given twice with different TTLs.
    """
    wanted: dict[tuple[str, str, str], Spec] = {}
    for one in desired:
        if wanted.setdefault(one.key, one) != one:
            detail = (
                f"{one.name} {one.type} {one.text[:80]} is given twice with different settings."
            )
            raise Invalid("record_invalid", detail)
    scope = {one.key[:2] for one in desired} | set(emptied)
    current = {spec(line).key: line for line in lines}
    edits = [
        Edit(spec(line), None)
        for key, line in current.items()
        if key not in wanted and not line.is_made and (everything or key[:2] in scope)
    ]
    for key, one in wanted.items():
        line = current.get(key)
        if line is None:
            edits.append(Edit(None, one))
        elif not line.is_wanted or (spec(line) != one and not line.is_made):
            edits.append(Edit(spec(line), one))
    return edits


def after(lines: Sequence[WantedRecord], edits: Sequence[Edit]) -> list[tuple[Spec, int | None]]:
    """Return what is wanted after the edits, with the id of the row where there is one."""
    state: dict[tuple[str, str, str], tuple[Spec, int | None]] = {
        spec(line).key: (spec(line), line.id) for line in lines if line.is_wanted
    }
    for edit in edits:
        if edit.after is None:
            state.pop(edit.before.key if edit.before else ("", "", ""), None)
        else:
            state[edit.after.key] = (edit.after, state.get(edit.after.key, (None, None))[1])
    return list(state.values())


def keep_clear(lines: Sequence[WantedRecord], edits: Sequence[Edit]) -> None:
    """Raise `Conflict` ("record_automatic") for an edit where Nameplate leads a host to its server."""
    led = {line.name for line in lines if line.is_made}
    for edit in edits:
        one = edit.after
        if one is not None and edit.before is None and one.type in LEADING and one.name in led:
            raise Conflict(
                "record_automatic",
                f"{one.name} points to the server of its binding. Change the binding, or "
                "detach the record that Nameplate created.",
            )


def broken(
    specs: Sequence[Spec], origin: str, zone: str, *, flattens: bool
) -> dict[tuple[tuple[str, str, str], str], Problem]:
    """Return which rules of a zone these records break together, by record and code.

    NS at the apex break none here: a plan that changes them is applied with force only.
    """
    rrsets = [one.rrset(origin) for one in specs]
    found = {
        (specs[int(problem.pointer[1:])].key, problem.code): problem
        for problem in zone_rules.check_zone(zone, rrsets, forced=True, flattens=flattens)
    }
    seen: set[tuple[str, str, str]] = set()
    for one in specs:
        bare = (one.type, one.name, one.text.rpartition(" ")[2])
        if one.type in _NUMBERED and bare in seen:
            detail = (
                f"{one.name} {one.type} names {bare[2]} twice. Two records must differ in more "
                "than their numbers."
            )
            found[one.key, "target_twice"] = Problem("", "target_twice", detail)
        seen.add(bare)
    return found


def check(
    lines: Sequence[WantedRecord], edits: Sequence[Edit], origin: str, zone: str, *, flattens: bool
) -> None:
    """Check what the edits make of the records against the rules of a zone.

    What was wrong before is not theirs. Raises `Invalid` with each problem.
    """
    if not edits:
        return
    before = [spec(line) for line in lines if line.is_wanted]
    old = broken(before, origin, zone, flattens=flattens)
    new = broken([one for one, _ in after(lines, edits)], origin, zone, flattens=flattens)
    problems = [problem for which, problem in new.items() if which not in old]
    if problems:
        raise Invalid("record_invalid", problems[0].detail, problems[:_MAX_PROBLEMS])


def write(
    session: Session,
    domain: Domain,
    lines: Sequence[WantedRecord],
    edits: Sequence[Edit],
    now: datetime,
) -> None:
    """Bring the edits into the rows, set by set. `lines` are the rows as they are now."""
    ids = {spec(line).key: line.id for line in lines}
    removed = [ids[e.before.key] for e in edits if e.before is not None and e.after is None]
    writes.each(session, Record.hiding(now), Record.id, removed, of=[domain.id])
    changed: dict[tuple[int, bool], list[int]] = {}
    for edit in edits:
        if edit.before is not None and edit.after is not None:
            place = (edit.after.ttl, edit.after.proxied)
            changed.setdefault(place, []).append(ids[edit.before.key])
    for (ttl, proxied), rows in changed.items():
        anew = Record.rewriting(ttl=ttl, proxy_enabled=proxied)
        writes.each(session, anew, Record.id, rows, of=[domain.id])
    added = [_columns(domain, e.after) for e in edits if e.before is None and e.after is not None]
    writes.bulk_insert(session, Record, added)
    readiness.mark(session, [domain.id] if edits else [])


def _columns(domain: Domain, one: Spec) -> dict[str, Any]:
    numbers = _NUMBERED.get(one.type, ())
    *figures, value = one.text.split(" ", len(numbers))
    return {
        "organization_id": domain.organization_id,
        "organization_domain_id": domain.id,
        "record_type": RecordType(one.type),
        "name": one.name,
        "value": value,
        "value_digest": digest(value),
        "ttl": one.ttl,
        "proxy_enabled": one.proxied,
        "managed_by_system": False,
        "priority": None,
        "weight": None,
        "port": None,
        **{name: int(figure) for name, figure in zip(numbers, figures, strict=True)},
    }
