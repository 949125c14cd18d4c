"""Values of octoDNS: their parts, what octoDNS insists on, and odd shapes."""

from pathlib import Path

import pytest
import yaml

from nameplate.core import formats
from nameplate.core.errors import Invalid
from nameplate.core.formats.octodns_values import Misshapen, presentation, structured
from nameplate.core.records import RRset

ZONE = "example.com"
CASES = Path(__file__).with_name("cases")

PAIRS = [
    ("HTTPS", '1 . alpn="h2" ipv4hint="192.0.2.1"',
     {"svcpriority": 1, "targetname": ".", "svcparams": {"alpn": ["h2"], "ipv4hint": ["192.0.2.1"]}}),
    ("HTTPS", '1 . alpn="h2" no-default-alpn port="53"',
     {"svcpriority": 1, "targetname": ".",
      "svcparams": {"alpn": ["h2"], "no-default-alpn": None, "port": "53"}}),
    ("NAPTR", '100 50 "s" "SIP+D2U" "" _sip._udp.example.com.',
     {"order": 100, "preference": 50, "flags": "s", "service": "SIP+D2U", "regexp": "",
      "replacement": "_sip._udp.example.com."}),
    ("LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m",
     {"lat_degrees": 52, "lat_minutes": 22, "lat_seconds": 23.0, "lat_direction": "N",
      "long_degrees": 4, "long_minutes": 53, "long_seconds": 32.0, "long_direction": "E",
      "altitude": -2.0, "size": 0.0, "precision_horz": 10000.0, "precision_vert": 10.0}),
    ("LOC", "52 0 0.000 N 4 0 0.000 E 1.15m",
     {"lat_degrees": 52, "lat_minutes": 0, "lat_seconds": 0.0, "lat_direction": "N",
      "long_degrees": 4, "long_minutes": 0, "long_seconds": 0.0, "long_direction": "E",
      "altitude": 1.15, "size": 1.0, "precision_horz": 10000.0, "precision_vert": 10.0}),
    ("URI", '10 1 "https://example.com/a;b"',
     {"priority": 10, "weight": 1, "target": "https://example.com/a;b"}),
    ("CAA", '0 tbs "a\\255b"', {"flags": 0, "tag": "tbs", "value": "a\\255b"}),
    ("CAA", '128 issue ";"', {"flags": 128, "tag": "issue", "value": ";"}),
    ("TXT", '"a" "b;c"', '"a" "b\\;c"'),
    ("TXT", '"ab"', "ab"),
    ("TXT", '""', ""),
    ("TXT", '"\\"quoted\\""', '\\"quoted\\"'),
    ("TXT", '"a\\" \\"b"', 'a\\" \\"b'),
    ("TXT", '"\\\\;"', "\\092\\;"),
    ("TYPE65280", "\\# 4 0a000001", "\\# 4 0a000001"),
]  # fmt: skip


@pytest.mark.parametrize(("rdtype", "text", "value"), PAIRS)
def test_octodns_has_its_own_form_of_values(rdtype: str, text: str, value: object) -> None:
    """Lists where octoDNS wants lists, parts where it wants parts: what it refuses today."""
    assert structured(rdtype, text) == value
    rrset = RRset(f"x.{ZONE}", rdtype, 60, (text,))
    written = formats.write("octodns", [rrset], ZONE)
    assert formats.read("octodns", written, ZONE) == [rrset]


def test_keys_are_in_natural_order() -> None:
    """OctoDNS refuses a file in which `a10` stands before `a2`."""
    names = ["a10", "a2", "a1.b", "1", "10", "2", "*", ""]
    rrsets = [RRset(f"{name}.{ZONE}".strip("."), "A", 60, ("192.0.2.1",)) for name in names]
    written = yaml.safe_load(formats.write("octodns", rrsets, ZONE))
    assert list(written) == ["", "1", "2", "10", "*", "a1.b", "a2", "a10"]
    assert list(written["1"]) == ["ttl", "type", "value"]


def test_names_are_relative_whatever_they_look_like() -> None:
    for name in ("a.net", "192.0.2.1", "0/25", "+x", "on", "null", "1"):
        rrset = RRset(f"{name}.{ZONE}", "TXT", 60, ('"x"',))
        assert formats.read("octodns", formats.write("octodns", [rrset], ZONE), ZONE) == [rrset]


