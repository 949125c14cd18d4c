"""A small Internet on loopback: a registry, two DNS hosters, and resolvers that find their way.

All authoritative servers listen on one port, at addresses of their own. Unbound cannot follow a
referral to that port, so `resolve` tells it where each zone is; telling it again is what the
running out of all caches is elsewhere.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from ipaddress import ip_network
from pathlib import Path
from typing import Self

from nameplate.adapters.dns.powerdns import PowerDns as PowerDnsAdapter
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core.egress import EgressPolicy
from nameplate.core.records import Change, RRset
from nameplate.ports.dns import DnsProvider, Result, Zone
from tests.servers.bind import Bind
from tests.servers.knot import Knot
from tests.servers.powerdns import PowerDns
from tests.servers.process import free_port
from tests.servers.unbound import Unbound

TLD = "test"
REGISTRY, BIND, POWERDNS = "127.0.71.2", "127.0.0.1", "127.0.71.4"
"""BIND listens only at addresses that an interface has."""


class Internet:
    """Knot serves the top-level domain; BIND and PowerDNS host what they are told to."""

    def __init__(self, folder: Path, at_bind: list[str], at_powerdns: list[str]) -> None:
        """Start everything; zones are hosted, and nothing is delegated yet."""
        self.port = free_port()
        self._folder = folder
        self._stack = ExitStack()
        self._resolvers: dict[str, Unbound] = {}
        for name in ("knot", "bind", "powerdns", "recursor", "public"):
            (folder / name).mkdir()
        with self._stack:
            enter = self._stack.enter_context
            knot = enter(Knot(folder / "knot", [TLD], address=REGISTRY, port=self.port))
            self.bind = enter(Bind(folder / "bind", at_bind, address=BIND, port=self.port))
            power = PowerDns(folder / "powerdns", at_powerdns, address=POWERDNS, port=self.port)
            self.powerdns = enter(power)
            self._stack = self._stack.pop_all()
        self.registry = Rfc2136(knot.address, knot.port, [TLD], knot.tsig)
        self.at_bind = Rfc2136(BIND, self.port, at_bind, self.bind.tsig)
        self.at_powerdns = PowerDnsAdapter(power.api)

    def delegate(self, zone: str, servers: Mapping[str, str]) -> None:
        """Have the registry delegate a zone to servers, by name and address."""
        for name, address in servers.items():
            self.write(self.registry, TLD, RRset(name, "A", 300, (address,)))
        names = tuple(sorted(f"{name}." for name in servers))
        self.write(self.registry, TLD, RRset(zone, "NS", 300, names))

    @staticmethod
    def write(provider: DnsProvider, zone_name: str, wanted: RRset) -> None:
        """Put a record set into a zone as its owner would; without values it is taken out."""
        zone = next(zone for zone in provider.zones() if zone.name == zone_name)
        before = next((r for r in provider.records(zone) if r.key == wanted.key), None)
        after = wanted if wanted.values else None
        (outcome,) = provider.apply(zone, [Change(before, after)])
        assert outcome.result is Result.APPLIED, outcome

    def resolve(self, zones: Mapping[str, str], *, kept: int = 86_400) -> None:
        """Start the resolvers anew, told at which address each zone is served."""
        told = {zone: (address, self.port) for zone, address in zones.items()}
        for name, longest in (("recursor", 1), ("public", kept)):
            port = 0
            if name in self._resolvers:
                self._resolvers[name].stop()
                port = self._resolvers[name].port
            self._resolvers[name] = Unbound(
                self._folder / name,
                {TLD: (REGISTRY, self.port), **told},
                port=port,
                longest=longest,
            )

    @property
    def public(self) -> tuple[str, int]:
        """Where the public resolver listens."""
        return "127.0.0.1", self._resolvers["public"].port

    def resolver(self) -> AuthoritativeResolver:
        """Return Nameplate's view of this Internet."""
        return AuthoritativeResolver(
            EgressPolicy(allow=(ip_network("127.0.0.0/8"),)),
            recursor=("127.0.0.1", self._resolvers["recursor"].port),
            port=self.port,
            public=[self.public],
        )

    def zone(self, provider: DnsProvider, name: str) -> Zone:
        """Return one of a hoster's zones."""
        return next(zone for zone in provider.zones() if zone.name == name)

    def stop(self) -> None:
        """End every server."""
        for resolver in self._resolvers.values():
            resolver.stop()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
