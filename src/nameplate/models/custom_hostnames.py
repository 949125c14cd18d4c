"""How a service that serves hosts itself saw one last, as a value of a JSON column."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from nameplate.core.value_codec import Unreadable, decoded, encoded
from nameplate.models.orm import moment
from nameplate.ports.hosted_proxy import HostState


@dataclass(frozen=True, slots=True)
class SeenHost:
    """The last known state of a binding's host."""

    state: HostState
    retried_at: datetime | None = None
    """When the service was last asked to look again at what it had given up."""

    def as_json(self) -> dict[str, Any] | None:
        """Return what goes into the column."""
        at = self.retried_at
        return {"state": encoded(self.state), "retried_at": at.isoformat() if at else None}

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return the state; None for what another version wrote in another form."""
        if not isinstance(document, dict):
            return None
        try:
            state = decoded(HostState, document.get("state"))
            return cls(state, moment(document.get("retried_at")))
        except Unreadable:
            return None
