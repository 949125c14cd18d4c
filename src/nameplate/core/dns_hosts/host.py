"""What a person must know about one DNS host to enter a record in its panel."""

from dataclasses import dataclass
from enum import StrEnum


class HostField(StrEnum):
    """What the panel expects in the field for a record's name."""

    RELATIVE = "relative"
    """The part left of the zone: the panel appends the zone to whatever is entered."""
    ABSOLUTE = "absolute"
    """The whole name."""


class Apex(StrEnum):
    """What stands in that field for the zone's own name."""

    AT = "@"
    EMPTY = "empty"
    NAME = "name"
    """The whole name of the zone."""


class ApexAlias(StrEnum):
    """How the zone's own name can follow a host name, where a CNAME cannot stand (RFC 1034)."""

    ALIAS = "ALIAS"
    ANAME = "ANAME"
    FLATTENING = "flattening"
    """A CNAME may be entered at the apex: the host answers with the addresses."""
    NONE = "none"
    """Only to the host's own services, or not at all."""


@dataclass(frozen=True, slots=True)
class DnsHost:
    """One DNS host. None always means: not known for sure, and then the general advice is given."""

    slug: str
    """Stable name for programs; for the hosts that dns-lexicon reaches, its name of them."""
    name: str
    """Name for people."""
    suffixes: tuple[str, ...]
    """Its name servers are called so, or end in a dot and this."""
    provider: str | None = None
    """`provider` of an account with which Nameplate writes there itself."""
    host_field: HostField | None = None
    apex: Apex | None = None
    apex_alias: ApexAlias | None = None
    target_dot: bool | None = None
    """Whether names in values need their final dot; without it the panel appends the zone."""
    proxy_off: str | None = None
    """How to switch off the proxy that the panel offers for a record; None: it offers none."""
    borrows: tuple[str, ...] = ()
    """Slugs of hosts whose name servers stand beside its own in one delegation."""
    panel: str | None = None
    """Address of its DNS panel, or of its help about it."""
    steps: tuple[str, ...] = ()
    """How to get to the place where records are entered."""

    @property
    def apex_type(self) -> str | None:
        """The type of record with which the zone's own name follows a host name; None without."""
        if self.apex_alias in {None, ApexAlias.NONE}:
            return None
        return "CNAME" if self.apex_alias is ApexAlias.FLATTENING else str(self.apex_alias)
