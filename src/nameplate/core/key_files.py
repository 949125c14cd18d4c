"""Private keys as people bring them: with or without a password, checked without trusting the file.

The library's own check of an RSA key takes up to half a second, so that a key is checked here: its
numbers belong together, and none of them is known to be weak.
"""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from nameplate.core import keys, pkcs12
from nameplate.core.errors import Invalid
from nameplate.core.pem import Block
from nameplate.core.secret import Secret

LABELS = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"})
"""Blocks that hold a private key (RFC 5958, RFC 8017, RFC 5915)."""
MAX_BITS = 4096
"""Of an RSA key: a longer one makes every visit slow."""
_MAX_DER = 4096
"""Bytes: RSA 4096 has 2,400; checking more costs seconds."""


def read(block: Block, password: Secret | None) -> keys.PrivateKey:
    """Return the key in a block.

    Raises `Invalid` with `key_malformed`, `key_encrypted`, `password_wrong`, `pkcs12_slow`, `key_weak`
    or `key_unsupported`.
    """
    if len(block.der) > _MAX_DER:
        raise Invalid(
            "key_weak",
            f"The key in {block.place} is too large. Expected RSA of 2048 to {MAX_BITS} bits.",
        )
    sealed = block.label == "ENCRYPTED PRIVATE KEY" or bool(block.headers)
    if sealed and password is None:
        raise Invalid(
            "key_encrypted",
            f"The key in {block.place} has a password. Give it, or remove it first.",
        )
    if block.label == "ENCRYPTED PRIVATE KEY":
        pkcs12.check_rounds(pkcs12.rounds_of(block.der))
    given = password.reveal().encode() if sealed and password is not None else None
    try:
        loaded = load_pem_private_key(block.text(), given, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # their text may quote the input
        if sealed:
            raise Invalid(
                "password_wrong",
                f"The password does not open the key in {block.place}, or the key is damaged.",
            ) from None
        raise Invalid("key_malformed", f"The key in {block.place} cannot be read.") from None
    return checked(loaded)


def checked(loaded: object) -> keys.PrivateKey:
    """Return a key that may be used, and whose parts belong together. Raises `Invalid`."""
    key = keys.accepted(loaded, MAX_BITS)
    if not _is_whole(key):
        raise Invalid("key_malformed", "The parts of the private key do not belong together.")
    return key


def as_pem(key: keys.PrivateKey) -> Secret:
    """Return a key as it is kept: PKCS #8, without a password."""
    return Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def _is_whole(key: keys.PrivateKey) -> bool:
    try:
        if isinstance(key, ec.EllipticCurvePrivateKey):
            value = key.private_numbers().private_value
            derived = ec.derive_private_key(value, key.curve).public_key().public_numbers()
            return derived == key.public_key().public_numbers()
        return _is_whole_rsa(key.private_numbers())
    except (ValueError, ZeroDivisionError):
        return False


def _is_whole_rsa(parts: rsa.RSAPrivateNumbers) -> bool:
    p, q, public = parts.p, parts.q, parts.public_numbers
    return (
        min(p, q) > 1
        and p * q == public.n
        and public.e * parts.d % (p - 1) == 1
        and public.e * parts.d % (q - 1) == 1
        and parts.dmp1 == parts.d % (p - 1)
        and parts.dmq1 == parts.d % (q - 1)
        and parts.iqmp * q % p == 1
    )
