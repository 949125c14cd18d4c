"""Tokens: those that authenticate calls of the API, and those that owners publish as proof.

An API token reads `np_<key id>_<secret>_<checksum>`. The key id finds its row, the checksum tells a
mistyped or invented token without a query and lets scanners of leaked secrets know one.
"""

import base64
import hashlib
import hmac
import re
import string
import zlib
from dataclasses import dataclass

from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret

RANDOM_BYTES = 24
"""How many random bytes callers should pass; at least 20, which are 160 bits."""
TXT_LABEL = "_nameplate-challenge"
"""Label below a name at which its owner publishes the proof."""
CNAME_LABEL = "_nameplate-cname"
"""The same for a CNAME: at one label with the TXT record it could not be (RFC 1034 section 3.6.2)."""
TXT_PREFIX = "nameplate-verification="
"""What stands before the token in that TXT record."""

CODE_BYTES = 15
"""Random bytes of a mailed code: 120 bits, where 112 are asked for (Baseline Requirements)."""

_GROUP = 4
_MIN_BYTES = 20
_MAX_BYTES = 64
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECKSUM_LENGTH = 6
_SHAPE = re.compile(r"(np_([0-9a-z]{1,32})_[0-9A-Za-z]{27,86})_([0-9A-Za-z]{6})")
_MAX_LENGTH = 160
_LABEL = re.compile("[a-z2-7]{39}")


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """An API token of the right shape: its key id, and the whole text."""

    key_id: str
    secret: Secret

    @property
    def digest(self) -> str:
        """What is stored instead of the token."""
        return digest(self.secret)


def api_token(key_id: str, random: bytes) -> PresentedToken:
    """Return a new API token from at least 20 and at most 64 `random` bytes.

    `key_id` is up to 32 lower-case letters and digits.
    """
    _check_random(random)
    head = f"np_{key_id}_{_base62(int.from_bytes(random, 'big'), _width(len(random)))}"
    return parse_api_token(f"{head}_{_checksum(head)}")


def parse_api_token(text: str) -> PresentedToken:
    """Return the token that `text` is, shape and checksum verified; whether it is known is open.

    Raises Invalid `token_malformed`, which does not repeat the text.
    """
    shape = _SHAPE.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if shape is None or shape[3] != _checksum(shape[1]):
        raise Invalid("token_malformed", "Not an API token. Copy the whole token, including `np_`.")
    return PresentedToken(shape[2], Secret(text))


def digest(token: Secret) -> str:
    """Return the SHA-256 of a token in hexadecimal. Its randomness makes a slow hash needless."""
    return hashlib.sha256(token.reveal().encode("utf-8", "surrogatepass")).hexdigest()


def verification_token(random: bytes) -> str:
    """Return a proof token from at least 20 `random` bytes: base32 in lower case (RFC 4648).

    It survives DNS, file names and HTML unquoted, and compares equal in one spelling only.
    """
    _check_random(random)
    return base64.b32encode(random).decode("ascii").rstrip("=").lower()


def target(token: str, zone: str) -> str:
    """Return the name below a zone of the platform to which a CNAME of an owner leads."""
    return f"{token}.{zone}"


def label_seed(random: bytes) -> str:
    """Return what the labels of one organization are made from, from at least 20 `random` bytes."""
    _check_random(random)
    return random.hex()


def challenge_label(seed: str, name: str) -> str:
    """Return the label to which the ACME challenges of `name` are delegated: a token of 192 bits.

    It looks random to whoever does not know the seed, and nobody else can have the same.
    """
    found = hmac.digest(seed.encode("ascii"), name.encode("ascii"), hashlib.sha256)
    return verification_token(found[:RANDOM_BYTES])


def is_challenge_label(text: str) -> bool:
    """Tell whether a label has the form of those to which challenges are delegated."""
    return _LABEL.fullmatch(text) is not None


def mailed_code(random: bytes) -> Secret:
    """Return a code for people to copy from a message: base32 of 15 `random` bytes, in fours."""
    text = base64.b32encode(random).decode("ascii").lower()
    return Secret("-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP)))


def code_digest(code: Secret) -> str:
    """Return what is stored instead of such a code, whatever the spaces, dashes and case it has."""
    return digest(Secret(re.sub(r"[\s-]", "", code.reveal()).lower()))


def _check_random(random: bytes) -> None:
    if not _MIN_BYTES <= len(random) <= _MAX_BYTES:
        raise ValueError("a token takes 20 to 64 random bytes")


def _checksum(head: str) -> str:
    """Return the CRC-32 of everything in front of it, in base62."""
    return _base62(zlib.crc32(head.encode("ascii")), _CHECKSUM_LENGTH)


def _width(size: int) -> int:
    """Return how many base62 digits `size` bytes need at most."""
    width, most = 0, 1
    while most < 256**size:
        width, most = width + 1, most * 62
    return width


def _base62(number: int, width: int) -> str:
    """Return `number` in base62, filled up with zeros to `width`."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))
