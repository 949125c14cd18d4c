"""Passwords: argon2id (RFC 9106), and which ones are taken."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from nameplate.core.errors import Invalid, Problem
from nameplate.core.secret import Secret

SALT_BYTES = 16
MIN_LENGTH, MAX_LENGTH = 12, 256
"""Characters; more would only cost time (NIST SP 800-63B section 3.1.1)."""
_MIN_DISTINCT = 5


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)


def hashed(password: Secret, salt: bytes) -> str:
    """Return what is kept of a password, from 16 random bytes. Takes 50 ms of a processor."""
    return _hasher().hash(password.reveal(), salt=salt)


def fits(password: Secret, kept: str) -> bool:
    """Tell whether a password is the one that this was made from."""
    try:
        return _hasher().verify(kept, password.reveal())
    except (Argon2Error, InvalidHashError):
        return False


def check(password: Secret, *personal: str) -> None:
    """Raise Invalid `password_weak` for one that is short, uniform, or has a `personal` word in it."""
    text = password.reveal()
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise _weak(f"Use {MIN_LENGTH} to {MAX_LENGTH} characters.")
    folded = text.casefold()
    if len(set(folded)) < _MIN_DISTINCT or any(
        one and one.casefold() in folded for one in personal
    ):
        raise _weak("Use one that is no repetition and has nothing of your address in it.")


def _weak(detail: str) -> Invalid:
    return Invalid("password_weak", detail, [Problem("/password", "password_weak", detail)])
