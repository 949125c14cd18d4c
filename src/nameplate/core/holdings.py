"""Who may hold which name: the rule, without the database (security.md 4.6)."""

from collections.abc import Iterable
from dataclasses import dataclass

from nameplate.core.errors import Conflict
from nameplate.core.names import is_within, without_wildcard


@dataclass(frozen=True, slots=True)
class Holding:
    """A name held by one organization, alone or with everything below it."""

    name: str
    """Canonical, without `*.`."""
    subtree: bool
    organization_id: int
    lent: bool = False
    """It rests on a grant of whoever holds what is above."""
    lapsed: bool = False
    """Its proof is lost for good: nobody else may have the name, and its holder may not use it."""

    def covers(self, name: str) -> bool:
        """Whether this holding reaches `name`."""
        return is_within(name, self.name) if self.subtree else name == self.name


def most_specific(name: str, held: Iterable[Holding]) -> Holding | None:
    """Return the holding that decides about `name` (`*.` allowed), whoever has it; None: nobody.

    Of those that cover the name the longest wins. A wildcard takes a subtree.
    """
    bare = without_wildcard(name)
    wild = name != bare
    fitting = (one for one in held if one.covers(bare) and (one.subtree or not wild))
    return max(fitting, key=lambda one: len(one.name), default=None)


def decide(wanted: Holding, held: Iterable[Holding]) -> None:
    """Raise `Conflict` ("name_in_use") when another organization's holding stands in the way.

    The message never says who.
    """
    if in_the_way(wanted, held):
        raise Conflict(
            "name_in_use",
            f"{wanted.name} overlaps a name that is already in use here. If it is yours, "
            "release it where it is used now, then check again.",
        )


def in_the_way(wanted: Holding, held: Iterable[Holding]) -> list[Holding]:
    """Return the holdings of others that keep an organization from what it wants.

    `held` are the holdings below the same registrable domain. In the way are: the same name, a
    subtree above it, unless the organization holds something between, and, when a subtree is wanted,
    anything below it that is not lent from above.
    """
    known = list(held)
    own = most_specific(
        wanted.name, (one for one in known if one.organization_id == wanted.organization_id)
    )
    found = []
    for other in known:
        if other.organization_id == wanted.organization_id:
            continue
        above = other.covers(wanted.name) and (own is None or len(own.name) <= len(other.name))
        if above or (wanted.covers(other.name) and not other.lent):
            found.append(other)
    return found


def lender(name: str, held: Iterable[Holding]) -> Holding | None:
    """Return the holding that may lend `name`: that of the name above, with everything below it."""
    found = most_specific(name, held)
    if found is None or found.lapsed or not found.subtree or found.name == name:
        return None
    return found
