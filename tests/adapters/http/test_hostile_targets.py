"""Every special-purpose address in every disguise: the safe fetcher connects to none of them.

Whatever a name leads to is dialled at one port, at which a canary listens on every address of this
machine. One loopback address stands for the public Internet, and is the only one that may be met.
"""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import count
from random import Random
from types import TracebackType
from typing import Any, Literal, Self

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from tests.servers.hostile import request_head
from tests.servers.process import free_port
from tests.servers.scripted_dns import ScriptedDns

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core.egress import EgressPolicy
from nameplate.ports.fetcher import Fetched, HttpOutcome

PUBLIC = "127.71.0.1"
ZONE = "hostile.example.org"
FEWEST = 400

# IANA special-purpose address registries as of 2026-10 (RFC 6890), multicast, obsolete forms that
# carry an IPv4 address, and what clouds answer at. Written here anew: not what the code has.
BLOCKS_4 = [
    "0.0.0.0/8",
    "0.0.0.0/32",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.0.0/29",
    "192.0.0.8/32",
    "192.0.0.9/32",
    "192.0.0.10/32",
    "192.0.0.170/32",
    "192.0.0.171/32",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.88.99.2/32",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "169.254.169.254/32",
    "168.63.129.16/32",
    "100.100.100.200/32",
]
BLOCKS_6 = [
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:0:0/96",
    "::ffff:0:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001::/32",
    "2001:1::1/128",
    "2001:1::2/128",
    "2001:1::3/128",
    "2001:2::/48",
    "2001:3::/32",
    "2001:4:112::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:30::/28",
    "2001:db8::/32",
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "fd00:ec2::254/128",
    "fd20:ce::254/128",
    "::ffff:127.0.0.0/104",
    "64:ff9b::a00:0/104",
    "2002:7f00::/24",
    "::ffff:0:7f00:0/104",
]
INSIDE = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "0.0.0.0")
"""Carried in names, where a block has them not."""

Address = IPv4Address | IPv6Address


@dataclass
class Campaign:
    """A resolver, a public web server, a canary everywhere else, and what met whom."""

    dialled: list[tuple[str, int]] = field(default_factory=list)
    """Where TCP connections of this process were opened to, at the canary's port."""
    met: list[str] = field(default_factory=list)
    """At which addresses connections arrived."""
    location: str = ""
    """Where the public server redirects to; empty: it does not."""
    answers: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    """Name -> its addresses, or `CNAME target`, one entry for each time it is looked up."""

    def __post_init__(self) -> None:
        self.port = free_port()
        self.names = count(1)
        self.dns = ScriptedDns(self._script)
        policy = EgressPolicy(allow=(ip_network(f"{PUBLIC}/32"),))
        resolver = AuthoritativeResolver(policy, recursor=("127.0.0.1", self.dns.port))
        ports = {"http": self.port, "https": self.port}
        # Every redirect is one within the site: nothing but addresses is left to stop it.
        self.fetcher = SafeFetcher(
            policy, resolver.addresses, ports=ports, same_site=lambda _one, _other: True
        )

    def __enter__(self) -> Self:
        self.dns.__enter__()
        self._canaries = [
            socket.create_server(("0.0.0.0", self.port)),
            socket.create_server(("::", self.port), family=socket.AF_INET6),
        ]
        for one in self._canaries:
            threading.Thread(target=self._accept, args=(one,), daemon=True).start()
        _watching.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _watching.remove(self)
        for one in self._canaries:
            one.shutdown(socket.SHUT_RDWR)
            one.close()
        self.dns.__exit__(kind, error, trace)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                self.met.append(str(connection.getsockname()[0]).removeprefix("::ffff:"))
                connection.settimeout(2)
                path = request_head(connection).split(" ")[1:2]
                moved = path == ["/"] and self.location
                head = f"302 Found\r\nLocation: {self.location}" if moved else "200 OK"
                connection.sendall(f"HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n".encode())

    def _script(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        owner = question.name
        turns = self.answers.get(name, [()])
        is_last = question.rdtype == dns.rdatatype.AAAA  # asked after A, or at the same time
        values = turns.pop(0) if len(turns) > 1 and is_last else turns[0]
        for value in values:
            if value.startswith("CNAME "):
                target = value.removeprefix("CNAME ")
                reply.answer.append(dns.rrset.from_text(owner, 60, "IN", "CNAME", f"{target}."))
                owner = reply.answer[-1][0].target
                values = self.answers[target][0]
        kind = dns.rdatatype.to_text(question.rdtype)
        fitting = [one for one in values if kind == ("AAAA" if ":" in one else "A")]
        if fitting:
            reply.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, *fitting))
        return reply

    def name(self, *turns: tuple[str, ...]) -> str:
        """Return a new name with these addresses, one look-up after the other."""
        made = f"n{next(self.names)}.{ZONE}"
        self.answers[made] = list(turns)
        return made


