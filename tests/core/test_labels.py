"""One label of a name: what it becomes, and which rule a wrong one breaks."""

import pytest

from nameplate.core import labels
from nameplate.core.errors import Invalid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WWW", "www"),
        ("a\u3002b\uff0ec", "a.b.c"),
        ("\uff21\uff22\uff23", "abc"),
        ("Ü", "ü"),
        ("u\u0308", "ü"),
    ],
)
def test_case_width_and_dots_are_folded(text: str, expected: str) -> None:
    assert labels.folded(text) == expected


@pytest.mark.parametrize("char", ["\u00ad", "\u200b", "①", "\u017f", "\u212a"])
def test_what_software_reads_as_something_else_is_refused(char: str) -> None:
    with pytest.raises(Invalid) as caught:
        labels.folded(f"a{char}b")
    assert caught.value.code in {"name_mapped", "name_character"}
    assert char not in caught.value.detail
    assert f"U+{ord(char):04X}" in caught.value.detail


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("shop", ("shop", "shop")),
        ("xn--mnchen-3ya", ("xn--mnchen-3ya", "münchen")),
        ("münchen", ("xn--mnchen-3ya", "münchen")),
        ("a" * 63, ("a" * 63, "a" * 63)),
    ],
)
def test_both_forms(label: str, expected: tuple[str, str]) -> None:
    assert labels.pair(label, underscore=False) == expected


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("", "name_label_empty"),
        ("a" * 64, "name_label_too_long"),
        ("ü" * 60, "name_label_too_long"),
        ("-a", "name_hyphen"),
        ("a-", "name_hyphen"),
        ("ab--c", "name_hyphen"),
        ("_dmarc", "name_underscore"),
        ("xn--0000", "name_punycode"),
        ("a\u2665", "name_idna"),
    ],
)
def test_each_rule_has_its_code(label: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        labels.pair(label, underscore=False)
    assert caught.value.code == code


def test_services_have_underscores() -> None:
    assert labels.pair("_dmarc", underscore=True) == ("_dmarc", "_dmarc")


def test_directions_are_looked_at_over_the_whole_name() -> None:
    hebrew = "\u05d0\u05d1"
    labels.check_bidi([hebrew, "com"])
    labels.check_bidi(["*", "_x", hebrew, "com"])
    labels.check_bidi(["1", "com"])
    with pytest.raises(Invalid) as caught:
        labels.check_bidi(["1", hebrew, "com"])
    assert caught.value.code == "name_bidi"


def test_scripts_that_no_language_mixes() -> None:
    assert labels.mixes_scripts("p\u0430ypal")
    assert not labels.mixes_scripts("paypal")
    assert not labels.mixes_scripts("日本ごテスト")


def test_words_that_are_drawn_like_latin() -> None:
    assert labels.looks_latin("\u0430\u0441\u0435")
    assert not labels.looks_latin("ace")
    assert not labels.looks_latin("\u0434\u043e\u043c")
    assert not labels.looks_latin("123")
