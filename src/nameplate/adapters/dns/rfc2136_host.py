"""Zones that come and go at a server that reads them from a catalog zone (RFC 9432), such as Knot.

The catalog is an ordinary zone that takes RFC 2136 updates: a member is one PTR in it, whose
unique label is the zone's mark. The server loads a new member from the operator's template.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdatatype

from nameplate.adapters.dns.rfc2136 import Rfc2136, Tsig
from nameplate.core.configuration import (
    Credential,
    Credentials,
    DomainName,
    Form,
    HostName,
    HostPort,
    credential,
    host_and_port,
    setting,
)
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.records import Change, RRset
from nameplate.ports.dns import (
    DnsConfiguration,
    DnsProviderPlugin,
    HostedConfiguration,
    NewZone,
    Result,
    Zone,
)

_SOA_TTL = 3600
_ALGORITHMS = (
    *("hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1"),
    *("hmac-sha256-128", "hmac-sha384-192", "hmac-sha512-256", "hmac-md5.sig-alg.reg.int"),
)
Algorithm = Annotated[
    str,
    Form(
        "tsig algorithm",
        f"one of {', '.join(_ALGORITHMS)}",
        lambda text: text.lower().removesuffix(".") in _ALGORITHMS,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogHosted(HostedConfiguration):
    """Zones that come and go with their entries in a catalog zone (RFC 9432)."""

    catalog: DomainName = setting("The catalog zone that lists the hosted zones.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rfc2136Configuration(DnsConfiguration):
    """What an account at a name server says."""

    server: HostPort = setting("Host and port of the primary server, as in 10.0.0.53:53.")
    zones: tuple[DomainName, ...] = setting(
        "Zones of the account. Required because the protocol cannot list them.", default=()
    )
    tsig_name: HostName | None = setting("Name of the TSIG key.", default=None)
    tsig_algorithm: Algorithm = setting("Algorithm of the TSIG key.", default="hmac-sha256")
    hosted: CatalogHosted | None = setting(
        "Offer zones on this server to organizations.", default=None, platform_only=True
    )


def connect(config: Rfc2136Configuration, credentials: Credentials) -> Rfc2136:
    """Return the provider of one account."""
    server, port = host_and_port(config.server)
    key = None
    if config.tsig_name:
        key = (config.tsig_name, config.tsig_algorithm, credential(credentials, "tsig_secret"))
    if config.hosted is None:
        return Rfc2136(server, port, config.zones, key)
    return CatalogServer(server, port, config.hosted.catalog, key)


plugin = DnsProviderPlugin(
    title="Any name server with dynamic updates (RFC 2136)",
    configuration=Rfc2136Configuration,
    credentials=(
        Credential(
            "tsig_secret", "The TSIG key in base64.", is_required=False, needed_with="tsig_name"
        ),
    ),
    connect=connect,
)


class CatalogServer(Rfc2136):
    """Implements `ZoneHost` too. Its zones are the members of the catalog."""

    def __init__(
        self, server: str, port: int, catalog: str, tsig: Tsig | None, timeout: float = 10.0
    ) -> None:
        """Prepare like `Rfc2136`, with the zones of the catalog."""
        super().__init__(server, port, (), tsig, timeout)
        self._catalog = Zone(catalog, catalog)

    def zones(self) -> Sequence[Zone]:
        """Return the members of the catalog."""
        return sorted((Zone(name, name) for name in self._members()), key=lambda zone: zone.name)

    def create(self, new: NewZone) -> Zone:
        """Add the member, and give the zone its own SOA and NS instead of the template's."""
        zone = Zone(new.name, new.name)
        mark = self._members().get(new.name)
        if mark is None and not self._is_unknown(zone):
            mark = ""
        if mark not in {None, new.mark}:
            raise Refused(
                "zone_exists",
                f"The name server has a zone {new.name} that Nameplate did not create.",
            )
        if mark is None:
            self._sure(self._catalog, Change(None, self._member(new.name, new.mark)))
        if self._is_unknown(zone):
            raise Unavailable("zone_not_ready", f"The server does not answer for {new.name} yet.")
        self._dress(zone, new)
        return zone

    def delete(self, zone: Zone, mark: str) -> None:
        """Take the member out of the catalog: the server drops the zone."""
        found = self._members().get(zone.name)
        if found is None:
            return
        if found != mark:
            raise Refused(
                "zone_foreign",
                f"The zone {zone.name} on the name server was not created by Nameplate.",
            )
        self._sure(self._catalog, Change(self._member(zone.name, mark), None))

    def _members(self) -> dict[str, str]:
        """Return the mark of each member by its name."""
        ending = f".zones.{self._catalog.name}"
        return {
            value.removesuffix("."): rrset.name.removesuffix(ending)
            for rrset in self.records(self._catalog)
            if rrset.type == "PTR" and rrset.name.endswith(ending)
            for value in rrset.values
        }

    def _member(self, name: str, mark: str) -> RRset:
        return RRset(f"{mark}.zones.{self._catalog.name}", "PTR", 0, (f"{name}.",))

    def _is_unknown(self, zone: Zone) -> bool:
        """Tell whether the server has no such zone: it answers with no SOA of that name."""
        query = dns.message.make_query(zone.name, "SOA", flags=0)
        try:
            with socket.create_connection(self._address, self._timeout) as connection:
                answer = dns.query.tcp(query, self._server, self._timeout, sock=connection)
        except (OSError, EOFError, dns.exception.DNSException) as error:
            raise self._unreachable(error) from None
        owner = dns.name.from_text(zone.name)
        return not any(
            rrset.name == owner and rrset.rdtype == dns.rdatatype.SOA for rrset in answer.answer
        )

    def _dress(self, zone: Zone, new: NewZone) -> None:
        live = {rrset.type: rrset for rrset in self.records(zone) if rrset.name == zone.name}
        soa, servers = live["SOA"], tuple(sorted(f"{server}." for server in new.name_servers))
        _, _, serial, *times = soa.values[0].split()
        head = f"{new.name_servers[0]}. {new.hostmaster}."
        if not soa.values[0].startswith(f"{head} "):
            value = " ".join([head, str(int(serial) + 1), *times])
            self._sure(zone, Change(soa, RRset(zone.name, "SOA", _SOA_TTL, (value,))))
        if live["NS"].values != servers:
            self._sure(zone, Change(live["NS"], RRset(zone.name, "NS", _SOA_TTL, servers)))

    def _sure(self, zone: Zone, change: Change) -> None:
        """Apply one change, or raise."""
        (outcome,) = self.apply(zone, [change])
        if outcome.result is Result.REFUSED:
            raise Refused("zone_refused", outcome.detail)
        if outcome.result is not Result.APPLIED:
            raise Unavailable(
                "zone_not_ready", outcome.detail or f"{zone.name} was changed meanwhile."
            )
