"""Users: one for an address, added by operators, and signed out when disabled."""

import secrets

import pytest
from sqlalchemy.orm import Session
from tests.models import world

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotPermitted
from nameplate.usecases.tenants import users


def test_an_address_is_one_user_whatever_its_case(lite: Session) -> None:
    given = {"now": world.NOW, "random": secrets.token_bytes}
    row, token = users.add(lite, PLATFORM, email=" Ada@Example.com ", **given)  # type: ignore[arg-type]  # by name
    assert (row.email, row.name) == ("ada@example.com", "ada@example.com")
    assert token.reveal() not in str(row.__dict__)
    with pytest.raises(Conflict):
        users.add(lite, PLATFORM, email="ADA@example.com", **given)  # type: ignore[arg-type]  # by name
    for wrong in ("ada", "a b@example.com", "<a>@example.com", "a@b\r\nx"):
        with pytest.raises(Invalid):
            users.folded(wrong)
    with pytest.raises(NotPermitted):
        users.page(lite, Actor(world.organization(lite).id), limit=5)
