"""What a registry said of a domain last: the JSON of `registration` as a value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from nameplate.core.registered import RegistryStatus
from nameplate.models.orm import moment


@dataclass(frozen=True, slots=True)
class KnownRegistration:
    """The registration of a registrable domain, as its registry told it."""

    at: datetime | None = None
    """When it was told (UTC)."""
    registrar: str | None = None
    """As it was first spelled under this number."""
    registrar_id: str | None = None
    """The registrar's number at IANA."""
    registered_at: datetime | None = None
    expires_at: datetime | None = None
    states: frozenset[RegistryStatus] = frozenset()
    name_servers: tuple[str, ...] = ()
    is_signed: bool | None = None
    ended_at: datetime | None = None
    """Since when it is seen to be deleted; None: it is not."""
    missing: int = 0
    """How many times in a row the registry did not know it any more."""

    def as_json(self) -> dict[str, Any]:
        """Return what goes into the column."""
        return {
            "at": _iso(self.at),
            "registrar": self.registrar,
            "registrar_id": self.registrar_id,
            "registered_at": _iso(self.registered_at),
            "expires_at": _iso(self.expires_at),
            "states": sorted(self.states),
            "name_servers": list(self.name_servers),
            "is_signed": self.is_signed,
            "ended_at": _iso(self.ended_at),
            "missing": self.missing,
        }

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return what is known, None for nothing."""
        if not isinstance(document, dict) or not document:
            return None
        known = {one.value for one in RegistryStatus}
        states = (RegistryStatus(one) for one in _texts(document.get("states")) if one in known)
        signed, missing = document.get("is_signed"), document.get("missing")
        return cls(
            at=moment(document.get("at")),
            registrar=_text(document.get("registrar")),
            registrar_id=_text(document.get("registrar_id")),
            registered_at=moment(document.get("registered_at")),
            expires_at=moment(document.get("expires_at")),
            states=frozenset(states),
            name_servers=tuple(_texts(document.get("name_servers"))),
            is_signed=signed if isinstance(signed, bool) else None,
            ended_at=moment(document.get("ended_at")),
            missing=missing if isinstance(missing, int) else 0,
        )


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _text(value: Any) -> str | None:  # noqa: ANN401 - whatever stands there
    return value if isinstance(value, str) else None


def _texts(value: Any) -> Iterable[str]:  # noqa: ANN401 - whatever stands there
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return map(str, value) if is_list else ()
