import socket
from collections.abc import Callable, Iterator
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import pytest

from nameplate.adapters.sandbox.dns import SandboxDns
from nameplate.core.records import RRset
from nameplate.core.secret import Secret

SECRET = "bmFtZXBsYXRlLXNhbmRib3gta2V5LTMyLWJ5dGVzISE="
KEY = dns.tsig.Key("nameplate", SECRET, "hmac-sha256")
ZONE = "example.test"


@pytest.fixture
def server() -> Iterator[SandboxDns]:
    with SandboxDns([ZONE, "sub.other.test"], "nameplate", Secret(SECRET)) as running:
        yield running


def ask(server: SandboxDns, name: str, rdtype: str = "A", over: Any = dns.query.udp) -> Any:
    query = dns.message.make_query(name, rdtype)
    return over(query, "127.0.0.1", timeout=2, port=server.port)


def update(
    server: SandboxDns, build: Callable[[Any], object], *, key: Any = KEY, over: Any = dns.query.tcp
) -> Any:
    message = dns.update.UpdateMessage(ZONE, keyring=key)
    build(message)
    return over(message, "127.0.0.1", timeout=2, port=server.port).rcode()


@pytest.fixture
def filled(server: SandboxDns) -> SandboxDns:
    def build(message: Any) -> None:
        message.add("www", 300, "A", "192.0.2.1")
        message.add("alias", 300, "CNAME", "WWW")
        message.add("out", 300, "CNAME", "host.elsewhere.test.")
        message.add("*.wild", 300, "TXT", "anything")
        message.add("deep.empty", 300, "A", "192.0.2.9")
        message.add("child", 300, "NS", "ns.child")
        message.add("ns.child", 300, "A", "127.0.0.2")

    assert update(server, build) == dns.rcode.NOERROR
    return server


@pytest.mark.parametrize("over", [dns.query.udp, dns.query.tcp])
def test_answers_with_authority_over_udp_and_tcp(filled, over):
    reply = ask(filled, "WwW.Example.TEST", over=over)
    assert reply.flags & dns.flags.AA
    assert [rdata.to_text() for rdata in reply.answer[0]] == ["192.0.2.1"]
    assert reply.answer[0].ttl == 300


@pytest.mark.parametrize(
    ("name", "rdtype", "rcode"),
    [
        ("missing.example.test", "A", "NXDOMAIN"),
        ("www.example.test", "AAAA", "NOERROR"),
        ("empty.example.test", "A", "NOERROR"),
        ("wild.example.test", "TXT", "NOERROR"),
    ],
)
def test_absence_carries_the_soa(filled, name, rdtype, rcode):
    reply = ask(filled, name, rdtype)
    assert dns.rcode.to_text(reply.rcode()) == rcode
    assert not reply.answer
    assert [rrset.rdtype for rrset in reply.authority] == [dns.rdatatype.SOA]


def test_follows_aliases_inside_the_zone_only(filled):
    inside = ask(filled, "alias.example.test")
    assert [rrset.rdtype.name for rrset in inside.answer] == ["CNAME", "A"]
    outside = ask(filled, "out.example.test")
    assert [rrset.rdtype.name for rrset in outside.answer] == ["CNAME"]


def test_wildcards_answer_for_names_that_do_not_exist(filled):
    reply = ask(filled, "a.b.wild.example.test", "TXT")
    assert reply.answer[0].name.to_text() == "a.b.wild.example.test."
    assert reply.answer[0][0].to_text() == '"anything"'


def test_delegations_are_referred_with_glue(filled):
    reply = ask(filled, "www.child.example.test")
    assert not reply.flags & dns.flags.AA
    assert reply.authority[0].rdtype == dns.rdatatype.NS
    assert reply.additional[0][0].to_text() == "127.0.0.2"


def test_other_zones_are_refused(server):
    assert ask(server, "www.elsewhere.test").rcode() == dns.rcode.REFUSED
    assert ask(server, ZONE, "AXFR", over=dns.query.tcp).rcode() == dns.rcode.REFUSED
    assert ask(server, ZONE, "IXFR").rcode() == dns.rcode.NOTIMP


def test_a_long_answer_is_truncated_over_udp_and_whole_over_tcp(server):
    def build(message: Any) -> None:
        for number in range(60):
            message.add("big", 60, "TXT", f"{number:03}" + "x" * 60)

    assert update(server, build) == dns.rcode.NOERROR
    assert ask(server, "big.example.test", "TXT").flags & dns.flags.TC
    assert len(ask(server, "big.example.test", "TXT", over=dns.query.tcp).answer[0]) == 60


