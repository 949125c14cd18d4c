"""The delegation that was seen at a domain: the JSON of `delegation` as a value."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from nameplate.core.delegation import Delegated
from nameplate.models.orm import moment


@dataclass(frozen=True, slots=True)
class KnownDelegation:
    """The result of the last check of a domain's delegation, and the expected values."""

    account_zone: str = ""
    """The account's zone that the look was for."""
    seen: Delegated | None = None
    at: datetime | None = None
    """When the look was (UTC)."""
    expected: tuple[str, ...] = ()
    """The name servers of the account's zone, as far as its provider told them."""
    expected_at: datetime | None = None
    """When it told them (UTC)."""
    is_due: bool = False
    """Another check was requested."""

    def as_json(self) -> dict[str, Any]:
        """Return what goes into the column."""
        found: dict[str, Any] = {} if self.seen is None else asdict(self.seen)
        found |= {
            "at": self.at and self.at.isoformat(),
            "account_zone": self.account_zone,
            "expected": list(self.expected),
            "expected_at": self.expected_at and self.expected_at.isoformat(),
        }
        return found | ({"due": True} if self.is_due else {})

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return what is known, None for nothing."""
        if not isinstance(document, dict) or not document:
            return None
        return cls(
            account_zone=str(document.get("account_zone") or ""),
            seen=_seen(document),
            at=moment(document.get("at")),
            expected=_texts(document.get("expected")),
            expected_at=moment(document.get("expected_at")),
            is_due=bool(document.get("due")),
        )


def _seen(document: dict[str, Any]) -> Delegated | None:
    zone, working = document.get("zone"), document.get("working")
    if not isinstance(zone, str):
        return None
    return Delegated(
        zone,
        parent=_texts(document.get("parent")),
        child=_texts(document.get("child")),
        lame=_texts(document.get("lame")),
        silent=_texts(document.get("silent")),
        working=working if isinstance(working, int) else 0,
    )


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever stands there
    return (
        tuple(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else ()
    )
