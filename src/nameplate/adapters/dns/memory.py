"""A DNS provider in memory: the reference of the port, and the provider of demonstrations."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nameplate.adapters.changes.compare import moved, settled, shown
from nameplate.core.configuration import Credential, Credentials, DomainName, setting
from nameplate.core.delegation_signing import Ds
from nameplate.core.errors import Refused
from nameplate.core.records import Change, RRset, units
from nameplate.ports.dns import DnsConfiguration, DnsProviderPlugin, Outcome, Result, Zone


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryConfiguration(DnsConfiguration):
    """What an account in memory says."""

    zones: tuple[DomainName, ...] = setting("Zones of the account, empty at first.", default=())


def connect(config: MemoryConfiguration, _credentials: Credentials) -> "MemoryDns":
    """Return the provider of one account."""
    return MemoryDns(dict.fromkeys(config.zones, ()))


plugin = DnsProviderPlugin(
    title="In memory, for demonstrations",
    configuration=MemoryConfiguration,
    credentials=(Credential("api_key", "Stored but not used.", is_required=False),),
    connect=connect,
)


class MemoryDns:
    """Zones as dictionaries behind a lock. Like real servers it refuses data beside a CNAME."""

    def __init__(self, zones: Mapping[str, Iterable[RRset]]) -> None:
        self._zones = {
            name: {rrset.key: rrset for rrset in rrsets} for name, rrsets in zones.items()
        }
        self._lock = threading.Lock()
        self.keys: dict[str, tuple[Ds, ...]] = {}
        """DS records of the keys of each signed zone."""

    def zones(self) -> Sequence[Zone]:
        """Return all zones."""
        return [Zone(name, name) for name in self._zones]

    def records(self, zone: Zone) -> Sequence[RRset]:
        """Return all record sets of the zone, sorted."""
        with self._lock:
            return sorted(self._content(zone).values())

    def ds(self, zone: Zone) -> Sequence[Ds]:
        """Return what `keys` has."""
        return sorted(self.keys.get(zone.name, ()))

    def apply(self, zone: Zone, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Apply unit by unit: changes that belong together succeed or fail together."""
        outcomes: dict[Change, Outcome] = {}
        with self._lock:
            content = self._content(zone)
            types: dict[str, set[str]] = {}
            for name, rdtype in content:
                types.setdefault(name, set()).add(rdtype)
            for unit in units(changes):
                there = types.setdefault(unit[0].key[0], set())
                done = _apply(content, unit, there)
                outcomes.update((outcome.change, outcome) for outcome in done)
        return [outcomes[change] for change in changes]

    def _content(self, zone: Zone) -> dict[tuple[str, str], RRset]:
        try:
            return self._zones[zone.name]
        except KeyError:
            raise Refused("zone_missing", f"There is no zone {zone.name}.") from None


def _apply(
    content: dict[tuple[str, str], RRset], unit: Sequence[Change], there: set[str]
) -> list[Outcome]:
    """Apply changes that belong together; `there` are the types at their name, kept in step."""
    done = [settled(change, content) for change in unit]
    if any(outcome and outcome.result is Result.MOVED for outcome in done):
        return [one or moved(change) for change, one in zip(unit, done, strict=True)]
    wanted = {change.key: change.after for change in unit}
    types = there - {rdtype for _, rdtype in wanted} | {
        k[1] for k, after in wanted.items() if after
    }
    if "CNAME" in types and len(types) > 1 and any(wanted.values()):
        detail = f"{shown(unit[0])}: a CNAME must be alone at its name."
        return [Outcome(change, Result.REFUSED, detail) for change in unit]
    for key, after in wanted.items():
        if after is None:
            content.pop(key, None)
        else:
            content[key] = after
    there.clear()
    there.update(types)
    return [Outcome(change, Result.APPLIED) for change in unit]
