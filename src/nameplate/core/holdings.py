"""Who may hold which name: the rule, without the database (security.md 4.6)."""

from collections.abc import Iterable
from dataclasses import dataclass

from nameplate.core.errors import Conflict
from nameplate.core.names import is_within


@dataclass(frozen=True, slots=True)
class Holding:
    """A name held by one organization, alone or with everything below it."""

    name: str
    """Canonical, without `*.`."""
    subtree: bool
    organization_id: int

    def covers(self, name: str) -> bool:
        """Whether this holding reaches `name`."""
        return is_within(name, self.name) if self.subtree else name == self.name


def decide(wanted: Holding, held: Iterable[Holding]) -> None:
    """Raise `Conflict` ("name_in_use") when another organization's holding stands in the way.

    `held` are the holdings below the same registrable domain. In the way are: the same name, a
    subtree above it, and, when a subtree is wanted, anything below it. The message never says who.
    """
    for other in held:
        if other.organization_id == wanted.organization_id:
            continue
        if other.covers(wanted.name) or wanted.covers(other.name):
            raise Conflict(
                "name_in_use",
                f"{wanted.name} overlaps a name that is already in use here. If it is yours, "
                "release it where it is used now, then check again.",
            )
