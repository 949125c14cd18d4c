"""The DNS as it is seen from other places of the Internet."""

from dataclasses import dataclass
from typing import Protocol

from nameplate.ports.resolver import LookupResult


@dataclass(frozen=True, slots=True)
class VantageLook:
    """What one place saw."""

    vantage: str
    """Its name, as the operator gave it."""
    found: LookupResult | None
    """What all authoritative servers said there; None when the place could not be asked."""
    detail: str = ""
    """Why it could not be asked."""


class Vantages(Protocol):
    """The places that the operator set up. Nothing is raised. Threads may share it."""

    def look(self, name: str, rdtype: str) -> tuple[VantageLook, ...]:
        """Ask every place at once; one look for each, in a stable order.

        Empty when none is set up, and for names in private zones, which they cannot know.
        """
        ...
