"""Names and passwords for a host and path: hashed at the door, and never shown again.

A password is in nothing but the request that brings it. What is kept and what proxies get is its
bcrypt hash; what callers see are the names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import bcrypt

from nameplate.core.configuration import Form, setting
from nameplate.core.errors import Invalid, Problem

KEY = "basic_auth"
"""Where it is in `proxy_config`."""
MAX_USERS = 20
MIN_PASSWORD = 8
MAX_PASSWORD = 72
"""Octets that bcrypt takes into account."""
COST = 8
"""Two to the power of it is the work for each request: nginx does it between all other requests."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_REALM = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9])?")
_HASH = re.compile(r"\$2[aby]\$(?:0[4-9]|10)\$[./A-Za-z0-9]{53}")
"""A larger cost than 10 would let one visitor keep a proxy busy that everybody shares."""

UserName = Annotated[
    str,
    Form(
        "user name",
        "up to 64 letters, digits and `._@-`, beginning with a letter or digit",
        lambda text: _NAME.fullmatch(text) is not None,
    ),
]
Realm = Annotated[
    str,
    Form(
        "realm",
        "up to 64 letters, digits, spaces and `._-`",
        lambda text: _REALM.fullmatch(text) is not None,
    ),
]
BcryptHash = Annotated[
    str,
    Form(
        "bcrypt hash",
        "a bcrypt hash with a cost from 4 to 10",
        lambda text: _HASH.fullmatch(text) is not None,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthUser:
    """Somebody who may visit."""

    name: UserName = setting("Name of the user.")
    password_hash: BcryptHash = setting("bcrypt hash of the password, in place of `password`.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    """Visitors give a name and a password (RFC 7617)."""

    users: tuple[AuthUser, ...] = setting("Who may visit, each with `name` and `password`.")
    realm: Realm = setting("What browsers say that the password is for.", default="Restricted")


def sealed(given: Mapping[str, Any] | None, stored: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - JSON
    """Return a `proxy_config` with hashes in place of passwords.

    A user without a password keeps the one that is `stored` for the name, and so does one whose
    password is the same. What has another form is left to whoever reads the whole. Raises Invalid
    `password_invalid`, `password_missing`, `setting_invalid`; no value is repeated.
    """
    wanted = given.get(KEY) if given else None
    users = wanted.get("users") if isinstance(wanted, Mapping) else None
    if given is None or not isinstance(wanted, Mapping) or not isinstance(users, list):
        return given
    known = _hashes(stored)
    _refuse_crowd(users)
    hashed = [_sealed(user, known, at) for at, user in enumerate(users)]
    return {**given, KEY: {**wanted, "users": hashed}}


def shown(stored: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a stored `proxy_config` as callers see it: of users the names only."""
    if not stored or KEY not in stored:
        return None if stored is None else dict(stored)
    names = [{"name": name} for name in _hashes(stored)]
    found = stored[KEY]
    rest = {"realm": found["realm"]} if isinstance(found, Mapping) and "realm" in found else {}
    return {**stored, KEY: {**rest, "users": names}}


def is_protected(stored: Mapping[str, Any] | None) -> bool:
    """Tell whether a stored `proxy_config` asks visitors for a password."""
    return bool(stored and stored.get(KEY))


def _hashes(stored: Mapping[str, Any] | None) -> dict[str, str]:
    found = stored.get(KEY) if stored else None
    users = found.get("users") if isinstance(found, Mapping) else None
    return {
        user["name"]: user["password_hash"]
        for user in (users if isinstance(users, list) else ())
        if isinstance(user, Mapping) and {"name", "password_hash"} <= user.keys()
    }


def _refuse_crowd(users: list[Any]) -> None:
    place = f"/proxy_config/{KEY}/users"
    names = [str(user.get("name")) for user in users if isinstance(user, Mapping)]
    if not 1 <= len(users) <= MAX_USERS or len(set(names)) < len(names):
        detail = f"Expected 1 to {MAX_USERS} users with different names."
        raise Invalid("setting_invalid", detail, [Problem(place, "setting_invalid", detail)])


def _sealed(user: Any, known: Mapping[str, str], at: int) -> Any:  # noqa: ANN401 - JSON
    """Return one user with a hash in place of the password."""
    if not isinstance(user, Mapping):
        return user
    place = f"/proxy_config/{KEY}/users/{at}"
    rest = {key: value for key, value in user.items() if key != "password"}
    mine = known.get(str(user.get("name")))
    if "password" in user:
        octets = _octets(user["password"], f"{place}/password")
        is_same = mine is not None and _is(octets, mine)
        return {**rest, "password_hash": mine if is_same else _hash(octets)}
    if user.get("password_hash") is not None:
        return rest
    if mine is None:
        detail = "Expected a `password` for each user that has none yet."
        raise Invalid("password_missing", detail, [Problem(place, "password_missing", detail)])
    return {**rest, "password_hash": mine}


def _octets(password: Any, place: str) -> bytes:  # noqa: ANN401 - JSON
    try:
        octets = password.encode() if isinstance(password, str) else b""
    except UnicodeEncodeError:  # half of a surrogate pair
        octets = b""
    if not MIN_PASSWORD <= len(octets) <= MAX_PASSWORD or any(one < 0x20 for one in octets):  # noqa: PLR2004 - control characters
        detail = f"Expected a password of {MIN_PASSWORD} to {MAX_PASSWORD} octets without control characters."
        raise Invalid("password_invalid", detail, [Problem(place, "password_invalid", detail)])
    return octets


def _hash(octets: bytes) -> str:
    return bcrypt.hashpw(octets, bcrypt.gensalt(COST)).decode()


def _is(octets: bytes, known: str) -> bool:
    try:
        return bcrypt.checkpw(octets, known.encode())
    except ValueError:  # it was stored by nobody that knows the form
        return False
