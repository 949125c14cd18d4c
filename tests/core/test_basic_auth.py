"""Passwords at the door: hashed, kept by name, and never shown."""

from typing import Any

import bcrypt
import pytest

from nameplate.core.basic_auth import COST, sealed, shown
from nameplate.core.errors import Invalid
from nameplate.core.route_settings import is_sound, read, stored

PASSWORD = "correct horse"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def given(*users: Any, **more: Any) -> dict[str, Any]:
    return {"strip_path": True, "basic_auth": {"users": list(users), **more}}


def test_a_password_becomes_a_hash_and_only_the_name_is_shown() -> None:
    config = sealed(given({"name": "anna", "password": PASSWORD}, realm="Staff only"), None)
    (user,) = config["basic_auth"]["users"]
    assert user.keys() == {"name", "password_hash"}
    assert user["password_hash"].startswith(f"$2b${COST:02}$")
    assert bcrypt.checkpw(PASSWORD.encode(), user["password_hash"].encode())
    assert PASSWORD not in repr(read(config, "nginx"))
    assert is_sound(stored(config))
    assert shown(config) == given({"name": "anna"}, realm="Staff only")
    assert shown(None) is None
    assert shown({"strip_path": True}) == {"strip_path": True}


def test_who_is_given_without_a_password_keeps_it_and_the_same_one_changes_nothing() -> None:
    before = sealed(given({"name": "anna", "password": PASSWORD}), None)
    kept = given({"name": "anna"}, {"name": "ben", "password": "another one"})
    after = sealed(kept, before)["basic_auth"]["users"]
    assert after[0] == before["basic_auth"]["users"][0]
    assert sealed(given({"name": "anna", "password": PASSWORD}), before) == before
    assert sealed(given({"name": "anna", "password": "another one"}), before) != before
    hashed = given({"name": "anna", "password_hash": HASH})
    assert sealed(hashed, before) == hashed
    assert sealed(None, before) is None


@pytest.mark.parametrize(
    ("users", "code"),
    [
        ([{"name": "anna"}], "password_missing"),
        ([{"name": "anna", "password": "short"}], "password_invalid"),
        ([{"name": "anna", "password": "x" * 73}], "password_invalid"),
        ([{"name": "anna", "password": "line\nbreak1"}], "password_invalid"),
        ([{"name": "anna", "password": "\ud800 surrogate"}], "password_invalid"),
        ([{"name": "anna", "password": 12345678}], "password_invalid"),
        ([{"name": "anna", "password": None}], "password_invalid"),
        ([], "setting_invalid"),
        ([{"name": "anna", "password": PASSWORD}] * 2, "setting_invalid"),
        ([{"name": f"u{n}", "password_hash": HASH} for n in range(21)], "setting_invalid"),
        (["anna"], "setting_invalid"),
        ("anna", "setting_invalid"),
        ([{"name": "anna", "password": PASSWORD, "admin": True}], "setting_unknown"),
        ([{"password": PASSWORD}], "setting_missing"),
        ([{"name": "a:b", "password": PASSWORD}], "setting_invalid"),
        ([{"name": "a\nroot:x", "password": PASSWORD}], "setting_invalid"),
        ([{"name": "{env.SECRET}", "password": PASSWORD}], "setting_invalid"),
        ([{"name": "anna", "password_hash": "$apr1$x$y"}], "setting_invalid"),
        ([{"name": "anna", "password_hash": HASH.replace("$04$", "$31$")}], "setting_invalid"),
        ([{"name": "anna", "password_hash": f"{HASH}\n"}], "setting_invalid"),
    ],
)
def test_what_is_refused_is_never_repeated(users: Any, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(sealed({"basic_auth": {"users": users}}, None), "nginx")
    assert caught.value.code == code
    told = f"{caught.value.detail} {caught.value.problems}"
    assert PASSWORD not in told
    assert "short" not in told.replace("shorter", "")


@pytest.mark.parametrize(
    "realm", ['a"b', "$host", "{{.}}", "a\r\nSet-Cookie: b", "", " a", "x" * 65]
)
def test_hostile_realms_are_refused(realm: str) -> None:
    with pytest.raises(Invalid):
        read(sealed(given({"name": "a", "password": PASSWORD}, realm=realm), None), "caddy")
