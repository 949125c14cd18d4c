"""Record values: what is accepted comes back canonical, what is not says where and why."""

import contextlib
from typing import Any

import dns.rdata
import dns.rdataclass
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.bad_records import BAD

from nameplate.core.errors import Invalid
from nameplate.core.rdata import TYPES, canonical, parse, presentation

ZONE = "example.com"
HEX20, HEX32, HEX64 = "ab" * 20, "ab" * 32, "ab" * 64

GOOD = [
    ("A", "192.0.2.1", "192.0.2.1"),
    ("A", " 10.0.0.1 ", "10.0.0.1"),
    ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
    ("AAAA", "[fd00::1]", "fd00::1"),
    ("CNAME", "Shop.Example.NET", "shop.example.net."),
    ("CNAME", "shop.example.net.", "shop.example.net."),
    ("CNAME", "www", "www.example.com."),
    ("CNAME", "@", "example.com."),
    ("CNAME", "münchen.de", "xn--mnchen-3ya.de."),
    ("CNAME", "_x._domainkey.example.net", "_x._domainkey.example.net."),
    ("ALIAS", "edge.example.net", "edge.example.net."),
    ("ANAME", "edge.example.net", "edge.example.net."),
    ("NS", "ns1.example.net", "ns1.example.net."),
    ("PTR", "host.example.net", "host.example.net."),
    ("MX", "10 Mail", "10 mail.example.com."),
    ("MX", "0 .", "0 ."),
    ("SRV", "1 2 443 sip.example.net", "1 2 443 sip.example.net."),
    ("SRV", "0 0 0 .", "0 0 0 ."),
    ("TXT", "plain", '"plain"'),
    ("TXT", "a;b", '"a;b"'),
    ("TXT", "a b", '"a b"'),
    ("TXT", "a\\b", '"a\\\\b"'),
    ("TXT", 'say "hi"', '"say \\"hi\\""'),
    ("TXT", '"two" "strings"', '"two" "strings"'),
    ("TXT", '"half', '"\\"half"'),
    ("TXT", '""', '""'),
    ("TXT", '"\\065\\"\\010"', '"A\\"\\010"'),
    ("TXT", "é", '"\\195\\169"'),
    ("TXT", "$INCLUDE /etc/passwd", '"$INCLUDE /etc/passwd"'),
    ("TXT", "x" * 256, f'"{"x" * 255}" "x"'),
    ("CAA", '0 issue "letsencrypt.org"', '0 issue "letsencrypt.org"'),
    ("CAA", "0 ISSUE letsencrypt.org", '0 issue "letsencrypt.org"'),
    ("CAA", '0 issuewild ";"', '0 issuewild ";"'),
    ("CAA", '128 issue "ca.example; a=b; c=d"', '128 issue "ca.example; a=b; c=d"'),
    ("CAA", "0 iodef mailto:a@example.org", '0 iodef "mailto:a@example.org"'),
    ("SOA", "NS1.x. h.x. 1 2 3 4 5", "ns1.x. h.x. 1 2 3 4 5"),
    ("HTTPS", "1 . alpn=h2,h3", '1 . alpn="h2,h3"'),
    ("HTTPS", "0 Svc.example.net", "0 svc.example.net."),
    ("SVCB", "16 @ port=8443", '16 example.com. port="8443"'),
    ("DS", f"60485 13 2 {HEX32.upper()}", f"60485 13 2 {HEX32}"),
    ("TLSA", f"3 1 1 {HEX32}", f"3 1 1 {HEX32}"),
    ("TLSA", f"3 0 0 {'ab' * 300}", f"3 0 0 {'ab' * 300}"),
    ("SSHFP", f"4 2 {HEX32[:30]} {HEX32[30:]}", f"4 2 {HEX32}"),
    ("DNAME", "Other.Example.NET", "other.example.net."),
    ("DNAME", ".", "."),
    (
        "NAPTR",
        '1 2 s SIP+D2U "" _SIP._udp.Example.net',
        '1 2 "s" "SIP+D2U" "" _sip._udp.example.net.',
    ),
    ("NAPTR", '0 0 "" "" "" .', '0 0 "" "" "" .'),
    (
        "NAPTR",
        r'1 1 "U" "x" "!(.*)!\\1;(\"\195\169!i" .',
        r'1 1 "U" "x" "!(.*)!\\1;(\"\195\169!i" .',
    ),
    (
        "LOC",
        "52 22 23 N 4 53 32 E -2m 12m 1234m 1",
        "52 22 23.000 N 4 53 32.000 E -2.00m 10.00m 1000.00m 1.00m",
    ),
    ("LOC", "0 s 180 w 1.15", "0 0 0.000 N 180 0 0.000 W 1.15m"),
    (
        "LOC",
        "1 N 1 E 42849672.95m 90000000m 0.01 1m",
        "1 0 0.000 N 1 0 0.000 E 42849672.95m 90000000.00m 0.01m 1.00m",
    ),
    ("URI", "10 1 https://example.com/;a", '10 1 "https://example.com/;a"'),
    ("URI", r'1 2 "a\"b\\\195"', r'1 2 "a\"b\\\195"'),
    ("OPENPGPKEY", "AQID BAU=", "AQIDBAU="),
    ("SMIMEA", f"3 1 1 {HEX32.upper()}", f"3 1 1 {HEX32}"),
    ("RP", "Alice.Example.NET info", "alice.example.net. info.example.com."),
    ("RP", r"First\.Last.example.net .", r"first\.last.example.net. ."),
]


