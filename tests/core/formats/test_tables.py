"""CSV: as we write it, and as the panels of DNS hosts do."""

import pytest

from nameplate.core import formats
from nameplate.core.errors import Invalid
from nameplate.core.records import RRset

ZONE = "example.com"


def test_an_export_is_safe_to_open_in_a_spreadsheet():
    rrsets = [RRset(f"a.{ZONE}", "TXT", 60, ('"x"',)), RRset(ZONE, "A", 60, ("192.0.2.1",))]
    assert "\n'@,A" in formats.write("csv", rrsets, ZONE)


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


def test_the_proxy_survives():
    rrset = RRset(f"www.{ZONE}", "A", 60, ("192.0.2.1",), proxied=True)
    assert formats.read("csv", formats.write("csv", [rrset], ZONE), ZONE) == [rrset]


PANEL = (
    "\ufeffName,Type,TTL,Value,Priority\r\n@,MX,1 Hour,mx1.example.net,10\r\n"
    "www,CNAME,Auto,example.com,\r\n"
)


def test_a_panels_list_is_read():
    """BOM, capitals, words for times, a column for the priority: today `columns_missing`."""
    assert formats.read("csv", PANEL, ZONE) == [
        RRset(ZONE, "MX", 3600, ("10 mx1.example.net.",)),
        RRset(f"www.{ZONE}", "CNAME", 300, ("example.com.",)),
    ]


@pytest.mark.parametrize(
    ("word", "seconds"),
    [("1 Hour", 3600), ("30 min", 1800), ("2 days", 172_800), ("1h", 3600), ("Auto", 300),
     ("60", 60), ("", 3600), ("5 sec.", 5), ("1 week", 604_800)],
)  # fmt: skip
def test_times_in_words(word, seconds):
    (found,) = formats.read("csv", f"host,type,ttl,content\nwww,A,{word},192.0.2.1\n", ZONE)
    assert found.ttl == seconds


@pytest.mark.parametrize("word", ["1 month", "h", "soon", "1.5 h", "-1"])
def test_what_is_no_time_has_its_line(word):
    with pytest.raises(Invalid) as caught:
        formats.read("csv", f"name,type,ttl,value\nwww,A,{word},192.0.2.1\n", ZONE)
    assert caught.value.problems[0].pointer == "line 2/ttl"


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("name,type,value,value\nwww,A,192.0.2.1,192.0.2.2\n", "line 1", "key_twice"),
        ("name,type,value,content\nwww,A,192.0.2.1,192.0.2.2\n", "line 1", "key_twice"),
        ("name,type,value\nok,A,192.0.2.1\nwww,A,192.0.2.1,192.0.2.2\n", "line 3", "shape"),
        ("name,type,value\nok,A,192.0.2.1\nwww,A\n", "line 3", "shape"),
        ('name,type,value\nt,TXT,"a\nb"\nwww,A,1.2.3\n', "line 2/value", "control_character"),
        ("name,type,value,proxied\nwww,A,192.0.2.1,maybe\n", "line 2/proxied", "value_shape"),
        ('name,type,value\nwww,A,192.0.2.1\nx,A,"192.0.2.2\n', "line 3", "syntax"),
        ("name,type,value\nwww,A,\n", "line 2/value", "value_required"),
        ("name,type,value,priority\n@,MX,mx.example.net,high\n", "line 2/priority", "number_invalid"),
    ],
)  # fmt: skip
def test_nothing_of_a_row_is_lost_without_a_word(text, place, code):
    with pytest.raises(Invalid) as caught:
        formats.read("csv", text, ZONE)
    problem = caught.value.problems[0]
    assert (problem.pointer, problem.code) == (place, code)


def test_columns_and_numbers_that_no_record_has_are_named():
    text = "name,type,value,priority,note\nwww,A,192.0.2.1,0,mine\n_s,SRV,5 443 a.net,1,\n"
    reading = formats.survey("csv", text, ZONE)
    assert [(rrset.type, rrset.values) for rrset in reading.rrsets] == [
        ("SRV", ("1 5 443 a.net.",)),
        ("A", ("192.0.2.1",)),
    ]
    assert reading.notes == [
        "The column note was left out (line 1).",
        "The priority of A records was left out (line 2).",
    ]


@pytest.mark.parametrize("name", ["+a", "'+a", "a.net", "192.0.2.1", "a/b", "-"])
def test_odd_names_come_back(name):
    """Written relative, `a.net` and `192.0.2.1` were taken for names outside the zone."""
    rrset = RRset(f"{name.strip(chr(39))}.{ZONE}".replace("-.", "x-y."), "TXT", 60, ('"x"',))
    assert formats.read("csv", formats.write("csv", [rrset], ZONE), ZONE) == [rrset]


def test_a_text_of_every_octet_comes_back():
    text = " ".join('"' + "\\200" * 255 + '"' for _ in range(250))
    rrset = RRset(f"t.{ZONE}", "TXT", 60, (text,))
    assert formats.read("csv", formats.write("csv", [rrset], ZONE), ZONE) == [rrset]
