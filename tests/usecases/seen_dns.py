"""The DNS as a table, for use cases that only ask a resolver."""

from dataclasses import dataclass, field

from nameplate.ports.resolver import Answer, AnswerKind, Delegation, LookupResult


@dataclass
class SeenDns:
    """A resolver whose world is written down: zones with their servers, and addresses."""

    zones: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Zone -> its name servers; none: the zone's servers do not answer."""
    hosts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Host -> its addresses."""
    lame: frozenset[str] = frozenset()
    """Zones whose servers refuse to answer for them."""
    wildcards: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name below which any other has this type and value."""

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        zone = self._zone(name)
        if rdtype != "NS":
            wild = [found for place, found in self.wildcards.items() if name.endswith(f".{place}")]
            if not wild:
                return LookupResult(zone, ())
            values = tuple(value for kind, value in wild if kind == rdtype)
            kind = AnswerKind.DATA if values else AnswerKind.NODATA
            return LookupResult(zone, (Answer(kind, "ns1 (192.0.2.1)", values, ttl=120),))
        return LookupResult(zone, self._answers(zone)) if zone else LookupResult("", ())

    def public(self, name: str, rdtype: str) -> tuple[Answer, ...]:
        return ()

    def delegation(self, name: str) -> Delegation:
        zone = self._zone(name)
        return Delegation(zone, self.zones.get(zone, ()), self._answers(zone) if zone else ())

    def addresses(self, name: str) -> tuple[str, ...]:
        return self.hosts.get(name, ())

    def _zone(self, name: str) -> str:
        found = [zone for zone in self.zones if name == zone or name.endswith(f".{zone}")]
        return max(found, key=len, default="")

    def _answers(self, zone: str) -> tuple[Answer, ...]:
        servers = self.zones[zone]
        values = tuple(f"{server}." for server in servers)
        if zone in self.lame:
            return tuple(
                Answer(AnswerKind.REFUSED, f"{server} (192.0.2.1)", detail="lame")
                for server in servers
            )
        return tuple(Answer(AnswerKind.DATA, f"{server} (192.0.2.1)", values) for server in servers)
