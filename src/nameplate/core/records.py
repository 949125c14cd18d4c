"""DNS record sets as values, and the changes between two states of a zone."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class RRset:
    """All records of one name and type (RFC 9499).

    `name` is an absolute name in canonical form (lower-case A-labels, no trailing dot); `values` are
    rdata in canonical presentation form (RFC 1035 section 5.1: names in them absolute with trailing
    dot, TXT quoted), sorted and without duplicates; `ttl` is in seconds.
    """

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]
    proxied: bool = False
    """Answered by the provider's own edge instead (Cloudflare's orange cloud)."""

    @property
    def key(self) -> tuple[str, str]:
        """The name and type, which identify a record set within a zone."""
        return (self.name, self.type)


class Action(StrEnum):
    """What a change does to a record set."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    """One record set before and after. `before` is what was seen: the world must still be so."""

    before: RRset | None
    after: RRset | None

    @property
    def action(self) -> Action:
        """Create, update or delete."""
        if self.before is None:
            return Action.CREATE
        return Action.DELETE if self.after is None else Action.UPDATE

    @property
    def key(self) -> tuple[str, str]:
        """The name and type that this change is about."""
        rrset = self.after or self.before
        if rrset is None:
            raise ValueError("a change without a record set")
        return rrset.key
