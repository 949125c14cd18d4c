"""The person or company that a name is registered for, as registries want it. Personal data."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nameplate.core.configuration.forms import is_email
from nameplate.core.errors import Invalid, Problem

_MAX = {
    "first_name": 60,
    "last_name": 60,
    "organization": 120,
    "email": 254,
    "phone": 17,
    "street": 120,
    "street2": 120,
    "city": 80,
    "state": 80,
    "postal_code": 16,
    "country": 2,
}
_OPTIONAL = frozenset({"organization", "street2", "state"})
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters that steer what shows them, as bidirectional controls do."""
_JOINERS = "\u200c\u200d"
"""Which some scripts need within words."""
_PHONE = re.compile(r"\+[1-9][0-9]{0,2}\.[0-9]{3,14}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_Rule = tuple[Callable[[str], bool], str]
_FORMS: dict[str, tuple[_Rule, ...]] = {
    "email": (
        (
            lambda text: text.isascii() and is_email(text),
            "Expected an e-mail address, as in ops@example.com.",
        ),
    ),
    "phone": (
        (
            lambda text: _PHONE.fullmatch(text) is not None,
            "Expected a phone number with country code and a dot, as in +49.301234567.",
        ),
    ),
    "country": (
        (
            lambda text: _COUNTRY.fullmatch(text.upper()) is not None,
            "Expected the two letters of a country, as in DE.",
        ),
    ),
}


@dataclass(frozen=True, slots=True, repr=False)
class Contact:
    """Who registers a name. It prints as nothing but its class, so that no log shows a person."""

    first_name: str
    last_name: str
    email: str
    phone: str
    """As registries want it (RFC 5733): `+49.301234567`."""
    street: str
    city: str
    postal_code: str
    country: str
    """Two letters (ISO 3166-1)."""
    organization: str = ""
    street2: str = ""
    state: str = ""

    def __repr__(self) -> str:
        return "Contact(***)"

    def as_json(self) -> dict[str, str]:
        """Return the fields by name."""
        return asdict(self)


def parse_contact(fields: Mapping[str, Any], pointer: str = "/contact") -> Contact:
    """Read a contact.

    Raises Invalid `contact_invalid` with one problem for each field; no message repeats a value.
    """
    given = {
        key: value.strip() if isinstance(value, str) else value for key, value in fields.items()
    }
    problems = [
        Problem(f"{pointer}/{key}", "field_unknown", "A contact has no such field.")
        for key in sorted(set(given) - set(_MAX))[:10]
    ]
    for key in _MAX:
        detail = _fault(key, given.get(key) or "")
        if detail:
            problems.append(Problem(f"{pointer}/{key}", "contact_field", detail))
    if problems:
        raise Invalid("contact_invalid", "The contact is not complete.", problems)
    country = given["country"].upper()
    return Contact(**{key: given.get(key) or "" for key in _MAX} | {"country": country})


def is_same(shown: Mapping[str, str], given: Mapping[str, str], *, exactly: bool) -> bool:
    """Tell whether a registrar shows all fields that it was given; what it leaves out is empty.

    Registries write case, spaces and punctuation in ways of their own: these count only if `exactly`.
    """
    write = str.strip if exactly else _bare
    return all(write(shown.get(key) or "") == write(text) for key, text in given.items())


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _fault(key: str, value: object) -> str | None:
    """Return what is wrong with one field."""
    if not isinstance(value, str):
        return "Expected text."
    if not value:
        return None if key in _OPTIONAL else "Required by registries."
    for accepts, expected in (*_rules(key), *_FORMS.get(key, ())):
        if not accepts(value):
            return expected
    return None


def _is_plain(text: str) -> bool:
    return not any(
        one in "<>" or (unicodedata.category(one) in _UNSEEN and one not in _JOINERS)
        for one in text
    )


def _rules(key: str) -> tuple[_Rule, ...]:
    """Return what holds for every field."""
    return (
        (lambda text: len(text) <= _MAX[key], f"Expected at most {_MAX[key]} characters."),
        (
            _is_plain,
            "Expected text without control characters, `<` and `>`.",
        ),
    )
