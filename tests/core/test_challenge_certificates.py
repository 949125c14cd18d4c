"""The certificate of tls-alpn-01 is the one of RFC 8737, and no other is taken for it."""

import hashlib
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from nameplate.core import challenge_certificates, keys

NAME, WORD = "shop.example.com", "token.thumbprint"


@pytest.mark.parametrize("kind", ["ec256", "ec384", "rsa2048"])
def test_it_says_what_the_rfc_asks_for(kind: str) -> None:
    made = challenge_certificates.make(NAME, WORD, keys.new_key(kind), datetime.now(UTC))
    found = x509.load_pem_x509_certificate(made)
    found.verify_directly_issued_by(found)
    extensions = {one.oid.dotted_string: one for one in found.extensions}
    said = extensions["1.3.6.1.5.5.7.1.31"]
    assert said.critical
    assert said.value.public_bytes() == b"\x04\x20" + hashlib.sha256(WORD.encode()).digest()
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName(NAME)]
    der = found.public_bytes(Encoding.DER)
    assert challenge_certificates.proves(der, NAME, WORD)
    assert not challenge_certificates.proves(der, NAME, f"{WORD}x")
    assert not challenge_certificates.proves(der, "other.example.com", WORD)


@pytest.mark.parametrize("der", [b"", b"nothing", b"\x30\x03\x02\x01\x01"])
def test_anything_else_proves_nothing(der: bytes) -> None:
    assert not challenge_certificates.proves(der, NAME, WORD)
