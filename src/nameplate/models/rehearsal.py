"""What the next renewal of a certificate would fail on: the JSON of `rehearsal` as a value."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class RenewalRisk:
    """One thing that keeps a certificate from being ordered as it is seen now."""

    code: str
    """The code that a certificate has that waits for the same."""
    message: str
    host: str = ""
    """The name that it is about."""
    seen: tuple[str, ...] = ()
    """Addresses, or records that are in the way."""
    records: tuple[str, ...] = ()
    """Records that must be published."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the last look found, the most important first."""

    risks: tuple[RenewalRisk, ...] = ()

    def as_json(self) -> dict[str, Any] | None:
        """Return what goes into the column."""
        return {"risks": [asdict(one) for one in self.risks]} if self.risks else None

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return what was found, None for nothing."""
        found = document.get("risks") if isinstance(document, dict) else None
        if not isinstance(found, Sequence) or isinstance(found, str):
            return None
        risks = tuple(_risk(one) for one in found if isinstance(one, dict))
        return cls(risks) if risks else None


def _risk(one: dict[str, Any]) -> RenewalRisk:
    return RenewalRisk(
        str(one.get("code") or ""),
        str(one.get("message") or ""),
        host=str(one.get("host") or ""),
        seen=_texts(one.get("seen")),
        records=_texts(one.get("records")),
    )


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever stands there
    return tuple(map(str, value)) if isinstance(value, list) else ()
