"""Second factors: a code counts once, and only the one that is due."""

import secrets
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session
from tests.models import world

from nameplate.core import one_time_codes
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import NotPermitted
from nameplate.usecases.tenants import second_factors


def test_a_code_counts_once(lite: Session) -> None:
    ring, user = KeyRing({"k1": secrets.token_bytes(32)}, "k1"), world.user(lite)
    shown, _ = second_factors.begin(lite, ring, user.id, secrets.token_bytes)
    secret = one_time_codes.read(shown.reveal())
    assert shown.reveal() not in (user.totp_secret or "")
    due = {
        f"{number:06}"
        for number in range(10**6)
        if number < 2000 and one_time_codes.step_of(f"{number:06}", secret, world.NOW, 0)
    }
    assert len(due) <= 3
    user.totp_confirmed_at = world.NOW
    for code in (None, "", "12345", "abcdef"):
        with pytest.raises(NotPermitted):
            second_factors.require(lite, ring, user, code, world.NOW + timedelta(0))
