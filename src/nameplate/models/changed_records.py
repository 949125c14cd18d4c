"""What somebody else changed at a provider: the JSON of a domain's `drift` as a value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from nameplate.core.plan import Drift
from nameplate.core.records import RRset
from nameplate.models.orm import moment


class RecordSide(NamedTuple):
    """A record set on one side of a difference."""

    ttl: int
    values: tuple[str, ...]


class ChangedRecord(NamedTuple):
    """One record set that is not as we left it; None where there is nothing."""

    name: str
    type: str
    expected: RecordSide | None
    observed: RecordSide | None


@dataclass(frozen=True, slots=True)
class ChangedRecords:
    """Records that somebody else changed, and since when.

    They may be ten thousand, so they are kept as they are stored until somebody asks for them.
    """

    since: datetime
    """When it was seen first (UTC)."""
    repaired_at: datetime | None
    """When they were changed back (UTC); None: they are still so."""
    rows: Sequence[Any]
    """The records as JSON."""

    @property
    def records(self) -> list[ChangedRecord]:
        """Return each record set with both its sides."""
        return [
            ChangedRecord(
                str(row.get("name")),
                str(row.get("type")),
                _side(row.get("expected")),
                _side(row.get("observed")),
            )
            for row in self.rows
            if isinstance(row, dict)
        ]

    @classmethod
    def of(
        cls, found: Iterable[Drift], since: datetime, repaired_at: datetime | None = None
    ) -> Self:
        """Return these drifts as a domain keeps them."""
        return cls(since, repaired_at, [_row(one) for one in found])

    def as_json(self) -> dict[str, Any]:
        """Return what goes into the column."""
        found: dict[str, Any] = {"since": self.since.isoformat(), "records": list(self.rows)}
        return found | (
            {} if self.repaired_at is None else {"repaired_at": self.repaired_at.isoformat()}
        )

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return what was changed, None for nothing or what cannot be read."""
        if not isinstance(document, dict):
            return None
        since, rows = moment(document.get("since")), document.get("records")
        if since is None or not isinstance(rows, list):
            return None
        return cls(since, moment(document.get("repaired_at")), rows)


def _row(found: Drift) -> dict[str, Any]:
    name, rdtype = found.key
    sides = {"expected": _written(found.expected), "observed": _written(found.observed)}
    return {"name": name, "type": rdtype, **sides}


def _written(rrset: RRset | None) -> dict[str, Any] | None:
    return None if rrset is None else {"ttl": rrset.ttl, "values": list(rrset.values)}


def _side(document: Any) -> RecordSide | None:  # noqa: ANN401 - whatever stands there
    if not isinstance(document, dict):
        return None
    values = document.get("values")
    return RecordSide(document.get("ttl") or 0, tuple(map(str, values or ())))
