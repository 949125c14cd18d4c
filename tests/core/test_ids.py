import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core import ids
from nameplate.core.errors import Invalid

numbers = st.integers(1, 2**63 - 1)


@given(numbers, st.sampled_from(list(ids.Prefix)))
def test_every_number_comes_back(number, prefix):
    text = ids.show(prefix, number)
    assert ids.parse(text, prefix) == number
    assert len(text) == len(prefix) + 15
    assert text == text.lower()


@given(numbers, numbers)
def test_two_numbers_never_share_an_id(first, second):
    assert (ids.show("dom", first) == ids.show("dom", second)) == (first == second)


@given(numbers, st.integers(0, 13), st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz"))
def test_one_wrong_character_is_noticed(number, place, char):
    body = ids.show("dom", number).removeprefix("dom_")
    wrong = body[:place] + char + body[place + 1 :]
    if wrong == body:
        return
    with pytest.raises(Invalid) as caught:
        ids.parse(f"dom_{wrong}", "dom")
    assert caught.value.code == "id_malformed"


def test_the_encoding_never_changes():
    """Ids stand in other people's programs: these are frozen."""
    assert [ids.show("dom", number) for number in (1, 2, 3, 2**63 - 1)] == FROZEN


FROZEN = ["dom_29yh7wc782vr0f", "dom_70frfbjeg5qg0r", "dom_042bvjm14rk802", "dom_0b2pymzdhdvhd0"]


def test_neighbours_do_not_look_alike():
    shown = [ids.show("dom", number).removeprefix("dom_") for number in range(1, 200)]
    assert len({text[:4] for text in shown}) > 150
    assert len({text[-4:] for text in shown}) > 150


GOOD = ids.show("dom", 123)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dom",
        "dom_",
        "_",
        "123",
        GOOD.removeprefix("dom_"),
        GOOD.upper(),
        GOOD + "0",
        GOOD[:-1],
        GOOD.replace("dom_", "org_"),
        GOOD.replace("dom_", "dom__"),
        "dom_" + GOOD,
        " " + GOOD,
        GOOD + "\n",
        "dom_" + "i" * 14,
        "dom_" + "٣" * 14,
        "dom_" + "0" * 14,
        "dom_" + "z" * 13 + ids._check("z" * 13),
        "dom_" + "0" * 100_000,
    ],
)
def test_anything_else_is_malformed(text):
    with pytest.raises(Invalid) as caught:
        ids.parse(text, "dom")
    assert caught.value.code == "id_malformed"


@pytest.mark.parametrize("number", [0, -1, 2**63])
def test_only_database_ids_are_shown(number):
    with pytest.raises(ValueError, match="between 1 and"):
        ids.show("dom", number)
