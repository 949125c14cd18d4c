"""How a value differs from the one that was expected."""

import pytest
from tests.core.diagnosis.seen import PROOF, VALUE

from nameplate.core.diagnosis import values
from nameplate.core.diagnosis.observed import Expected

EXPECTED = Expected("TXT", PROOF, VALUE, frozenset({"nameplate-verification=old"}))
TOKEN = VALUE.partition("=")[2]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (f"'{VALUE}'", "value_quoted"),
        (f"{VALUE}\n", "value_quoted"),
        (f"\u00a0{VALUE}\u200b", "value_quoted"),
        ("nameplate-verification=old", "value_old"),
        (' "nameplate-verification=old"', "value_old"),
        (VALUE.title(), "value_case"),
        (TOKEN, "value_incomplete"),
        (VALUE[:-1], "value_incomplete"),
        (f"{VALUE} {VALUE}", "value_longer"),
        (VALUE.replace("=", " = "), "value_longer"),
        ("nameplate-verification=zzz", "value_wrong"),
        ("nameplate-verification", "value_wrong"),
        ("v=spf1 -all", "value_of_another"),
        ("name", "value_of_another"),
        ("", "value_of_another"),
    ],
)
def test_each_difference_has_its_name(value: str, kind: str) -> None:
    assert values.closest(EXPECTED, ["other", value]) in {(value, kind), ("other", kind)}


def test_an_alias_cannot_stand_beside_another() -> None:
    expected = Expected("CNAME", PROOF, "k7.proof.example.net")
    found = values.closest(expected, ["k7.proof.example.net.example.com."])
    assert found is not None
    assert found[1] == "alias_wrong"
    assert "beside" not in " ".join(values.told(expected, found[1]))


def test_the_nearest_of_several_counts() -> None:
    assert values.closest(EXPECTED, ["v=spf1", TOKEN, "nameplate-verification=old"]) == (
        "nameplate-verification=old",
        "value_old",
    )
    assert values.closest(EXPECTED, []) is None
