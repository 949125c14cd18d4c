"""Contacts: what registries take, with a message for each field and none that shows a person."""

import pytest

from nameplate.core.contacts import is_same, parse_contact
from nameplate.core.errors import Invalid
from nameplate.testing.registrar import CONTACT


def test_a_contact_is_read_as_it_is_written() -> None:
    assert parse_contact(CONTACT.as_json()) == CONTACT
    assert parse_contact({**CONTACT.as_json(), "country": "gb"}) == CONTACT


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("email", "a@b"),
        ("phone", "+4930123456"),
        ("phone", "0301234"),
        ("country", "Germany"),
        ("city", ""),
        ("city", "x" * 81),
        ("street", "1 Main St\r\nX: y"),
        ("first_name", "<script>"),
        ("last_name", 7),
        ("postal_code", None),
        ("shoe_size", "44"),
    ],
)
def test_each_wrong_field_is_named_and_not_repeated(field: str, value: object) -> None:
    with pytest.raises(Invalid) as refused:
        parse_contact({**CONTACT.as_json(), field: value})
    (problem,) = refused.value.problems
    assert problem.pointer == f"/contact/{field}"
    assert not value or str(value) not in problem.detail


def test_it_prints_nothing_of_a_person() -> None:
    assert repr(CONTACT) == str(CONTACT) == f"{CONTACT}" == "Contact(***)"


@pytest.mark.parametrize(
    ("shown", "exactly", "loosely"),
    [
        ("St. Mary's Way", True, True),
        (" St. Mary's Way ", True, True),
        ("ST MARYS  WAY", False, True),
        ("St. Mary's Way 2", False, False),
        ("", False, False),
        (None, False, False),
    ],
)
def test_registries_write_in_their_own_way(
    shown: str | None, *, exactly: bool, loosely: bool
) -> None:
    given = {"street": "St. Mary's Way", "organization": ""}
    told = {"street": shown, "job": "Carpenter"} if shown is not None else {}
    assert is_same(told, given, exactly=True) is exactly
    assert is_same(told, given, exactly=False) is loosely
    assert not is_same({**told, "organization": "Acme"}, given, exactly=False)
