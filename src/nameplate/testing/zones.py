"""What a DNS provider must do that can do more: name servers, trials of rights, zones that come and go."""

import time
from collections.abc import Callable
from typing import Protocol

from nameplate.core.errors import Refused, Unavailable
from nameplate.core.records import Change, RRset
from nameplate.ports.dns import (
    DnsProvider,
    NameServers,
    NewZone,
    RightsTester,
    Zone,
    ZoneHost,
    ZoneSigner,
)

_UNKNOWN = Zone("not-here.example.org")
_PATIENCE = 20.0
"""Seconds in which a server must answer for a zone that it has taken."""


class ToldProvider(DnsProvider, NameServers, Protocol):
    """A provider that tells a zone's name servers."""


class TriedProvider(DnsProvider, RightsTester, Protocol):
    """A provider at which rights can be tried."""


class HostingProvider(DnsProvider, ZoneHost, Protocol):
    """A provider at which zones come and go."""


class NameServersConformance:
    """Subclass it with fixtures `provider` (a `DnsProvider` that is `NameServers`) and `zone`."""

    def test_name_servers_are_those_of_the_zone(self, provider: ToldProvider, zone: Zone) -> None:
        """Canonical names without a final dot: those of the NS at the apex."""
        assert isinstance(provider, NameServers)
        told = list(provider.name_servers(zone))
        (apex,) = [one for one in provider.records(zone) if one.key == (zone.name, "NS")]
        assert sorted(f"{name}." for name in told) == sorted(apex.values)
        assert told == [name.lower().rstrip(".") for name in told]

    def test_name_servers_of_a_foreign_zone_are_refused(self, provider: ToldProvider) -> None:
        """A zone that is not there has none."""
        assert _code(lambda: provider.name_servers(_UNKNOWN))


class SigningProvider(DnsProvider, ZoneSigner, Protocol):
    """A provider that signs zones."""


class ZoneSignerConformance:
    """Subclass it with fixtures `signer` (a `DnsProvider` that is a `ZoneSigner`), `signed` and `unsigned`.

    Both are zones, of which the first is signed.
    """

    def test_a_signed_zone_has_records_for_its_parent(
        self, signer: SigningProvider, signed: Zone
    ) -> None:
        """Sorted, each with the key that it is the digest of."""
        assert isinstance(signer, ZoneSigner)
        told = list(signer.ds(signed))
        assert told == sorted(told)
        assert any(one.digest_type == 2 for one in told), "SHA-256 is among them"  # noqa: PLR2004 - RFC 4509
        assert all(one.public_key and one.digest == one.digest.upper() for one in told)

    def test_an_unsigned_zone_has_none(self, signer: SigningProvider, unsigned: Zone) -> None:
        """Whatever keys it had before."""
        assert list(signer.ds(unsigned)) == []


class RightsTesterConformance:
    """Subclass it with fixtures `provider` (a `DnsProvider` that is a `RightsTester`) and `zone`."""

    def test_rights_are_tried_without_effect(self, provider: TriedProvider, zone: Zone) -> None:
        """A credential that may read and change the zone passes, and the zone stays as it was."""
        assert isinstance(provider, RightsTester)
        before = provider.records(zone)
        provider.test_rights(zone)
        assert provider.records(zone) == before

    def test_there_are_no_rights_to_a_foreign_zone(self, provider: TriedProvider) -> None:
        """A zone that is not there is refused."""
        assert _code(lambda: provider.test_rights(_UNKNOWN))


class ZoneHostConformance:
    """Subclass it with fixtures `host` (a `DnsProvider` that is a `ZoneHost`) and `new_zone`.

    `new_zone(name)` returns a `NewZone` with a mark of its own, under a name that is not there yet when
    none is given.
    """

    def test_a_zone_comes_with_its_servers_and_nothing_else(
        self, host: HostingProvider, new_zone: Callable[..., NewZone]
    ) -> None:
        """SOA and NS as they were asked for; afterwards the zone is gone altogether."""
        assert isinstance(host, ZoneHost)
        new = new_zone()
        zone = _created(host, new)
        assert zone.name == new.name
        assert zone in host.zones()
        found = {rrset.key: rrset.values for rrset in host.records(zone)}
        assert set(found) == {(new.name, "SOA"), (new.name, "NS")}
        assert found[new.name, "NS"] == tuple(sorted(f"{one}." for one in new.name_servers))
        beginning = f"{new.name_servers[0]}. {new.hostmaster}. "
        assert found[new.name, "SOA"][0].startswith(beginning)
        host.delete(zone, new.mark)
        assert zone not in host.zones()
        assert _code(lambda: host.records(zone))

    def test_again_is_harmless(
        self, host: HostingProvider, new_zone: Callable[..., NewZone]
    ) -> None:
        """The same mark finds the same zone; a zone that is gone can be deleted."""
        new = new_zone()
        zone = _created(host, new)
        ours = RRset(f"www.{new.name}", "A", 300, ("192.0.2.1",))
        host.apply(zone, [Change(None, ours)])
        assert host.create(new) == zone
        assert ours in host.records(zone)
        for _ in range(2):
            host.delete(zone, new.mark)

    def test_the_old_content_does_not_come_back(
        self, host: HostingProvider, new_zone: Callable[..., NewZone]
    ) -> None:
        """A name that was deleted and is created again begins empty."""
        new = new_zone()
        zone = _created(host, new)
        ours = RRset(f"www.{new.name}", "A", 300, ("192.0.2.1",))
        host.apply(zone, [Change(None, ours)])
        host.delete(zone, new.mark)
        fresh = new_zone(new.name)
        assert ours not in host.records(_created(host, fresh))

    def test_a_zone_under_another_mark_is_left_alone(
        self, host: HostingProvider, new_zone: Callable[..., NewZone]
    ) -> None:
        """It is neither taken over nor deleted."""
        zone = _created(host, new_zone())
        there = host.records(zone)
        assert _code(lambda: host.create(new_zone(zone.name))) == "zone_exists"
        assert _code(lambda: host.delete(zone, new_zone().mark)) == "zone_foreign"
        assert host.records(zone) == there


def _created(host: HostingProvider, new: NewZone) -> Zone:
    """Create a zone; a server that does not answer for it yet is asked again for a while."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return host.create(new)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _code(act: Callable[[], object]) -> str:
    """Return the code of the refusal; empty when nothing was refused."""
    try:
        act()
    except Refused as refusal:
        return refusal.code
    return ""