def published_as(rdtype: str, text: str) -> Any:
    return dns.rdata.from_text(dns.rdataclass.IN, rdtype, text)


@pytest.mark.parametrize(("rdtype", "value", "text"), GOOD)
def test_good(rdtype, value, text):
    rdata = parse(rdtype, value, origin=ZONE)
    assert rdata.text == text
    assert canonical(rdtype, text) == text
    assert parse(rdtype, text, origin=ZONE) == rdata
    if rdtype not in {"ALIAS", "ANAME"}:
        published = published_as(rdtype, text)
        assert rdata.wire_length == len(published.to_wire())
        assert presentation(published, rdtype) == text


def test_good_examples_cover_every_type():
    assert {rdtype for rdtype, _, _ in GOOD} == TYPES


@pytest.mark.parametrize(("rdtype", "value", "pointer", "code"), BAD)
def test_bad(rdtype, value, pointer, code):
    with pytest.raises(Invalid) as caught:
        parse(rdtype, value, origin=ZONE, owner="self.example.com")
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.code) == (pointer, code)
    assert problem.detail.endswith((".", ")")), "a plain sentence"
    assert len(problem.detail) < 400


def test_there_are_enough_bad_examples():
    assert len(set(BAD)) == len(BAD) >= 150


def test_numbers_apart_from_the_value():
    mx = parse("MX", "mail.example.net", origin=ZONE, priority=10)
    assert mx == parse("MX", "10 mail.example.net", origin=ZONE)
    assert (mx.fields.value, mx.fields.priority) == ("mail.example.net.", 10)
    srv = parse("SRV", "sip.example.net", origin=ZONE, priority=1, weight=2, port=443)
    assert srv == parse("SRV", "1 2 443 sip.example.net", origin=ZONE)
    assert (srv.fields.priority, srv.fields.weight, srv.fields.port) == (1, 2, 443)


@pytest.mark.parametrize(
    ("rdtype", "value", "fields", "pointer", "code"),
    [
        ("MX", "mail", {"priority": -1}, "/priority", "number_invalid"),
        ("MX", "mail", {"priority": 65536}, "/priority", "number_invalid"),
        ("MX", "mail", {"priority": 1.5}, "/priority", "number_invalid"),
        ("MX", "mail", {"priority": True}, "/priority", "number_invalid"),
        ("MX", "10 mail", {"priority": 20}, "/priority", "priority_differs"),
        ("MX", ".", {"priority": 10}, "/priority", "null_mx_priority"),
        ("MX", "mail", {"priority": 1, "weight": 1}, "/weight", "weight_unused"),
        ("SRV", "sip", {"priority": 1, "weight": 1}, "/port", "port_required"),
        ("SRV", "sip", {"priority": 1, "port": 1}, "/weight", "weight_required"),
        ("SRV", "sip", {"priority": 1, "weight": 1, "port": 70000}, "/port", "number_invalid"),
        ("A", "192.0.2.1", {"priority": 10}, "/priority", "priority_unused"),
        ("TXT", "x", {"port": 10}, "/port", "port_unused"),
    ],
)
def test_bad_numbers_apart(rdtype, value, fields, pointer, code):
    with pytest.raises(Invalid) as caught:
        parse(rdtype, value, origin=ZONE, **fields)
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.code) == (pointer, code)


def test_longest_text():
    most = 65535 - 256
    assert parse("TXT", "x" * 64_000, origin=ZONE).wire_length < 65536
    assert parse("TXT", "x" * most, origin=ZONE).wire_length == 65535
    with pytest.raises(Invalid) as caught:
        parse("TXT", "x" * (most + 1), origin=ZONE)
    assert caught.value.problems[0].code == "text_too_long"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=600))
def test_any_text_survives(text):
    rdata = parse("TXT", text, origin=ZONE)
    strings = published_as("TXT", rdata.text).strings
    if not (text.strip()[:1] == text.strip()[-1:] == '"'):
        assert b"".join(strings) == text.encode()
    assert canonical("TXT", rdata.text) == rdata.text
    assert parse("TXT", rdata.text, origin=ZONE) == rdata


@given(st.lists(st.binary(max_size=255), min_size=1, max_size=5))
def test_any_octets_survive(strings):
    wire = b"".join(bytes([len(string)]) + string for string in strings)
    rdata = dns.rdata.from_wire(dns.rdataclass.IN, "TXT", wire, 0, len(wire))
    text = canonical("TXT", rdata.to_text())
    parsed = parse("TXT", text, origin=ZONE)
    assert parsed.text == text
    assert published_as("TXT", parsed.text).strings == tuple(strings)


@given(st.sampled_from(sorted(TYPES)), st.text(max_size=60))
def test_any_input_is_read_or_refused(rdtype, value):
    with contextlib.suppress(Invalid):
        rdata = parse(rdtype, value, origin=ZONE)
        assert canonical(rdtype, rdata.text) == rdata.text
        assert "\n" not in rdata.text


@pytest.mark.parametrize(
    ("rdtype", "text", "expected"),
    [
        ("CNAME", "Target.Example.ORG.", "target.example.org."),
        ("MX", "10 MAIL.example.org.", "10 mail.example.org."),
        ("HTTPS", "1 . alpn=h2", '1 . alpn="h2"'),
        ("ALIAS", "Target.Example.ORG", "target.example.org."),
        ("LUA", 'A "return 1"', 'A "return 1"'),
        ("TYPE65280", r"\# 2 abcd", r"\# 2 abcd"),
        ("A", "not an address", "not an address"),
    ],
)
def test_what_servers_publish(rdtype, text, expected):
    assert canonical(rdtype, text) == expected
