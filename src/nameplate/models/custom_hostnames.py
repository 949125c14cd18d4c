"""How a service that serves hosts itself saw one last, as a value of a JSON column."""

from dataclasses import dataclass
from typing import Any, Self

from nameplate.core.value_codec import Unreadable, decoded, encoded
from nameplate.ports.hosted_proxy import HostState


@dataclass(frozen=True, slots=True)
class SeenHost:
    """The last known state of a binding's host."""

    state: HostState

    def as_json(self) -> dict[str, Any] | None:
        """Return what goes into the column."""
        found: dict[str, Any] = encoded(self.state)
        return found

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return the state; None for what another version wrote in another form."""
        try:
            return cls(decoded(HostState, document))
        except Unreadable:
            return None
