"""Private keys as PEM text inside a `Secret`: made, loaded, and refused when weak."""

from enum import StrEnum
from functools import cache
from math import isqrt

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class KeyType(StrEnum):
    """Keys that authorities and proxies accept everywhere."""

    EC256 = "ec256"
    EC384 = "ec384"
    RSA2048 = "rsa2048"
    RSA3072 = "rsa3072"
    RSA4096 = "rsa4096"


KINDS = tuple(KeyType)
MAX_KEY = 8 * 1024
"""Bytes of PEM: RSA 8192 fits, and nothing whose checking costs seconds."""

_FERMAT_ROUNDS = 100
"""As Boulder: finds primes that are too close to each other."""
_RSA_SIZES = range(2048, 8193)
_EXPONENT = 65537


def new_key(kind: str = "ec256") -> Secret:
    """Return a new private key (PKCS #8 PEM) of one of `KINDS`. Raises `Invalid` on any other kind."""
    if kind not in KINDS:
        raise Invalid(
            "key_kind_unknown", f"Expected one of these kinds of key: {', '.join(KINDS)}."
        )
    key: PrivateKey
    if kind.startswith("ec"):
        key = ec.generate_private_key(ec.SECP256R1() if kind == "ec256" else ec.SECP384R1())
    else:
        key = rsa.generate_private_key(public_exponent=_EXPONENT, key_size=int(kind[3:]))
    return Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def load(key: Secret) -> PrivateKey:
    """Return the key object of one PEM private key.

    Raises `Invalid` with `key_malformed`, `key_encrypted`, `key_weak` or `key_unsupported`.
    """
    text = key.reveal()
    if len(text) > MAX_KEY or not text.isascii() or text.count("-----BEGIN") != 1:
        raise Invalid("key_malformed", "Expected exactly one private key, as PEM of at most 8 KiB.")
    if "ENCRYPTED" in text:
        raise Invalid("key_encrypted", "The private key has a password. Remove it first.")
    try:
        loaded = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Invalid("key_malformed", "The private key cannot be read. Expected PEM.") from None
    return accepted(loaded)


def accepted(loaded: object, longest: int = _RSA_SIZES[-1]) -> PrivateKey:
    """Return a key that may be used, RSA keys of up to `longest` bits.

    Raises `Invalid` with `key_weak` or `key_unsupported`.
    """
    if isinstance(loaded, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        check_public(loaded.public_key(), longest)
        return loaded
    raise _unsupported()


def check_public(key: object, longest: int = _RSA_SIZES[-1]) -> None:
    """Check a public key as `accepted` does."""
    if isinstance(key, rsa.RSAPublicKey):
        _check_rsa(key, longest)
    elif not isinstance(key, ec.EllipticCurvePublicKey):
        raise _unsupported()
    elif not isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
        raise Invalid("key_unsupported", "The curve is not supported. Use P-256 or P-384, or RSA.")


def _unsupported() -> Invalid:
    return Invalid(
        "key_unsupported",
        "The kind of key is not supported. Use an EC key on P-256 or P-384, or RSA.",
    )


def kind(key: Secret) -> str:
    """Return the kind of a private key, such as `ec256` or `rsa2048`. Raises as `load`."""
    loaded = load(key)
    family = "rsa" if isinstance(loaded, rsa.RSAPrivateKey) else "ec"
    return f"{family}{loaded.key_size}"


def public_bytes(key: Secret) -> bytes:
    """Return the SubjectPublicKeyInfo (DER) of a private key. Raises as `load`."""
    return load(key).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_rsa(public: rsa.RSAPublicKey, longest: int) -> None:
    if public.key_size not in _RSA_SIZES or public.key_size > longest or public.key_size % 8:
        raise Invalid("key_weak", f"Expected an RSA key of 2048 to {longest} bits.")
    numbers = public.public_numbers()
    if numbers.e != _EXPONENT:
        raise Invalid("key_weak", f"The public exponent of an RSA key must be {_EXPONENT}.")
    if _close_primes(numbers.n):
        raise Invalid("key_weak", "The primes of this RSA key are too close. Generate a new key.")
    if any(numbers.n % prime == 0 for prime in _small_primes()):
        raise Invalid("key_weak", "This RSA key has a small factor. Generate a new key.")
    if _made_by_infineon(numbers.n):
        raise Invalid(
            "key_weak",
            "This RSA key was made by a chip whose keys can be computed (ROCA, CVE-2017-15361). "
            "Generate a new key.",
        )


def _made_by_infineon(modulus: int) -> bool:
    """Tell whether a modulus has the form that chips with the ROCA flaw give it.

    Modulo each of these primes it is a power of 65537, which one key of 2^150 is by chance.
    """
    return all(modulus % prime in powers for prime, powers in _fingerprints())


@cache
def _fingerprints() -> tuple[tuple[int, frozenset[int]], ...]:
    primes = (n for n in _small_primes() if 2 < n <= 167)  # noqa: PLR2004 - those of the flaw
    return tuple((n, frozenset(pow(_EXPONENT, i, n) for i in range(n))) for n in primes)


def _close_primes(modulus: int) -> bool:
    """Try to factor by Fermat's method, which succeeds at once when the primes are close."""
    middle = isqrt(modulus - 1) + 1
    for _ in range(_FERMAT_ROUNDS):
        square = middle * middle - modulus
        if isqrt(square) ** 2 == square:
            return True
        middle += 1
    return False


@cache
def _small_primes() -> tuple[int, ...]:
    return tuple(n for n in range(2, 752) if all(n % d for d in range(2, isqrt(n) + 1)))
