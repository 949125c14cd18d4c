"""What stood around a name when it was proved: the JSON of `surroundings` as a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from nameplate.models.orm import moment


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Name servers and registration of a registrable domain, as far as they were known."""

    name_servers: tuple[str, ...] = ()
    """Canonical, sorted. Empty: not known."""
    registrar: str | None = None
    registered_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what goes into the column."""
        return {
            "name_servers": list(self.name_servers),
            "registrar": self.registrar,
            "registered_at": self.registered_at and self.registered_at.isoformat(),
        }

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return what is known, None for nothing."""
        if not isinstance(document, dict):
            return None
        servers, registrar = document.get("name_servers"), document.get("registrar")
        is_list = isinstance(servers, Sequence) and not isinstance(servers, str)
        return cls(
            tuple(map(str, servers or ())) if is_list else (),
            registrar if isinstance(registrar, str) else None,
            moment(document.get("registered_at")),
        )
