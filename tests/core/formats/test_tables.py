"""CSV and JSON."""

import json

import pytest

from nameplate.core import formats
from nameplate.core.errors import Invalid
from nameplate.core.records import RRset

ZONE = "example.com"


def test_an_export_is_safe_to_open_in_a_spreadsheet():
    rrsets = [RRset(f"a.{ZONE}", "TXT", 60, ('"x"',)), RRset(ZONE, "A", 60, ("192.0.2.1",))]
    assert "\n'@,A" in formats.write("csv", rrsets, ZONE)


def test_json_is_a_list_of_record_sets():
    text = formats.write("json", [RRset(f"www.{ZONE}", "A", 60, ("192.0.2.1", "192.0.2.2"))], ZONE)
    assert json.loads(text) == [
        {"name": "www", "type": "A", "ttl": 60, "values": ["192.0.2.1", "192.0.2.2"]}
    ]


def test_a_cell_behind_an_apostrophe_is_read_without_it():
    rrset = RRset(f"a.{ZONE}", "TXT", 60, ('"=1+1"',))
    text = formats.write("csv", [RRset(ZONE, "A", 60, ("192.0.2.1",)), rrset], ZONE)
    assert "'@" in text
    assert formats.read("csv", text, ZONE) == [rrset, RRset(ZONE, "A", 60, ("192.0.2.1",))]


def test_a_heading_without_a_column_is_told_which():
    with pytest.raises(Invalid) as caught:
        formats.read("csv", "name,ttl\nwww,60\n", ZONE)
    assert caught.value.code == "columns_missing"
    assert "type, value" in caught.value.detail


def test_seconds_and_the_proxy_may_be_left_out():
    (found,) = formats.read("csv", "type,name,value\na,www,192.0.2.1\n", ZONE)
    assert found == RRset(f"www.{ZONE}", "A", 3600, ("192.0.2.1",))
    (found,) = formats.read("json", '[{"name": "www", "type": "a", "values": ["192.0.2.1"]}]', ZONE)
    assert found == RRset(f"www.{ZONE}", "A", 3600, ("192.0.2.1",))


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_proxy_survives(form):
    rrset = RRset(f"www.{ZONE}", "A", 60, ("192.0.2.1",), proxied=True)
    assert formats.read(form, formats.write(form, [rrset], ZONE), ZONE) == [rrset]