_watching: list[Campaign] = []


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _watching and args[0].family != socket.AF_UNIX:
        (one, where), (campaign,) = args, _watching
        if one.type & socket.SOCK_STREAM and where[1] == campaign.port:
            campaign.dialled.append((str(where[0]), where[1]))


sys.addaudithook(_audit)  # there is no way to take one away; it is quiet outside a campaign


Target = Callable[[Campaign, Address], Fetched]
Scheme = Literal["http", "https"]


def direct(campaign: Campaign, address: Address) -> Fetched:
    return campaign.fetcher.fetch(campaign.name((str(address),)), "/")


def direct_by_tls(campaign: Campaign, address: Address) -> Fetched:
    return campaign.fetcher.fetch(campaign.name((str(address),)), "/", scheme="https")


def beside_a_good_one(campaign: Campaign, address: Address) -> Fetched:
    return campaign.fetcher.fetch(campaign.name((PUBLIC, str(address))), "/")


def redirect(campaign: Campaign, address: Address) -> Fetched:
    campaign.location = f"http://{campaign.name((str(address),))}/inside"
    return campaign.fetcher.fetch(campaign.name((PUBLIC,)), "/")


def redirect_to_tls(campaign: Campaign, address: Address) -> Fetched:
    campaign.location = f"https://{campaign.name((str(address),))}/inside"
    return campaign.fetcher.fetch(campaign.name((PUBLIC,)), "/")


def alias(campaign: Campaign, address: Address) -> Fetched:
    end = campaign.name((str(address),))
    return campaign.fetcher.fetch(campaign.name((f"CNAME {end}",)), "/")


def rebinding(campaign: Campaign, address: Address) -> Fetched:
    """Good when it is vetted, and inside when anybody looks once more."""
    name = campaign.name((PUBLIC,), (str(address),))
    campaign.location = f"http://{name}/again"
    return campaign.fetcher.fetch(name, "/")


def by_address(campaign: Campaign, address: Address) -> Fetched:
    return campaign.fetcher.fetch_at(str(address), ZONE, "/", port=campaign.port)


DISGUISES: tuple[Target, ...] = (
    direct, direct_by_tls, beside_a_good_one, redirect, redirect_to_tls, alias, rebinding, by_address,
)  # fmt: skip


def literals(address: Address) -> Iterator[str]:
    """Yield spellings of an address that some library takes for it."""
    if isinstance(address, IPv6Address):
        yield from (
            f"[{address}]",
            f"[{address.exploded}]",
            f"[{address}%25eth0]",
            f"[{address}%lo]",
        )
        yield str(address).replace(":", "-") + ".ip6"
        return
    number, parts = int(address), str(address).split(".")
    yield str(address)
    yield f"{address}."
    yield str(number)
    yield hex(number)
    yield f"0{number:o}"
    yield ".".join(f"0{int(part):o}" for part in parts)
    yield ".".join(hex(int(part)) for part in parts)
    yield f"{parts[0]}.{number & 0xFFFFFF}"
    yield f"{parts[0]}.{parts[1]}.{number & 0xFFFF}"
    yield ".".join(chr(0xFF10 + int(digit)) if digit.isdigit() else digit for digit in str(address))
    yield "".join(f"%{ord(char):02x}" for char in str(address))
    yield f"{ZONE}@{address}"
    yield f"{ZONE}%00@{address}"
    yield f"{address}#.{ZONE}"
    yield f"{address}\\.{ZONE}"
    yield f"[::ffff:{address}]"
    yield f"[::{address}]"
    yield f"[64:ff9b::{address}]"


