"""octoDNS files: parts of values, escapes, and what is computed instead of written."""

import pytest
import yaml

from nameplate.core.errors import Invalid
from nameplate.core.formats import octodns
from nameplate.core.formats.entries import ReadingBudget
from nameplate.core.records import RRset

ZONE = "example.com"
MX = RRset(ZONE, "MX", 300, ("10 mx1.example.net.", "20 mx2.example.net."))


def test_values_are_mappings_of_their_parts() -> None:
    written = yaml.safe_load(octodns.write([MX], ZONE))
    assert written == {
        "": {
            "type": "MX",
            "ttl": 300,
            "values": [
                {"preference": 10, "exchange": "mx1.example.net."},
                {"preference": 20, "exchange": "mx2.example.net."},
            ],
        }
    }


def test_the_old_names_of_parts_are_read() -> None:
    text = "'':\n  type: MX\n  ttl: 300\n  values:\n"
    text += "  - {priority: 10, value: mx1.example.net.}\n"
    text += "  - {preference: 20, exchange: mx2.example.net.}\n"
    assert octodns.read(text, ZONE, ReadingBudget(None)).strict() == [MX]


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ('"v=DMARC1; p=none"', "v=DMARC1\\; p=none"),
        ('"a\\\\b"', "a\\\\b"),
        ('"\\195\\169"', "\\195\\169"),
        ('"say \\"hi\\""', 'say "hi"'),
    ],
)
def test_texts_are_escaped_as_octodns_does(value: str, escaped: str) -> None:
    rrset = RRset(f"t.{ZONE}", "TXT", 60, (value,))
    text = octodns.write([rrset], ZONE)
    assert yaml.safe_load(text)["t"]["value"] == escaped
    assert octodns.read(text, ZONE, ReadingBudget(None)).strict() == [rrset]


def test_several_sets_of_a_name_and_the_proxy() -> None:
    sets = [
        RRset(f"w.{ZONE}", "A", 60, ("192.0.2.1",), proxied=True),
        RRset(f"w.{ZONE}", "TXT", 60, ('"x"',)),
    ]
    text = octodns.write([*sets, RRset(ZONE, "SOA", 1, ("a. b. 1 2 3 4 5",))], ZONE)
    written = yaml.safe_load(text)
    assert list(written) == ["w"]
    assert [one["type"] for one in written["w"]] == ["A", "TXT"]
    assert octodns.read(text, ZONE, ReadingBudget(None)).strict() == sets


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ("{type: A, dynamic: {pools: {}}, value: 192.0.2.1}", "dynamic"),
        ("{type: A, geo: {EU: [192.0.2.1]}, value: 192.0.2.1}", "dynamic"),
        ("{type: MX, value: {preference: 10}}", "value_shape"),
        ("{type: SRV, value: text}", "value_shape"),
        ("{value: 192.0.2.1}", "shape"),
    ],
)
def test_what_is_no_record_has_its_place(record: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        octodns.read(f"www: {record}\n", ZONE, ReadingBudget(None))
    assert caught.value.problems[0].pointer == "line 1"
    assert caught.value.problems[0].code == code


def test_an_alias_of_yaml_is_refused() -> None:
    with pytest.raises(Invalid, match="aliases are refused"):
        octodns.read("a: &x {type: A, value: 192.0.2.1}\nb: *x\n", ZONE, ReadingBudget(None))
