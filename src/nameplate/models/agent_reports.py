"""What agents have reported last, as values of JSON columns."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from nameplate.core.value_codec import Unreadable, decoded, encoded
from nameplate.models.orm import moment
from nameplate.ports.agents import AgentLook, AgentReport


@dataclass(frozen=True, slots=True)
class LastReport:
    """What an agent said last of its proxy; its looks are with the bindings."""

    report: AgentReport

    def as_json(self) -> dict[str, Any] | None:
        """Return what goes into the column."""
        found: dict[str, Any] = encoded(self.report)
        return found

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return the report; None for what another version wrote in another form."""
        try:
            return cls(decoded(AgentReport, document))
        except Unreadable:
            return None


@dataclass(frozen=True, slots=True)
class LastLook:
    """What an agent saw last of a binding, and when by the database's clock."""

    look: AgentLook
    at: datetime

    def as_json(self) -> dict[str, Any] | None:
        """Return what goes into the column."""
        return {"look": encoded(self.look), "at": self.at.isoformat()}

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return the look; None for what another version wrote in another form."""
        if not isinstance(document, dict):
            return None
        at = moment(document.get("at"))
        try:
            return None if at is None else cls(decoded(AgentLook, document.get("look")), at)
        except Unreadable:
            return None
