"""Authorities for tests: any certificate that somebody could bring, good ones and bad ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nameplate.core.chains import Roots
from nameplate.core.secret import Secret

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
    "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def key_pem(key: Any, password: bytes | None = None, form: Any = PrivateFormat.PKCS8) -> str:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

    sealing: Any = NoEncryption() if password is None else BestAvailableEncryption(password)
    text: bytes = key.private_bytes(Encoding.PEM, form, sealing)
    return text.decode()


def pem(*certificates: x509.Certificate) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)


@dataclass
class Party:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def secret(self) -> Secret:
        return Secret(key_pem(self.key))


@dataclass
class Pki:
    """A root and an intermediate below it."""

    root: Party = field(default_factory=lambda: authority("Root", None))
    intermediate: Party = field(init=False)

    def __post_init__(self) -> None:
        self.intermediate = authority("Intermediate", self.root, path_length=0)

    @property
    def roots(self) -> Roots:
        return Roots((self.root.certificate,))

    def leaf(self, *names: str, **options: Any) -> Party:
        return leaf(names or ("shop.example.com",), options.pop("by", self.intermediate), **options)

    def chain(self, party: Party) -> str:
        return pem(party.certificate, self.intermediate.certificate)


def authority(
    name: str,
    by: Party | None,
    *,
    key: Any = None,
    ca: bool = True,
    path_length: int | None = None,
    begun: datetime = NOW - DAY,
    lifetime: timedelta = 3000 * DAY,
    digest: Any = None,
    constraints: x509.NameConstraints | None = None,
) -> Party:
    key = key or ec.generate_private_key(ec.SECP256R1())
    issuer = by.certificate.subject if by else named(name)
    builder = _builder(named(name), issuer, key, begun, lifetime, by.key if by else key)
    builder = builder.add_extension(
        x509.BasicConstraints(ca, path_length if ca else None), critical=True
    ).add_extension(_usage("key_cert_sign", "crl_sign", "digital_signature"), critical=True)
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    return Party(builder.sign((by or Party(None, key)).key, digest or hashes.SHA256()), key)  # type: ignore[arg-type]  # only its key is used


def leaf(
    names: Sequence[str],
    by: Party | None,
    *,
    key: Any = None,
    san: Sequence[x509.GeneralName] | None = None,
    begun: datetime = NOW - DAY,
    lifetime: timedelta = 90 * DAY,
    digest: Any = None,
    ca: bool = False,
    purposes: Sequence[Any] = (ExtendedKeyUsageOID.SERVER_AUTH,),
    subject: str = "",
) -> Party:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = subject if by else subject or "self"
    own = named(subject) if subject else x509.Name([])
    issuer = by.certificate.subject if by else own
    signer = by.key if by else key
    builder = _builder(own, issuer, key, begun, lifetime, signer)
    builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    alternatives = [x509.DNSName(one) for one in names] if san is None else list(san)
    if alternatives:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(alternatives), critical=not own.rdns
        )
    return Party(builder.sign(signer, digest or hashes.SHA256()), key)


def broken_hash(party: Party, signer: rsa.RSAPrivateKey, digest: hashes.SHA1 | hashes.MD5) -> Party:
    """Return a certificate of an RSA signer signed again with a hash that nobody signs with any more."""
    number = b"\x05" if isinstance(digest, hashes.SHA1) else b"\x04"
    family = bytes.fromhex("2a864886f70d0101")
    der = party.certificate.public_bytes(Encoding.DER).replace(family + b"\x0b", family + number)
    tbs = x509.load_der_x509_certificate(der).tbs_certificate_bytes
    signature = signer.sign(tbs, padding.PKCS1v15(), digest)
    return Party(x509.load_der_x509_certificate(der[: -len(signature)] + signature), party.key)


@cache
def rsa_key(bits: int = 2048, exponent: Any = 65537) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, bits)


def _usage(*used: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{one: one in used for one in _USAGES})


def _builder(  # noqa: PLR0917 - what every certificate has, in its order
    subject: x509.Name, issuer: x509.Name, key: Any, begun: datetime, lifetime: timedelta, by: Any
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begun)
        .not_valid_after(begun + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False
        )
    )
