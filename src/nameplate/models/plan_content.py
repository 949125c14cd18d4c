"""What a plan of DNS changes holds: the JSON of `dns_plans` as values.

A plan may hold a hundred thousand changes: they stay rows of JSON until somebody asks for them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

from nameplate.core.records import Change, RRset
from nameplate.ports.dns import Outcome, Result

Row = Sequence[Any]
"""One thing as a JSON array."""


class PlanOutcome(NamedTuple):
    """What became of one change."""

    name: str
    type: str
    result: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanContent:
    """What somebody wants, and what it meant for the zone when the plan was made."""

    edits: Sequence[Row] = ()
    """Records before and after."""
    changed: Sequence[Row] = ()
    """Record sets of the zone before and after; `changes` returns them as values."""
    blocked: Sequence[Row] = ()
    """Name, type, code and reason of each record set that stays as it is."""
    foreign: Sequence[Row] = ()
    """Wanted values that others have put into the zone."""
    ttl_kept: Sequence[Row] = ()
    """Names and types whose TTL stays that of others."""
    adopted: Sequence[Row] = ()
    """Values of others that become ours."""
    disowned: Sequence[Row] = ()
    """Values of ours that become nobody's."""
    drift: Sequence[str] = ()
    """What somebody else changed, in words."""
    warnings: Sequence[str] = ()
    untouched: int = 0
    """Record sets that stay exactly as they are."""
    existing: int = 0
    """Record sets in the zone."""
    unsafe: str | None = None
    """Why it takes force, with the numbers."""

    @property
    def is_empty(self) -> bool:
        """Whether applying it changes nothing, there or here."""
        return not (self.changed or self.edits or self.adopted or self.disowned)

    @property
    def changes(self) -> list[Change]:
        """Return the changes of the zone, in the order in which they are made."""
        return [Change(_rrset(before), _rrset(after)) for before, after in self.changed]

    def as_json(self) -> dict[str, Any]:
        """Return what goes into the column."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {"changes" if name == "changed" else name: value for name, value in found.items()}

    @classmethod
    def from_json(cls, document: Any) -> Self:  # noqa: ANN401 - whatever stands there
        """Return the content; what a former version did not write is empty."""
        found = {**document} if isinstance(document, dict) else {}
        found["changed"] = found.pop("changes", ())
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in found.items() if name in known})


def change_rows(changes: Iterable[Change]) -> list[Row]:
    """Return changes of a zone as a plan keeps them."""
    return [[_side(change.before), _side(change.after)] for change in changes]


def _side(rrset: RRset | None) -> Row | None:
    if rrset is None:
        return None
    return [rrset.name, rrset.type, rrset.ttl, list(rrset.values), rrset.proxied]


def _rrset(side: Row | None) -> RRset | None:
    if side is None:
        return None
    name, rdtype, ttl, values, proxied = side
    return RRset(name, rdtype, ttl, tuple(values), proxied)


def report_rows(outcomes: Iterable[Outcome]) -> list[dict[str, str]]:
    """Return what became of each change as a plan keeps it."""
    return [
        {
            "name": outcome.change.key[0],
            "type": outcome.change.key[1],
            "result": outcome.result.value,
            "detail": outcome.detail,
        }
        for outcome in outcomes
    ]


def report(rows: Iterable[Any], *, with_applied: bool) -> list[PlanOutcome]:
    """Return what became of each change, on request without those that simply succeeded."""
    return [
        PlanOutcome(*(str(row.get(name, "")) for name in PlanOutcome._fields))
        for row in rows
        if with_applied or row.get("result") != Result.APPLIED
    ]
