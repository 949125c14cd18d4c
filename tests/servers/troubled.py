"""Zones with every kind of trouble, on two real name servers below one registry, and one that lies.

All listen on one port, at addresses of their own. A scripted recursor tells who serves which zone; a
scripted public resolver answers what each zone is told to have in caches.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Self

import dns.dnssec
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.resolver.signatures import DnssecChecker
from nameplate.core.egress import EgressPolicy
from tests.servers.knot import Knot
from tests.servers.process import free_port
from tests.servers.scripted_dns import ScriptedDns, replies

FIRST, SECOND, REGISTRY, LIAR = "127.0.73.1", "127.0.73.2", "127.0.73.3", "127.0.73.4"
NS1, NS2, LYING = "ns1.hoster.test", "ns2.hoster.test", "liar.hoster.test"
INSIDE = "inside.hoster.test"
ADDRESSES = {
    NS1: FIRST,
    NS2: SECOND,
    LYING: LIAR,
    INSIDE: "10.9.9.9",
    "ns.registry.test": REGISTRY,
}
SERVER = "93.184.215.14"
"""Where hosts lead when all is well."""
POLICY = EgressPolicy(allow=(ip_network("127.0.0.0/8"),))
DAY = 86_400
_VALIDITY = {"expired": (-9 * DAY, -DAY), "future": (DAY, 9 * DAY)}
"""From when until when signatures hold, in seconds from now."""


@dataclass(frozen=True)
class TroubledZone:
    """One zone: what its servers have, and what its parent and others say."""

    name: str
    lines: str = ""
    address: str | None = SERVER
    """A of the apex."""
    second: str | None = None
    """Lines that only the second server has instead; None: the same."""
    parent: Sequence[str] = (NS1, NS2)
    """Name servers that the registry gives out; none: not registered."""
    child: Sequence[str] | None = None
    """Those that the zone names; None: the same."""
    cached: tuple[str, str] | None = None
    """What the public resolver says of any TXT: a kind and a value."""
    signed: str = ""
    """`good`, `expired`, `future`, `mismatch`, `tampered`, `stripped`, `no_ds`, `no_keys`; empty: not."""
    lies: Mapping[str, Sequence[str] | dns.rcode.Rcode] = field(default_factory=dict)
    """What the lying server answers for a type, at any name of the zone; everything else refused."""

    def text(self, lines: str) -> str:
        """Return the whole zone file."""
        servers = self.parent if self.child is None else self.child
        apex = f"@ A {self.address}\n" if self.address else ""
        named = "".join(f"@ NS {one}.\n" for one in servers or (NS1,))
        return (
            f"$ORIGIN {self.name}.\n$TTL 300\n@ SOA ns1.hoster.test. hostmaster.hoster.test. 1 7200 3600 "
            f"1209600 60\n{named}{apex}{lines}\n"
        )

    def files(self) -> tuple[str, str, str]:
        """Return what the two servers load, and the DS record for the registry."""
        texts = [
            self.text(self.lines),
            self.text(self.lines if self.second is None else self.second),
        ]
        if not self.signed:
            return texts[0], texts[1], ""
        signed, ds = _signed(self, texts[0])
        return signed, signed, "" if self.signed == "no_ds" else ds


def _signed(zone: TroubledZone, text: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    public = dns.dnssec.make_dnskey(key.public_key(), 13, 257)
    named = public
    if zone.signed == "mismatch":
        other = ec.generate_private_key(ec.SECP256R1())
        named = dns.dnssec.make_dnskey(other.public_key(), 13, 257)
    ds = f"{dns.dnssec.make_ds(f'{zone.name}.', named, 'SHA256')}"
    if zone.signed == "no_keys":
        return text, ds
    made = dns.zone.from_text(text, zone.name, relativize=False)
    now = int(time.time())
    begin, end = _VALIDITY.get(zone.signed, (-DAY, DAY))
    dns.dnssec.sign_zone(made, keys=[(key, public)], inception=now + begin, expiration=now + end)
    written = made.to_text(relativize=False)
    if zone.signed == "tampered":
        written = written.replace(SERVER, "93.184.215.15").replace(" 7200 ", " 7201 ")
    if zone.signed == "stripped":
        lines = written.splitlines(keepends=True)
        written = "".join(line for line in lines if "RRSIG SOA" not in line)
    return f"$ORIGIN {zone.name}.\n{written}", ds


class TroubledInternet:
    """Serves the zones until the end of `with`."""

    def __init__(self, folder: Path, zones: Iterable[TroubledZone]) -> None:
        self.port = free_port()
        self._folder = folder
        self._zones = {zone.name: zone for zone in zones}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            files = {name: zone.files() for name, zone in self._zones.items()}
            for number, address in enumerate((FIRST, SECOND)):
                place = self._folder / f"knot{number}"
                place.mkdir()
                contents = {name: three[number] for name, three in files.items()}
                stack.enter_context(
                    Knot(place, list(files), address=address, port=self.port, contents=contents)
                )
            registry = self._folder / "registry"
            registry.mkdir()
            contents = {"test": self._registry({name: three[2] for name, three in files.items()})}
            stack.enter_context(
                Knot(registry, ["test"], address=REGISTRY, port=self.port, contents=contents)
            )
            stack.enter_context(ScriptedDns(self._lie, address=LIAR, port=self.port))
            self._recursor = stack.enter_context(ScriptedDns(replies(self._known())))
            self._public = stack.enter_context(ScriptedDns(self._cached))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def resolver(
        self, zone: str, private: Mapping[str, Sequence[tuple[str, str, int]]] | None = None
    ) -> AuthoritativeResolver:
        """Return Nameplate's view; public resolvers are asked where a zone says what they have.

        `private` are zones whose servers are told.
        """
        known = self._zones.get(zone)
        public = [("127.0.0.1", self._public.port)] if known and known.cached else []
        return AuthoritativeResolver(
            POLICY,
            recursor=("127.0.0.1", self._recursor.port),
            overrides=private,
            port=self.port,
            public=public,
        )

    def signatures(
        self, private: Mapping[str, Sequence[tuple[str, str, int]]] | None = None
    ) -> DnssecChecker:
        """Return what looks at signatures; `private` are zones whose servers are told."""
        return DnssecChecker(
            POLICY,
            lambda: datetime.now(UTC),
            recursor=("127.0.0.1", self._recursor.port),
            overrides=private,
            port=self.port,
        )

    def _registry(self, ds: Mapping[str, str]) -> str:
        text = "$ORIGIN test.\n$TTL 300\n@ SOA ns.registry.test. x.test. 1 7200 3600 1209600 60\n"
        text += "@ NS ns.registry.test.\n"
        text += "".join(f"{name}. A {address}\n" for name, address in ADDRESSES.items())
        for name, zone in self._zones.items():
            if name.count(".") == 1:
                text += "".join(f"{name}. NS {server}.\n" for server in zone.parent)
                text += f"{name}. DS {ds[name]}\n" if ds[name] else ""
        return text

    def _known(self) -> dict[tuple[str, str], list[str]]:
        """Return what the recursor knows: name servers and their addresses."""
        known = {("test", "NS"): ["ns.registry.test."]}
        known |= {(name, "A"): [address] for name, address in ADDRESSES.items()}
        for name, zone in self._zones.items():
            servers = zone.parent if zone.child is None else zone.child
            if zone.parent:
                known[name, "NS"] = [f"{server}." for server in servers]
            if zone.address:
                known[name, "A"] = [zone.address]
        return known

    def _zone(self, query: dns.message.Message) -> TroubledZone | None:
        asked = query.question[0].name.to_text(omit_final_dot=True).lower()
        within = [one for one in self._zones if asked == one or asked.endswith(f".{one}")]
        return self._zones[max(within, key=len)] if within else None

    def _lie(self, query: dns.message.Message) -> dns.message.Message:
        zone, question = self._zone(query), query.question[0]
        reply = dns.message.make_response(query)
        told = None if zone is None else zone.lies.get(question.rdtype.name)
        if zone is not None and zone.lies and told is None:
            told = zone.lies.get("*")
        if told is None:
            reply.set_rcode(dns.rcode.REFUSED)
        elif isinstance(told, dns.rcode.Rcode):
            reply.set_rcode(told)
        else:
            reply.flags |= dns.flags.AA
            if told:
                found = dns.rrset.from_text(question.name, 60, "IN", question.rdtype, *told)
                reply.answer = [found]
        return reply

    def _cached(self, query: dns.message.Message) -> dns.message.Message:
        zone, question = self._zone(query), query.question[0]
        kind, value = (zone.cached if zone else None) or ("servfail", "")
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if kind == "servfail":
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif kind == "nxdomain":
            reply.set_rcode(dns.rcode.NXDOMAIN)
            soa = "ns1.hoster.test. x.test. 1 7200 3600 1209600 60"
            reply.authority = [dns.rrset.from_text("test.", 42, "IN", "SOA", soa)]
        else:
            reply.answer = [dns.rrset.from_text(question.name, 37, "IN", "TXT", value)]
        return reply
