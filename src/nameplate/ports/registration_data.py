"""What the public registration data says of a domain, whoever its registrar is."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from nameplate.core.registered import RegistryEntry


class RegistryAnswer(StrEnum):
    """How a look ended. Only `FOUND` and `ABSENT` say anything of the domain."""

    FOUND = "found"
    ABSENT = "absent"
    """The registry says that there is no such registration."""
    UNSUPPORTED = "unsupported"
    """The registry offers no registration data."""
    LIMITED = "limited"
    """The registry, or the pace that is kept with it, wants us to wait."""
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"
    """An answer came that cannot be understood, or is about something else."""


@dataclass(frozen=True, slots=True)
class RegistrationLook:
    """The end of one look. `name` is set for `FOUND` alone."""

    answer: RegistryAnswer
    name: RegistryEntry | None = None
    retry_after: timedelta | None = None
    """How long the registry asks to wait, within a day."""
    was_asked: bool = True
    """Whether a query was sent for it."""


class RegistrationData(Protocol):
    """Looks up registrations. May be called from several threads."""

    def look(self, domain: str) -> RegistrationLook:
        """Look up one registrable domain (canonical name). Every end is a value; nothing is raised."""
        ...