def samples(each: int, random: Random) -> Iterator[Address]:
    """Yield addresses of every block: both ends, and others between them."""
    for text in (*BLOCKS_4, *BLOCKS_6):
        network: IPv4Network | IPv6Network = ip_network(text)
        places = {0, network.num_addresses - 1}
        while len(places) < min(each, network.num_addresses):
            places.add(random.randrange(network.num_addresses))
        for place in sorted(places)[:each]:
            if str(network[place]) != PUBLIC:
                yield network[place]


def run(campaign: Campaign, each: int) -> int:
    """Try everything; return how many targets there were."""
    tried, random = 0, Random(13)
    for address in samples(each, random):
        for disguise in DISGUISES:
            campaign.location = ""
            got = disguise(campaign, address)
            tried += 1
            check(campaign, f"{disguise.__name__} {address}", got, may_answer=disguise is rebinding)
    carriers = [ip_address(one) for one in (*INSIDE, *(one.split("/")[0] for one in BLOCKS_6))]
    for address in carriers:
        for literal in literals(address):
            for scheme in ("http", "https"):
                campaign.location = f"{scheme}://{literal}/inside"
                got = campaign.fetcher.fetch(campaign.name((PUBLIC,)), "/")
                tried += 1
                check(campaign, campaign.location, got)
            campaign.location = ""
            got = campaign.fetcher.fetch(literal, "/")
            tried += 1
            check(campaign, f"host {literal}", got)
    return tried


def check(campaign: Campaign, what: str, got: Fetched, *, may_answer: bool = False) -> None:
    """Insist that nobody but the public server was met, and that the fetch says how it ended."""
    assert {where for where, _ in campaign.dialled} <= {PUBLIC}, what
    assert set(campaign.met) <= {PUBLIC}, what
    assert {hop.address for hop in got.hops} <= {PUBLIC, ""}, what
    answered = got.category is HttpOutcome.ANSWERED
    assert answered is may_answer, (what, got.category)


@pytest.fixture
def campaign() -> Iterator[Campaign]:
    with Campaign() as made:
        yield made


def test_the_canary_sings(campaign: Campaign) -> None:
    """Without the policy the same targets are met: what the campaign shows can fail."""
    open_ = EgressPolicy(allow=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
    ports = {"http": campaign.port, "https": campaign.port}
    fetcher = SafeFetcher(open_, lambda _name: ("127.0.0.1",), ports=ports)
    assert fetcher.fetch(ZONE, "/").category is HttpOutcome.ANSWERED
    assert campaign.met == ["127.0.0.1"]
    assert campaign.dialled == [("127.0.0.1", campaign.port)]
    fetcher = SafeFetcher(open_, lambda _name: ("::1",), ports=ports)
    assert fetcher.fetch(ZONE, "/").category is HttpOutcome.ANSWERED
    assert campaign.met[1:] == ["::1"]


def test_a_name_that_rebinds_is_asked_for_once(campaign: Campaign) -> None:
    got = rebinding(campaign, ip_address("127.0.0.1"))
    assert [hop.address for hop in got.hops] == [PUBLIC, PUBLIC]
    assert campaign.met == [PUBLIC, PUBLIC]


def test_no_hostile_target_is_connected_to(
    campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = run(campaign, 2)
    with capsys.disabled():
        print(
            f"\n{tried} hostile targets, {len(campaign.dialled)} connections, all to the public server"
        )
    assert tried >= FEWEST
    assert len(campaign.met) == len(campaign.dialled) > 0


@pytest.mark.torture
def test_no_hostile_target_of_many_is_connected_to(
    campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = run(campaign, 40)
    with capsys.disabled():
        print(f"\n{tried} hostile targets, {len(campaign.dialled)} connections")
    assert tried >= 10 * FEWEST
