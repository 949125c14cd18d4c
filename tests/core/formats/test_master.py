"""Entries of master files, their times, and what `$GENERATE` makes."""

import pytest

from nameplate.core.errors import Invalid
from nameplate.core.formats import master
from nameplate.core.formats.entries import ReadingBudget


def read(text):
    return [
        (one.line, one.text.split(), one.comment)
        for one in master.entries(text, ReadingBudget(None))
    ]


def test_entries_know_where_they_begin():
    text = 'a 1\n\n; only a comment\nb (\n 2 ; two\n 3 )\r\nc "x;y(" z ;end\rd\n'
    assert read(text) == [
        (1, ["a", "1"], ""),
        (4, ["b", "2", "3"], " two"),
        (7, ["c", '"x;y("', "z"], "end"),
        (8, ["d"], ""),
    ]


def test_what_is_never_closed_has_the_line_where_it_was_opened():
    with pytest.raises(Invalid) as caught:
        read("a 1\nb ( 2\nc 3\n")
    assert caught.value.problems[0].pointer == "line 2"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("300", 300), ("1h", 3600), ("1H30m", 5400), ("1w2d", 777_600), ("0", 0), ("h", None),
     ("1h30", None), ("", None), ("-1", None), ("1y", None), ("99999999999", None)],
)  # fmt: skip
def test_seconds(text, seconds):
    assert master.seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1-3", [1, 2, 3]), ("0-4/2", [0, 2, 4]), ("3-1", None), ("1-2/0", None), ("1", None)],
)
def test_ranges(text, numbers):
    found = master.count(text)
    assert (found and [*found]) == numbers


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("h$", "h7"),
        ("h$x$", "h7x7"),
        ("h\\$", "h\\$"),
        ("h$$", "h$"),
        ("h${0,3}", "h007"),
        ("h${-2,2,d}", "h05"),
        ("h${10,4,x}", "h0011"),
        ("h${8,0,X}", "hF"),
        ("h${1,0,o}", "h10"),
        ("${0,7,n}.x", "7.0.0.0.x"),
    ],
)
def test_numbers_in_templates(template, text):
    assert master.generated(template, 7) == text


@pytest.mark.parametrize("template", ["${x}", "${0,999}", "${-9,1,n}"])
def test_what_is_no_template(template):
    with pytest.raises(ValueError, match="modifier"):
        master.generated(template, 7)
