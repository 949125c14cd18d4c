"""TXT: raw text and quoted strings, and the limits of the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core import rdata
from nameplate.core.errors import Invalid
from nameplate.core.rdata.text import joined, quoted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("v=spf1 -all", '"v=spf1 -all"'),
        ('say "a\\b"; c', '"say \\"a\\\\b\\"; c"'),
        ('"a" "b"', '"a" "b"'),
        ('""', '""'),
        ("\u00e9", '"\\195\\169"'),
    ],
)
def test_raw_text_and_presentation_form(value: str, text: str) -> None:
    assert rdata.parse("TXT", value, origin="acme.com").text == text


def test_long_text_is_split_at_255_octets_and_reads_as_one() -> None:
    found = rdata.parse("TXT", "x" * 600, origin="acme.com").text
    assert found == quoted([b"x" * 255, b"x" * 255, b"x" * 90])
    assert joined(found) == "x" * 600


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "value_required"),
        ("a\nb", "control_character"),
        ('"\\999"', "escape_invalid"),
        ("\ud800", "text_invalid"),
        ("x" * 65_536, "text_too_long"),
    ],
)
def test_what_cannot_be_a_text_is_refused(value: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        rdata.parse("TXT", value, origin="acme.com")
    assert caught.value.problems[0].code == code


@given(st.lists(st.binary(max_size=255), min_size=1, max_size=4))
def test_quoted_strings_come_back_as_they_were(strings: list[bytes]) -> None:
    text = quoted(strings)
    assert rdata.parse("TXT", text, origin="acme.com").text == text
    assert joined(text) == b"".join(strings).decode("utf-8", "backslashreplace")