def test_transfer_gives_every_record_and_the_updates_before(filled):
    messages = dns.query.xfr(
        "127.0.0.1", ZONE, port=filled.port, keyring={KEY.name: KEY}, relativize=False
    )
    rrsets = [rrset for message in messages for rrset in message.answer]
    assert rrsets[0].rdtype == rrsets[-1].rdtype == dns.rdatatype.SOA
    assert len(rrsets) - 1 == len(filled.records(ZONE))
    assert RRset("alias.example.test", "CNAME", 300, ("www.example.test.",)) in filled.records(ZONE)


def serial(server: SandboxDns) -> int:
    return int(ask(server, ZONE, "SOA").answer[0][0].serial)


def test_the_serial_grows_with_each_change_and_only_then(server):
    before = serial(server)
    assert update(server, lambda message: message.add("a", 60, "A", "192.0.2.1")) == 0
    assert update(server, lambda message: message.add("a", 60, "A", "192.0.2.1")) == 0
    assert serial(server) == before + 1


@pytest.mark.parametrize(
    ("build", "rcode"),
    [
        (lambda m: m.present("www"), "NOERROR"),
        (lambda m: m.present("nope"), "NXDOMAIN"),
        (lambda m: m.present("www", "A"), "NOERROR"),
        (lambda m: m.present("www", "TXT"), "NXRRSET"),
        (lambda m: m.present("www", "A", "192.0.2.1"), "NOERROR"),
        (lambda m: m.present("www", "A", "192.0.2.2"), "NXRRSET"),
        (lambda m: m.absent("www"), "YXDOMAIN"),
        (lambda m: m.absent("www", "A"), "YXRRSET"),
        (lambda m: m.absent("www", "TXT"), "NOERROR"),
        (lambda m: m.add("www.elsewhere.test.", 60, "A", "192.0.2.3"), "NOTZONE"),
    ],
)
def test_prerequisites_hold_or_nothing_changes(filled, build, rcode):
    before = filled.records(ZONE)

    def whole(message: Any) -> None:
        build(message)
        message.delete("www")

    assert dns.rcode.to_text(update(filled, whole)) == rcode
    assert (filled.records(ZONE) == before) == (rcode != "NOERROR")


def test_deletions_keep_what_a_zone_needs(filled):
    def build(message: Any) -> None:
        message.delete(f"{ZONE}.")
        message.delete(f"{ZONE}.", "NS", f"ns1.{ZONE}.")
        message.delete("www", "A", "192.0.2.1")
        message.delete("deep.empty", "A")

    assert update(filled, build, over=dns.query.udp) == 0
    left = {rrset.key for rrset in filled.records(ZONE)}
    assert {(ZONE, "SOA"), (ZONE, "NS")} <= left
    assert not {("www.example.test", "A"), ("deep.empty.example.test", "A")} & left


def test_a_cname_beside_other_data_is_ignored(filled):
    assert update(filled, lambda message: message.add("www", 60, "CNAME", "x")) == 0
    assert update(filled, lambda message: message.add("alias", 60, "A", "192.0.2.1")) == 0
    keys = {rrset.key for rrset in filled.records(ZONE)}
    assert ("www.example.test", "CNAME") not in keys
    assert ("alias.example.test", "A") not in keys


def test_updates_need_the_right_key(server):
    before = server.records(ZONE)

    def build(message: Any) -> None:
        message.add("evil", 60, "A", "192.0.2.66")

    unsigned = dns.update.UpdateMessage(ZONE)
    build(unsigned)
    reply = dns.query.tcp(unsigned, "127.0.0.1", timeout=2, port=server.port)
    assert reply.rcode() == dns.rcode.REFUSED
    for key in (
        dns.tsig.Key("nameplate", "d3Jvbmc=", "hmac-sha256"),
        dns.tsig.Key("stranger", SECRET, "hmac-sha256"),
    ):
        with pytest.raises(dns.tsig.PeerError):
            update(server, build, key=key)
    assert server.records(ZONE) == before


@pytest.mark.parametrize("wire", [b"", b"x", b"\0" * 12, b"\xff" * 40, b"\0" * 500])
def test_rubbish_does_not_stop_the_server(server, wire):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(wire, ("127.0.0.1", server.port))
    with socket.create_connection(("127.0.0.1", server.port)) as tcp:
        tcp.sendall(len(wire).to_bytes(2) + wire)
    assert ask(server, ZONE, "SOA").rcode() == dns.rcode.NOERROR


def test_the_port_is_free_again_afterwards():
    with SandboxDns([ZONE], "nameplate", Secret(SECRET)) as first:
        port = first.port
    with SandboxDns([ZONE], "nameplate", Secret(SECRET), port=port) as second:
        assert second.port == port
