"""Self-signed certificates, for seeds and samples: real to every program, trusted by none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from nameplate.core import keys
from nameplate.core.certificates import Facts, facts
from nameplate.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate with its key."""

    certificate: str
    """PEM."""
    key: Secret
    """PEM."""
    facts: Facts


def self_signed(names: Sequence[str], begun: datetime, lifetime: timedelta) -> Signed:
    """Return a certificate for `names`, valid for `lifetime` from `begun`, and its new P-256 key."""
    key = keys.new_key()
    private = keys.load(key)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begun)
        .not_valid_after(begun + lifetime)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    return Signed(pem.decode(), key, facts(pem))
