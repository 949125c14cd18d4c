"""Ids as people and programs outside see them: `dom_` and fourteen characters for one integer.

The characters hide how many objects there are and in what order they came, but they are no secret:
who may see an object is decided elsewhere. The last one is a check, so that a mistyped id is told
from an unknown one.
"""

from enum import StrEnum
from functools import lru_cache

from nameplate.core.errors import Invalid


class Prefix(StrEnum):
    """What kind of object an id names."""

    ORGANIZATION = "org"
    APPLICATION = "app"
    SERVER = "srv"
    SERVER_GROUP = "grp"
    ACCOUNT = "acct"
    DOMAIN = "dom"
    VERIFICATION = "ver"
    RECORD = "rec"
    CERTIFICATE = "crt"
    BINDING = "bnd"
    TOKEN = "tok"  # noqa: S105 - the prefix of an id, not a token
    PLAN = "plan"
    GRANT = "gnt"
    CHALLENGE = "chl"
    TRANSFER = "xfr"
    QUARANTINED_NAME = "qrn"
    SETUP_LINK = "lnk"
    DANGLING_RECORD = "dng"
    REGISTRATION = "reg"
    PURCHASE = "pur"
    OPERATION = "op"
    EVENT = "evt"
    USER = "usr"
    MEMBERSHIP = "mbr"
    SESSION = "ses"
    EMBED_TOKEN = "emb"  # noqa: S105 - the prefix of an id, not a token


_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base32: no i, l, o, u."""
_DIGITS = {char: digit for digit, char in enumerate(_ALPHABET)}
_LENGTH = 13
_MODULUS = 1 << 63
_MASK = _MODULUS - 1
_SHIFT = 32
_MULTIPLIER = 0x5851F42D4C957F2D
_INVERSE = pow(_MULTIPLIER, -1, _MODULUS)


@lru_cache(maxsize=16_384)
def show(prefix: str, number: int) -> str:
    """Return the public id of the object with this database id (1 to 2^63 - 1)."""
    if not 0 < number < _MODULUS:
        raise ValueError("a database id is between 1 and 2^63 - 1")
    scrambled = number * _MULTIPLIER & _MASK
    scrambled = (scrambled ^ scrambled >> _SHIFT) * _MULTIPLIER & _MASK
    body = "".join(_ALPHABET[scrambled >> 5 * place & 31] for place in range(_LENGTH - 1, -1, -1))
    return f"{prefix}_{body}{_check(body)}"


def parse(text: str, prefix: str) -> int:
    """Return the database id behind a public id of this kind.

    Each object has exactly one spelling. Raises Invalid `id_malformed`.
    """
    found, _, body = text.rpartition("_")
    digits = [_DIGITS.get(char) for char in body]
    if found != prefix or len(body) != _LENGTH + 1 or None in digits:
        raise _malformed(prefix)
    scrambled = 0
    for digit in digits[:-1]:
        scrambled = scrambled << 5 | (digit or 0)
    if scrambled >= _MODULUS or body[-1] != _check(body[:-1]):
        raise _malformed(prefix)
    number = scrambled * _INVERSE & _MASK
    number = (number ^ number >> _SHIFT) * _INVERSE & _MASK
    if not number:
        raise _malformed(prefix)
    return number


def _check(body: str) -> str:
    """Return the check character: odd weights modulo 32 find every single wrong character."""
    total = sum((2 * place + 1) * _DIGITS[char] for place, char in enumerate(body))
    return _ALPHABET[total % 32]


def _malformed(prefix: str) -> Invalid:
    return Invalid(
        "id_malformed",
        f"Not an id of this kind. Expected `{prefix}_` followed by {_LENGTH + 1} characters.",
    )
