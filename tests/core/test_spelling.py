"""Texts are the same wherever they are cut into strings."""

from nameplate.core.rdata.text import rejoined
from nameplate.core.records import RRset
from nameplate.core.spelling import Spelling

ZONE = [RRset("a.x", "TXT", 60, ('"ab" "c"', '"z"')), RRset("a.x", "A", 60, ("192.0.2.1",))]


def test_a_text_is_spelled_as_the_zone_has_it():
    spelling = Spelling(ZONE)
    assert spelling.of(("a.x", "TXT", '"abc"')) == ("a.x", "TXT", '"ab" "c"')
    for value in (
        ("a.x", "TXT", '"ab" "c"'),
        ("a.x", "TXT", '"abd"'),
        ("b.x", "TXT", '"abc"'),
        ("a.x", "SPF", '"abc"'),
    ):
        assert spelling.of(value) is value


def test_strings_are_cut_where_they_are_full():
    long = "x" * 300
    assert rejoined(f'"{long[:100]}" "{long[100:]}"') == f'"{"x" * 255}" "{"x" * 45}"'
    assert rejoined('"a\\"" "b\\200"') == '"a\\"b\\200"'
    assert rejoined('"one"') == '"one"'
