"""Owner names, TTLs, and what a zone as a whole must obey."""

import pytest

from nameplate.core.errors import Invalid
from nameplate.core.records import RRset
from nameplate.core.zone_rules import check_zone, owner_name, seconds

ZONE = "example.com"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "example.com"),
        ("@", "example.com"),
        ("example.com", "example.com"),
        ("Example.COM.", "example.com"),
        ("www", "www.example.com"),
        ("WWW.example.com", "www.example.com"),
        ("www.example.com.", "www.example.com"),
        ("selector._domainkey", "selector._domainkey.example.com"),
        ("*", "*.example.com"),
        ("*.shop", "*.shop.example.com"),
        ("*.shop.example.com", "*.shop.example.com"),
        ("münchen", "xn--mnchen-3ya.example.com"),
        ("notexample.net.de", "notexample.net.de.example.com"),
    ],
)
def test_owner_names(text, name):
    assert owner_name(text, ZONE) == name
    assert owner_name(name, ZONE) == name


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("www.example.com.example.com", "doubled_name"),
        ("www.example.com.example.com.", "doubled_name"),
        ("example.com.example.com", "doubled_name"),
        ("www.", "out_of_zone"),
        ("www.other.com", "out_of_zone"),
        ("www.other.net.", "out_of_zone"),
        ("notexample.com", "out_of_zone"),
        ("192.0.2.1", "out_of_zone"),
        ("a.*", "wildcard_invalid"),
        ("a.*.example.com", "wildcard_invalid"),
        ("*.*", "wildcard_invalid"),
        ("f*", "wildcard_invalid"),
        ("*f", "wildcard_invalid"),
        ("_*", "wildcard_invalid"),
        ("$INCLUDE /etc/passwd", "zone_file_syntax"),
        ("$GENERATE", "zone_file_syntax"),
        ("(", "name_invalid"),
        ("two words", "name_invalid"),
        ("https://www", "name_invalid"),
        ("a\\.b", "name_invalid"),
        ("a..b", "name_label_empty"),
        (".", "out_of_zone"),
        ("-a", "name_hyphen"),
        ("x" * 64, "name_label_too_long"),
        (".".join(["x" * 48] * 5), "name_too_long"),
        ("nul\0", "name_character"),
    ],
)
def test_bad_owner_names(text, code):
    with pytest.raises(Invalid) as caught:
        owner_name(text, ZONE)
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.code) == ("/name", code)


def test_ttl():
    assert seconds(30) == 30
    assert seconds(1, minimum=1) == 1
    assert seconds(2**31 - 1) == 2**31 - 1


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (0, ""),
        (-1, ""),
        (29, ""),
        (2**31, ""),
        (True, ""),
        (300.0, ""),
        (None, ""),
        ("1h", "Write 3600."),
        ("5m", "Write 300."),
        ("300", "Write 300."),
        ("soon", ""),
    ],
)
def test_bad_ttl(value, hint):
    with pytest.raises(Invalid) as caught:
        seconds(value)
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.code) == ("/ttl", "ttl_invalid")
    assert problem.detail.endswith(hint or "2147483647.")


def one(name, rdtype, *values, ttl=300):
    return RRset(name, rdtype, ttl, values)


A = one("www.example.com", "A", "192.0.2.1")


@pytest.mark.parametrize(
    ("rrsets", "expected"),
    [
        ([A], []),
        ([A, one("www.example.com", "A", "192.0.2.2")], []),
        ([A, A], [("/1", "duplicate_value")]),
        ([A, one("www.example.com", "A", "192.0.2.2", ttl=60)], [("/1", "ttl_differs")]),
        ([one("www.example.com", "CNAME", "a.b."), A], [("/0", "cname_not_alone")]),
        ([one("www.example.com", "CNAME", "a.b.", "c.d.")], [("/0", "cname_several")]),
        ([one("example.com", "CNAME", "a.b.")], [("/0", "cname_at_apex")]),
        ([one("example.com", "ALIAS", "a.b.")], []),
        ([one("example.com", "NS", "a.b.")], [("/0", "apex_ns")]),
        ([one("sub.example.com", "NS", "a.b.")], []),
        ([one("example.com", "SOA", "x")], [("/0", "soa_read_only")]),
        ([one("example.com", "MX", "0 .")], []),
        ([one("example.com", "MX", "0 ."), one("example.com", "MX", "1 a.b.")],
         [("/1", "null_mx_not_alone")]),
        ([one("example.org", "A", "192.0.2.1")], [("/0", "out_of_zone")]),
        ([one("notexample.com", "A", "192.0.2.1")], [("/0", "out_of_zone")]),
        ([one("m.example.com", "CNAME", "a.b."), one("example.com", "MX", "1 m.example.com.")],
         [("/1", "target_is_alias")]),
    ],
)  # fmt: skip
def test_zone(rrsets, expected):
    found = check_zone(ZONE, rrsets)
    assert [(problem.pointer, problem.code) for problem in found] == expected


def test_apex_ns_can_be_forced():
    assert check_zone(ZONE, [one("example.com", "NS", "a.b.")], forced=True) == []


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([" ".join(['"' + "x" * 255 + '"'] * 253)], None),
        ([" ".join(['"' + "x" * 255 + '"'] * 257)], "record_too_large"),
        ([" ".join(['"' + "x" * 255 + '"'] * 100 + [f'"{n}"']) for n in range(3)], "rrset_too_large"),
        (["\\# 60000 " + "00" * 60000], None),
        ([f'"{n}"' for n in range(5000)], "rrset_too_large"),
    ],
)  # fmt: skip
def test_what_no_message_carries(values: list[str], code: str | None) -> None:
    sets = [RRset("big.example.com", "TXT", 300, (value,)) for value in values]
    problems = check_zone("example.com", sets)
    assert [problem.code for problem in problems] == ([code] if code else [])
    assert all("big.example.com TXT" in problem.detail for problem in problems)
