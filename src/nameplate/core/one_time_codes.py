"""Second factors: codes of an authenticator (TOTP, RFC 6238), and codes to recover with."""

import base64
import hmac
from datetime import datetime
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from nameplate.core.secret import Secret

SECRET_BYTES = 20
RECOVERY_BYTES = 10
"""Random bytes of a recovery code: 80 bits."""
RECOVERY_CODES = 10
_STEP, _DIGITS, _GROUP = 30, 6, 4


def step_of(code: str, secret: bytes, now: datetime, used: int) -> int | None:
    """Return the step of a code that is right now, or was or will be within half a minute.

    Only steps after `used` count: a code is accepted once (RFC 6238 section 5.2).
    """
    current = int(now.timestamp()) // _STEP
    algorithm = HOTP(secret, _DIGITS, SHA1())  # noqa: S303 - what authenticators know
    given = code.replace(" ", "").encode()
    found = None
    for step in (current - 1, current, current + 1):
        if hmac.compare_digest(algorithm.generate(step), given) and step > used:
            found = step
    return found


def shown(secret: bytes) -> str:
    """Return a secret as authenticators take it."""
    return base64.b32encode(secret).decode("ascii")


def read(text: str) -> bytes:
    """Return the secret that was shown so."""
    return base64.b32decode(text)


def address(secret: bytes, account: str, issuer: str) -> str:
    """Return the address that is shown as a QR code."""
    label = f"{quote(issuer)}:{quote(account)}"
    return f"otpauth://totp/{label}?secret={shown(secret)}&issuer={quote(issuer)}"


def recovery_code(random: bytes) -> Secret:
    """Return a code for people to keep on paper, from 10 `random` bytes, in fours."""
    text = base64.b32encode(random).decode("ascii").lower()
    return Secret("-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP)))
