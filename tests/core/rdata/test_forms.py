"""What people are shown of each type."""

import pytest

from nameplate.core.rdata import TYPES, parse
from nameplate.core.rdata.forms import FORMS


def test_every_type_has_its_form() -> None:
    assert FORMS.keys() == TYPES


@pytest.mark.parametrize("rdtype", sorted(TYPES))
def test_an_example_is_a_value(rdtype: str) -> None:
    example = FORMS[rdtype].example.replace("c0ffee...", "ab" * 32).replace("mDMEZ...", "mDMEZQ==")
    assert parse(rdtype, example, origin="example.com").type == rdtype
