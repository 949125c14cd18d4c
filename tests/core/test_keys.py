"""Private keys: made, read, and refused when they are weak."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from nameplate.core import keys
from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: keys.PrivateKey | ed25519.Ed25519PrivateKey, password: bytes | None = None) -> Secret:
    sealed: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    form = serialization.PrivateFormat.PKCS8
    return Secret(key.private_bytes(serialization.Encoding.PEM, form, sealed).decode())


@pytest.mark.parametrize("kind", ["ec256", "ec384", "rsa2048"])
def test_what_is_made_is_read_again(kind: str) -> None:
    key = keys.new_key(kind)
    assert keys.kind(key) == kind
    public = serialization.load_der_public_key(keys.public_bytes(key))
    assert public == keys.load(key).public_key()
    assert "PRIVATE KEY" not in repr(key)


def refused(key: Secret) -> str:
    with pytest.raises(Invalid) as caught:
        keys.load(key)
    return caught.value.code


def test_kinds_that_nobody_has() -> None:
    with pytest.raises(Invalid) as caught:
        keys.new_key("rsa1024")
    assert caught.value.code == "key_kind_unknown"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no key",
        keys.new_key().reveal() * 2,
        keys.new_key().reveal() + "x" * keys.MAX_KEY,
        keys.new_key().reveal().replace("M", "é", 1),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ],
)
def test_what_is_not_one_key(text: str) -> None:
    assert refused(Secret(text)) == "key_malformed"


def test_keys_that_cannot_be_used() -> None:
    assert refused(pem(RSA, b"secret")) == "key_encrypted"
    assert refused(pem(ec.generate_private_key(ec.SECP521R1()))) == "key_unsupported"
    assert refused(pem(ed25519.Ed25519PrivateKey.generate())) == "key_unsupported"


def test_short_keys_and_odd_exponents_are_weak() -> None:
    assert (
        refused(pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))) == "key_weak"
    )
    assert refused(pem(rsa.generate_private_key(public_exponent=3, key_size=2048))) == "key_weak"


def test_primes_that_are_close_are_found() -> None:
    prime = RSA.private_numbers().p
    assert keys._close_primes(prime * (prime + 2))
    assert not keys._close_primes(RSA.public_key().public_numbers().n)
