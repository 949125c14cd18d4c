"""The certificate that answers tls-alpn-01 (RFC 8737 section 3): signed by itself, for one name."""

import hashlib
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from nameplate.core import keys
from nameplate.core.secret import Secret

PROTOCOL = "acme-tls/1"
"""What a connection that asks for it speaks (RFC 8737 section 4)."""
IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
"""acmeIdentifier."""
_OCTETS = b"\x04\x20"
"""An OCTET STRING of 32 bytes, in DER."""


def make(name: str, key_authorization: str, key: Secret, now: datetime) -> bytes:
    """Return the certificate (PEM) that proves `name`, with a key that serves nothing else."""
    subject = x509.Name([])
    content = _OCTETS + digest(key_authorization)
    private = keys.load(key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        .add_extension(x509.UnrecognizedExtension(IDENTIFIER, content), critical=True)
        .sign(private, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


def proves(der: bytes, name: str, key_authorization: str) -> bool:
    """Tell whether a certificate (DER) is one for exactly this name and key authorization."""
    try:
        found = x509.load_der_x509_certificate(der).extensions
        named = found.get_extension_for_class(x509.SubjectAlternativeName).value
        said = found.get_extension_for_oid(IDENTIFIER)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    content = said.value.public_bytes()
    is_marked = said.critical and content == _OCTETS + digest(key_authorization)
    return is_marked and list(named) == [x509.DNSName(name)]


def digest(key_authorization: str) -> bytes:
    """Return what the extension holds."""
    return hashlib.sha256(key_authorization.encode()).digest()
