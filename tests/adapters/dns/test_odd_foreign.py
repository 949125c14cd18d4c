"""Records of others that are served but hard to read: they stop nothing, on real servers."""

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from nameplate.adapters.dns.powerdns import PowerDns
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.adapters.wire.decoding import Message
from nameplate.core import formats
from nameplate.core.plan import plan
from nameplate.core.rdata import canonical, generic, octets, presentation
from nameplate.core.records import Change, RRset
from nameplate.ports.dns import Result, Zone
from nameplate.usecases.dns import edits

OTHER = "other.test"
HOST = b"\x01a\x07example\x03net\x00"
ODD = {
    ("afs", "AFSDB"): b"\x00\x01" + HOST,
    ("_443._tcp", "TLSA"): bytes.fromhex("030101abcd"),
    ("s1", "SVCB"): b"\x00\x02" + HOST + bytes.fromhex("0008000432323232"),
    ("s2", "SVCB"): bytes.fromhex("000000" + "00010003026832"),
    ("u", "URI"): bytes.fromhex("000a0001"),
    ("h", "HTTPS"): bytes.fromhex("000100" + "000500060045fe0d0041"),
    ("ds", "DS"): bytes.fromhex("0000000000"),
    ("n", "NAPTR"): bytes.fromhex("00640032" + "0173" + "075349502b443255" + "00") + HOST,
    ("l", "LOC"): bytes.fromhex("01121613" + "00" * 12),
    ("d", "DNAME"): HOST,
    ("o", "TYPE65280"): bytes.fromhex("0a000001"),
}
SPOKEN = {
    ("afs", "AFSDB"): "1 a.example.net.",
    ("_443._tcp", "TLSA"): "3 1 1 abcd",
    ("s1", "SVCB"): '2 x.example.com. key8="2222"',
    ("s2", "SVCB"): "0 . alpn=h2",
    ("u", "URI"): '10 1 ""',
    ("h", "HTTPS"): '1 . ech="AEX+DQBB"',
    ("ds", "DS"): "0 0 0 00",
    ("n", "NAPTR"): '100 50 "s" "SIP+D2U" "" _sip._udp.example.com.',
    ("l", "LOC"): "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m",
    ("d", "DNAME"): "target.example.net.",
    ("o", "TYPE65280"): r"\# 4 0a000001",
}


@pytest.fixture(params=["knot", "bind", "powerdns"])
def provider(request):
    server = request.getfixturevalue(request.param)
    if request.param == "powerdns":
        return PowerDns(server.api)
    return Rfc2136(server.address, server.port, server.zones, server.tsig)


def test_they_are_carried_and_stop_nothing(provider) -> None:
    is_powerdns = isinstance(provider, PowerDns)
    zone = Zone(OTHER, f"{OTHER}." if is_powerdns else OTHER)
    spoken = SPOKEN if is_powerdns else {key: generic(octets) for key, octets in ODD.items()}
    added = []
    for (name, rdtype), value in spoken.items():
        rrset = RRset(f"{name}.{OTHER}", rdtype, 300, (value,))
        (outcome,) = provider.apply(zone, [Change(None, rrset)])
        if outcome.result is Result.APPLIED:
            added.append(rrset.key)
    assert len(added) >= 7, added
    live = {rrset.key: rrset for rrset in provider.records(zone)}
    assert set(added) <= set(live)
    ours = RRset(f"www.{OTHER}", "A", 300, ("192.0.2.9",))
    found = plan([*live.values()], [ours], frozenset(), apex=OTHER)
    assert [outcome.result for outcome in provider.apply(zone, found.changes)] == [Result.APPLIED]
    assert edits.of_rrsets(live.values(), OTHER, OTHER)
    for form in formats.FORMATS:
        assert formats.write(form, [*live.values()], OTHER)
    gone = [Change(live[key], None) for key in [*added, ours.key] if key in live] + [
        Change(ours, None)
    ]
    assert {outcome.result for outcome in provider.apply(zone, gone)} == {Result.APPLIED}


@pytest.mark.parametrize("key", sorted(ODD))
def test_one_message_with_each_is_read(key: tuple[str, str]) -> None:
    name, rdtype = key
    message = dns.message.make_response(dns.message.make_query(OTHER, "AXFR"))
    wire = bytearray(message.to_wire())
    count = 0
    for owner, kind, octets_ in (
        (name, dns.rdatatype.from_text(rdtype), ODD[key]),
        ("www", 1, b"\xc0\x00\x02\x01"),
    ):
        wire += dns.name.from_text(f"{owner}.{OTHER}.").to_wire() or b""
        wire += int(kind).to_bytes(2) + b"\x00\x01" + bytes(4) + len(octets_).to_bytes(2) + octets_
        count += 1
    wire[6:8] = count.to_bytes(2)
    odd, www = Message(bytes(wire)).answers()
    assert odd[0] == f"{name}.{OTHER}"
    assert www == (f"www.{OTHER}", 1, 0, "192.0.2.1")
    assert octets(odd[3]) in {None, ODD[key]}


def test_what_is_malformed_is_told_with_its_record() -> None:
    message = dns.message.make_response(dns.message.make_query(OTHER, "AXFR"))
    wire = bytearray(message.to_wire())
    wire += (dns.name.from_text(f"www.{OTHER}.").to_wire() or b"") + b"\x00\x01\x00\x01" + bytes(4)
    wire += b"\x00\x05" + bytes(5)
    wire[6:8] = b"\x00\x01"
    with pytest.raises(dns.exception.FormError, match=r"www\.other\.test A"):
        list(Message(bytes(wire)).answers())


@pytest.mark.parametrize(("key", "text"), sorted(SPOKEN.items()))
def test_canonical_form_raises_nothing(key: tuple[str, str], text: str) -> None:
    assert canonical(key[1], text)


def test_names_in_every_type_are_lower_case() -> None:
    for rdtype, text in {
        "AFSDB": "1 A.Example.NET.",
        "DNAME": "A.Example.NET.",
        "KX": "1 A.Example.NET.",
        "NAPTR": '1 1 "s" "S" "" A.Example.NET.',
        "RP": "A.Example.NET. A.Example.NET.",
        "SVCB": "1 A.Example.NET.",
    }.items():
        rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text)
        assert "a.example.net." in presentation(rdata, rdtype)
        assert canonical(rdtype, text) == presentation(rdata, rdtype)
