"""A DNS provider: zones, their record sets, and changes applied to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, runtime_checkable

from nameplate.core.configuration import Credentials, HostName, setting
from nameplate.core.delegation_signing import Ds
from nameplate.core.records import Change, RRset
from nameplate.ports.plugins import Plugin


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone at a provider: its apex name (canonical, no trailing dot) and the provider's own id."""

    name: str
    external_id: str = ""


class Result(StrEnum):
    """How one change ended."""

    APPLIED = "applied"
    """The provider has the wanted state (also when it had it before)."""
    MOVED = "moved"
    """The record set was no longer as `before` said; nothing was changed. Plan again."""
    REFUSED = "refused"
    """The provider will not have it; `detail` says why in words for a person."""
    UNKNOWN = "unknown"
    """The answer was lost; the change may have taken effect. Read back before repeating."""


class Outcome(NamedTuple):
    """What became of one change."""

    change: Change
    result: Result
    detail: str = ""
    external_ids: Mapping[str, str] = MappingProxyType({})
    """The provider's record id by value, where it has such ids."""


class DnsProvider(Protocol):
    """One credential at one DNS provider. Methods may be called from several threads.

    Raises `Unavailable` (try again later; carries `retry_after`) or `Refused` (credential or
    provider says no), and nothing else.
    """

    def zones(self) -> Sequence[Zone]:
        """Return every zone that this credential can reach."""
        ...

    def records(self, zone: Zone) -> Sequence[RRset]:
        """Read every record set of the zone, live, in canonical form."""
        ...

    def apply(self, zone: Zone, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Bring the record sets of `changes` from `before` to `after`, batched where possible.

        One outcome for each change, in their order. Compare and set: a record set that is neither
        `before` nor `after` any more stays untouched and answers MOVED. Applying twice is harmless.
        A change that the provider refuses never blocks the others. Raises `Unavailable` only when
        nothing at all was sent; a lost answer is UNKNOWN.
        """
        ...


@runtime_checkable
class NameServers(Protocol):
    """A provider that tells a zone's name servers in less than a reading of the whole zone."""

    def name_servers(self, zone: Zone) -> Sequence[str]:
        """Return the names to which the zone must be delegated, canonical, without final dot.

        Raises as `DnsProvider` does.
        """
        ...


@runtime_checkable
class RightsTester(Protocol):
    """A provider at which the rights to read and change a zone can be tried without effect."""

    def test_rights(self, zone: Zone) -> None:
        """Read the zone, and ask for a change that cannot happen; raises as `DnsProvider` does.

        Whatever comes of it, the zone stays as it was.
        """
        ...


@runtime_checkable
class ZoneSigner(Protocol):
    """A provider that signs zones (DNSSEC) and tells what belongs to their parents."""

    def ds(self, zone: Zone) -> Sequence[Ds]:
        """Return the DS records of the zone's keys, each with its public key; none: it is not signed.

        Keys that are published ahead of their use are among them, keys that have left are not. Raises
        as `DnsProvider` does.
        """
        ...


@dataclass(frozen=True, slots=True)
class NewZone:
    """A zone that is to come into being at a name server of the operator's own."""

    name: str
    """Apex, canonical."""
    name_servers: tuple[str, ...]
    """The NS of its apex, canonical, at least one."""
    hostmaster: str
    """The mailbox of its SOA as a domain name (RFC 1035 section 8)."""
    mark: str
    """An unguessable label by which the server knows the zone as this one: at most 40 of `a-z0-9`."""


@runtime_checkable
class ZoneHost(Protocol):
    """What a `DnsProvider` can do besides, where the operator runs the server: zones come and go.

    Raises `Unavailable` and `Refused` as `DnsProvider` does.
    """

    def create(self, new: NewZone) -> Zone:
        """Create the zone with nothing but SOA and NS; again with the same mark is harmless.

        Raises `Refused` with code `zone_exists` when the server has a zone of this name under
        another mark or none: it stays untouched. `Unavailable` ("zone_not_ready") when the server
        has accepted it and does not answer for it yet.
        """
        ...

    def delete(self, zone: Zone, mark: str) -> None:
        """Remove the zone with all that is in it; one that is gone already is fine.

        Raises `Refused` with code `zone_foreign` when the zone there does not carry `mark`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsConfiguration:
    """The settings that an account has at any DNS provider: the schema of each begins with them."""

    marker: bool = setting(
        "Keep a TXT record `_nameplate-owner` that names the installation that manages the "
        "domain's records.",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedConfiguration:
    """The setting `hosted` of a provider that is a `ZoneHost`: zones of the operator's own."""

    name_servers: tuple[HostName, ...] = setting(
        "Name servers that owners set at the registrar, as in ns1.example.net."
    )
    hostmaster: HostName | None = setting(
        "Mailbox of the SOA as a domain name. Default: `hostmaster.` and the first name server.",
        default=None,
    )
    closed: bool = setting(
        "Keep existing zones here, and create new ones with the platform's next account.",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsProviderPlugin(Plugin):
    """A DNS provider in the group `nameplate.dns_providers` of entry points."""

    connect: Callable[[Any, Credentials], DnsProvider]
    """Takes an instance of `configuration` and the opened credentials; sends no request yet.

    Raises `Refused` when they cannot be used."""
