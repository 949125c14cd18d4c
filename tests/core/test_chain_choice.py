"""The chain that is preferred is served where it is offered and holds; otherwise the default one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from nameplate.core import certificates, chain_choice, keys
from nameplate.core.errors import Invalid, Unavailable

NOW = datetime.now(UTC)
KEY = keys.new_key()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])


def _made(subject: str, issuer: str, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_named(subject))
        .issuer_name(_named(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(hours=1))
        .not_valid_after(NOW + timedelta(days=9))
    )


_INTERMEDIATE = ec.generate_private_key(ec.SECP256R1())


def _leaf(name: str = "shop.example.com") -> bytes:
    public = keys.load(KEY).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    san = x509.SubjectAlternativeName([x509.DNSName(name)])
    builder = _made("", "Intermediate", public)
    signed = builder.add_extension(san, critical=True).sign(_INTERMEDIATE, hashes.SHA256())
    return signed.public_bytes(Encoding.PEM)


def _signed_by(root: str, subject: str = "Intermediate") -> bytes:
    """Return the intermediate as a root signed it."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _made(subject, root, _INTERMEDIATE.public_key())
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


LEAF = _leaf()
FIRST, SECOND = LEAF + _signed_by("Root X1"), LEAF + _signed_by("Root X2")


def _check(bundle: bytes) -> object:
    return certificates.check(bundle, KEY, ["shop.example.com"], NOW)


@pytest.mark.parametrize(
    ("preferred", "chosen"),
    [("Root X1", FIRST), ("Root X2", SECOND), (" root x2", SECOND), ("Root X3", FIRST)],
)
def test_the_one_that_leads_to_the_name_is_served(preferred: str, chosen: bytes) -> None:
    found = chain_choice.choose([FIRST, SECOND], preferred, _check)
    assert found.bundle == chosen
    assert bool(found.note) is (preferred == "Root X3")


def test_what_is_not_needed_is_not_read() -> None:
    def offered() -> Iterator[bytes]:
        yield FIRST
        raise AssertionError("the default one is the one that is preferred")

    assert chain_choice.choose(offered(), "Root X1", _check).bundle == FIRST


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (LEAF + _signed_by("Root X2", "Another"), "followed by the one that signed it"),
        (_leaf() + _signed_by("Root X2"), "another certificate"),
    ],
)
def test_a_chain_that_does_not_hold_is_not_served(broken: bytes, said: str) -> None:
    found = chain_choice.choose([FIRST, broken], "Root X2", _check)
    assert found.bundle == FIRST
    assert said in found.note
    assert chain_choice.choose([FIRST, broken, SECOND], "Root X2", _check).bundle == SECOND


def test_a_chain_that_cannot_be_read_keeps_nothing_from_being_served() -> None:
    def offered() -> Iterator[bytes]:
        yield FIRST
        raise Unavailable("ca_unreachable", "No answer from the authority.")

    found = chain_choice.choose(offered(), "Root X2", _check)
    assert found.bundle == FIRST
    assert "No answer" in found.note


def test_without_the_default_there_is_nothing() -> None:
    def offered() -> Iterator[bytes]:
        raise Unavailable("ca_unreachable", "No answer from the authority.")
        yield b""

    with pytest.raises(Unavailable):
        chain_choice.choose(offered(), "Root X2", _check)
    with pytest.raises(Invalid):
        chain_choice.root(b"nothing")