@pytest.mark.parametrize(
    ("rdtype", "value"),
    [
        ("MX", "10 mx.example.com."),
        ("MX", None),
        ("MX", ["10", "mx.example.com."]),
        ("MX", {"preference": "10"}),
        ("MX", {"preference": "10", "exchange": None}),
        ("MX", {"preference": ["10"], "exchange": "mx."}),
        ("MX", {"preference": "10", "exchange": "mx.", "extra": "1"}),
        ("TXT", None),
        ("TXT", {"a": "b"}),
        ("A", ["192.0.2.1"]),
        ("HTTPS", {"svcpriority": "1", "targetname": ".", "svcparams": ["alpn"]}),
        ("HTTPS", {"svcpriority": "1", "targetname": ".", "svcparams": None}),
        ("HTTPS", {"svcpriority": "1", "targetname": ".", "svcparams": {"alpn": {"a": "b"}}}),
        ("HTTPS", {"svcpriority": "1", "targetname": ".", "svcparams": {"alpn": [None]}}),
        ("HTTPS", "1 ."),
        ("LOC", {"lat_degrees": "1"}),
    ],
)
def test_odd_shapes_say_what_is_expected(rdtype: str, value: object) -> None:
    with pytest.raises(Misshapen, match="Expected"):
        presentation(rdtype, value)


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("a: {type: A, value: 192.0.2.1}\na: {type: TXT, value: x}\n", "line 2", "key_twice"),
        ("a:\n  type: A\n  type: TXT\n  value: x\n", "line 3", "key_twice"),
        ("\na: {type: A, value: null}\n", "line 2", "value_shape"),
        ("\na: {type: A, value: }\n", "line 2", "value_shape"),
        ("\na: {type: A, values: []}\n", "line 2", "value_shape"),
        ("\na: {type: A, value: 192.0.2.1, values: [192.0.2.2]}\n", "line 2", "value_shape"),
        ("\na: {type: A, ttl: null, value: 192.0.2.1}\n", "line 2/ttl", "ttl_invalid"),
        ("\na: {type: A, ttl: [1], value: 192.0.2.1}\n", "line 2/ttl", "ttl_invalid"),
        ("\na: {type: null, value: 192.0.2.1}\n", "line 2", "shape"),
        ("\na: null\n", "line 2", "shape"),
        ("\na: text\n", "line 2", "shape"),
        ("a:\n- {type: A, value: 192.0.2.1}\n- null\n", "line 2", "shape"),
        ("\na: {octodns: {cloudflare: null}, type: A, value: 192.0.2.2}\n", "line 2", "value_shape"),
        ("\na: {octodns: null, type: A, value: 192.0.2.2}\n", "line 2", "value_shape"),
        ("\n~: {type: A, value: 192.0.2.2}\n", "line 2", "syntax"),
        ("\n? [a]\n: {type: A, value: 192.0.2.2}\n", "line 2", "syntax"),
        ("\n- a\n", "line 1", "shape"),
        ("a: [\n", "line 2", "syntax"),
    ],
)  # fmt: skip
def test_odd_files_have_their_line(text: str, place: str, code: str) -> None:
    """Today the first of two keys vanishes, null is the text `None`, and some are errors of ours."""
    with pytest.raises(Invalid) as caught:
        formats.read("octodns", text, ZONE)
    problem = caught.value.problems[0]
    assert (problem.pointer, problem.code) == (place, code)


def test_every_scalar_is_text() -> None:
    text = "on: {type: TXT, value: 1.0}\n010: {type: TXT, value: yes}\n"
    text += "t: {type: TXT, values: [2001-01-01, 0x10, 1_000, 'null']}\n"
    assert {rrset.name: rrset.values for rrset in formats.read("octodns", text, ZONE)} == {
        "on.example.com": ('"1.0"',),
        "010.example.com": ('"yes"',),
        "t.example.com": ('"0x10"', '"1_000"', '"2001-01-01"', '"null"'),
    }


def test_what_octodns_is_told_beside_is_named() -> None:
    text = "a:\n  octodns: {healthcheck: {host: x}, cloudflare: {proxied: yes, auto-ttl: on}}\n"
    text += "  type: A\n  value: 192.0.2.1\n  lenient: true\n"
    reading = formats.survey("octodns", text, ZONE)
    assert [(rrset.name, rrset.proxied) for rrset in reading.rrsets] == [("a.example.com", True)]
    assert [note.rpartition(" (")[0] for note in reading.notes] == [
        "The field lenient was left out",
        "The setting healthcheck of octoDNS was left out",
        "The setting cloudflare: auto-ttl of octoDNS was left out",
    ]


def test_the_case_of_odd_shapes() -> None:
    text = (CASES / "octodns-odd.yaml").read_text()
    with pytest.raises(Invalid) as caught:
        formats.survey("octodns", text, ZONE)
    assert [(one.pointer, one.code) for one in caught.value.problems] == [("line 7", "key_twice")]
    once = "\n".join(text.splitlines()[:-1])
    reading = formats.survey("octodns", once, ZONE)
    assert [rrset.name for rrset in reading.rrsets] == ["www.example.com"]
    assert [one.pointer for one in reading.problems] == [f"line {n}" for n in (3, 4, 5, 6)]
    last = text.splitlines()[-1]
    (rrset,) = formats.read("octodns", last, ZONE)
    assert rrset.values == ("2001:db8::1",)
