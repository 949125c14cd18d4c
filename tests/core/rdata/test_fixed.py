"""Records of numbers and digests: each rule has its code."""

import dns.rdata
import dns.rdataclass
import pytest

from nameplate.core.errors import Invalid
from nameplate.core.rdata import parse, presentation

ZONE = "example.com"
SHA1, SHA256, SHA512 = "ab" * 20, "ab" * 32, "ab" * 64


@pytest.mark.parametrize(
    ("rdtype", "value", "code"),
    [
        ("HTTPS", "1", "value_invalid"),
        ("HTTPS", "0 x.net alpn=h2", "alias_mode"),
        ("HTTPS", "1 . alpn=h2; port=1", "zone_file_syntax"),
        ("DS", f"a 13 2 {SHA256}", "value_invalid"),
        ("DS", "1 13 2 abc", "digest_invalid"),
        ("TLSA", f"3 1 1 {SHA512}", "digest_length"),
        ("TLSA", f"3 1 2 {SHA256}", "digest_length"),
        ("TLSA", f"4 1 1 {SHA256}", "tlsa_numbers"),
        ("SSHFP", f"4 1 {SHA256}", "digest_length"),
        ("SSHFP", f"5 2 {SHA256}", "sshfp_numbers"),
        ("SOA", "ns1. host. 1 2 3 4", "value_invalid"),
    ],
)
def test_each_rule_has_its_code(rdtype: str, value: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(rdtype, value, origin=ZONE)
    assert [(one.pointer, one.code) for one in caught.value.problems] == [("/value", code)]


def test_a_misshapen_value_is_told_its_shape() -> None:
    with pytest.raises(Invalid) as caught:
        parse("DS", "1 2", origin=ZONE)
    assert caught.value.problems[0].code == "digest_invalid"
    with pytest.raises(Invalid) as caught:
        parse("SVCB", "1", origin=ZONE)
    assert "priority target parameters" in caught.value.problems[0].detail


@pytest.mark.parametrize(
    ("rdtype", "text", "expected"),
    [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("MX", "10 MX.Example.NET.", "10 mx.example.net."),
        ("SRV", "1 2 3 SIP.Example.NET.", "1 2 3 sip.example.net."),
        ("SOA", "NS1.X. Host.X. 1 2 3 4 5", "ns1.x. host.x. 1 2 3 4 5"),
        ("TLSA", f"3 1 2 {SHA512.upper()}", f"3 1 2 {SHA512}"),
        ("NAPTR", '1 2 "u" "" "" Sip.X.', '1 2 "u" "" "" sip.x.'),
    ],
)
def test_what_servers_say_is_shown_in_one_form(rdtype: str, text: str, expected: str) -> None:
    value = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text)
    assert presentation(value, rdtype) == expected
