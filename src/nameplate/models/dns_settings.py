"""What a domain knows of its zone at the DNS host: the JSON of `dns_config` as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from nameplate.core.value_codec import Unreadable, decoded, encoded

_OWN = frozenset({"account_id", "zone", "automatic", "hosted", "cdn"})
"""Keys that are ours; the account was one of them once."""


@dataclass(frozen=True, slots=True)
class Hosting:
    """With what a zone on the operator's own name servers begins."""

    name_servers: tuple[str, ...]
    """Canonical, without trailing dot, in the operator's order."""
    hostmaster: str
    """Mailbox of the SOA, as a name."""


@dataclass(frozen=True, slots=True)
class CdnSettings:
    """What the DNS host's own network does with hosts that it stands in front of."""

    hosts: tuple[str, ...]
    """Absolute owner names of proxied records, canonical; `*.` stands for one label."""
    mode: str = ""
    """How it asks the origin, in its own word, as in `flexible`; empty: not known."""
    networks: tuple[str, ...] = ()
    """From where it asks."""
    networks_at: str = ""
    """Of when that list is (ISO 8601, UTC); empty: there is none."""


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """Settings of a domain at its DNS host; the account is a column beside it."""

    zone: str | None = None
    """Apex of the zone at the account; None: not found yet."""
    hosted: Hosting | None = None
    """None: the zone is not on the operator's own name servers."""
    automatic: bool = True
    """Nameplate makes the records that lead hosts to their servers."""
    cdn: CdnSettings | None = None
    """None: no record is proxied."""
    other: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What somebody else keeps there; it stays as it is."""

    def as_json(self) -> dict[str, Any] | None:
        """Return what goes into the column, nothing where all is as usual."""
        found = dict(self.other)
        if self.zone:
            found["zone"] = self.zone
        if self.hosted:
            servers = list(self.hosted.name_servers)
            found["hosted"] = {"name_servers": servers, "hostmaster": self.hosted.hostmaster}
        if not self.automatic:
            found["automatic"] = False
        if self.cdn:
            found["cdn"] = encoded(self.cdn)
        return found or None

    @classmethod
    def from_json(cls, document: Any) -> Self:  # noqa: ANN401 - whatever stands there
        """Return the settings; without any they are the usual ones."""
        if not isinstance(document, dict):
            return cls()
        zone = document.get("zone")
        return cls(
            zone=zone if isinstance(zone, str) and zone else None,
            hosted=_hosting(document.get("hosted")),
            automatic=document.get("automatic") is not False,
            cdn=_cdn(document.get("cdn")),
            other={key: value for key, value in document.items() if key not in _OWN},
        )


def _hosting(document: Any) -> Hosting | None:  # noqa: ANN401 - whatever stands there
    if not isinstance(document, dict) or not isinstance(document.get("name_servers"), list):
        return None
    servers = tuple(str(server) for server in document["name_servers"])
    return Hosting(servers, str(document.get("hostmaster") or ""))


def _cdn(document: Any) -> CdnSettings | None:  # noqa: ANN401 - whatever stands there
    try:
        return None if document is None else decoded(CdnSettings, document)
    except Unreadable:
        return None
