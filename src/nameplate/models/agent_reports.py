"""What agents have reported last, as values of JSON columns."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from nameplate.core.value_codec import Unreadable, decoded, encoded
from nameplate.models.orm import moment
from nameplate.ports.agents import AgentLook, AgentReport

BEFORE = 2
"""What the agents of reports speak that do not say it."""


@dataclass(frozen=True, slots=True)
class LastReport:
    """What an agent said last of its proxy; its looks are with the bindings."""

    report: AgentReport
    protocol: int = BEFORE
    """The version that the agent speaks, as far as the API does."""

    def as_json(self) -> dict[str, Any] | None:
        """Return what goes into the column."""
        return {**encoded(self.report), "protocol": self.protocol}

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return the report; None for what another version wrote in another form."""
        if not isinstance(document, dict):
            return None
        told = dict(document)
        protocol = told.pop("protocol", BEFORE)
        try:
            return cls(decoded(AgentReport, told), decoded(int, protocol))
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
