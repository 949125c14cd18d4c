"""Nameplate's own authority for development: signs at once, without network and without state.

Everything that an order must remember is in its URL, and signing is deterministic: the same order
finalized with the same CSR gives the same certificate, byte for byte. So a crash at any point loses
nothing and issues nothing twice. Browsers trust its certificates only where its root is installed.
"""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nameplate.core import certificates, keys
from nameplate.core.configuration import Credential, Credentials, Form, credential, setting
from nameplate.core.errors import Refused
from nameplate.core.orders import Challenge, Order, OrderStatus
from nameplate.core.secret import Secret
from nameplate.ports.ca import AuthorityConfiguration, AuthorityPlugin

LIFETIME = timedelta(days=90)
ROOT_LIFETIME = timedelta(days=3650)
BACKDATED = timedelta(minutes=5)
"""Certificates begin this much earlier, for clients whose clock is behind."""

_ORDER = "local:order:"
_CERTIFICATE = "local:certificate:"
_NO_USAGE = dict.fromkeys(
    (
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "encipher_only",
        "decipher_only",
    ),
    False,
)

Certificate = Annotated[
    str,
    Form(
        "certificate",
        "a certificate in PEM",
        lambda text: text.lstrip().startswith("-----BEGIN CERTIFICATE-----"),
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalConfiguration(AuthorityConfiguration):
    """What an account of an authority of one's own says."""

    root_certificate: Certificate = setting(
        "The authority's own certificate (PEM).", platform_only=True
    )


def connect(
    config: LocalConfiguration, credentials: Credentials, clock: Callable[[], datetime]
) -> "LocalAuthority":
    """Return the authority of one account."""
    key = credential(credentials, "root_key")
    return LocalAuthority(key, config.root_certificate.encode(), clock=clock)


plugin = AuthorityPlugin(
    title="Private certificate authority",
    configuration=LocalConfiguration,
    credentials=(Credential("root_key", "Private key (PEM) of the root certificate."),),
    connect=connect,
)


def create_root(name: str, now: datetime) -> tuple[Secret, bytes]:
    """Return the key and the self-signed certificate (PEM) of a new authority, valid ten years."""
    secret = keys.new_key("ec256")
    key = keys.load(secret)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **_NO_USAGE)
    certificate = (
        _builder(subject, subject, key.public_key(), now, ROOT_LIFETIME)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return secret, certificate.public_bytes(Encoding.PEM)


class LocalAuthority:
    """Signs for every name it is asked for: nothing is to prove, so orders are ready at once."""

    def __init__(
        self,
        key: Secret,
        certificate_pem: bytes,
        *,
        clock: Callable[[], datetime],
        lifetime: timedelta = LIFETIME,
    ) -> None:
        """Prepare with the results of `create_root`; `clock` (aware UTC) dates certificates."""
        self._secret = key
        self._key = keys.load(key)
        self._issuer = certificates.load_chain(certificate_pem)[0]
        self._clock = clock
        self._lifetime = lifetime

    def order(
        self, names: Sequence[str], profile: str | None = None, replaces: str | None = None
    ) -> Order:
        """Return an order that is ready. There are no profiles; `replaces` means nothing here."""
        del replaces
        if profile is not None:
            raise Refused(
                "profile_unknown",
                "The local authority has no certificate profiles. Leave the profile out.",
            )
        if not names:
            raise Refused("names_missing", "The request names no host. Name at least one.")
        at = int(self._clock().timestamp())
        told = {"names": list(names), "at": at, "nonce": secrets.token_hex(8)}
        return self.refresh(_ORDER + _pack(json.dumps(told).encode()))

    def refresh(self, order_url: str) -> Order:
        """Return the order again: ready, since only `finalize` knows the certificate."""
        names, _ = _unpack_order(order_url)
        return Order(order_url, OrderStatus.READY, names, finalize_url=order_url)

    def respond(self, challenge: Challenge) -> None:
        """Do nothing: there are no challenges."""

    def finalize(self, order: Order, csr: bytes) -> Order:
        """Sign the CSR; the certificate is inside the URL of the returned order's certificate."""
        names, at = _unpack_order(order.url)
        try:
            request = x509.load_pem_x509_csr(csr)
            wanted = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            public = request.public_key()
        except (ValueError, x509.ExtensionNotFound):
            raise Refused("bad_csr", "The CSR cannot be read or names no host.") from None
        if not request.is_signature_valid:
            raise Refused("bad_csr", "The CSR is not signed by its own key.")
        if sorted(wanted.get_values_for_type(x509.DNSName)) != sorted(names):
            raise Refused("bad_csr", "The CSR does not name exactly the hosts of the order.")
        leaf = self._sign(names, public, at, hashlib.sha256(order.url.encode() + csr).digest())
        encoded = leaf.public_bytes(Encoding.DER)
        return replace(
            order, status=OrderStatus.VALID, certificate_url=_CERTIFICATE + _pack(encoded)
        )

    def download(self, order: Order) -> bytes:
        """Return the certificate (PEM) that the order carries."""
        if not order.certificate_url.startswith(_CERTIFICATE):
            raise Refused(
                "certificate_not_ready", "The order is not finalized yet. Finalize it first."
            )
        try:
            encoded = _unpack(order.certificate_url.removeprefix(_CERTIFICATE))
            return x509.load_der_x509_certificate(encoded).public_bytes(Encoding.PEM)
        except ValueError:
            raise Refused(
                "order_unknown", "The certificate URL does not belong to the local authority."
            ) from None

    def _sign(
        self, names: Sequence[str], public: CertificatePublicKeyTypes, at: datetime, request: bytes
    ) -> x509.Certificate:
        digest = hmac.digest(self._secret.reveal().encode(), b"serial" + request, "sha256")
        san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=False, crl_sign=False, **_NO_USAGE
        )
        builder = (
            _builder(x509.Name([]), self._issuer.subject, public, at, self._lifetime)
            .serial_number(int.from_bytes(digest[:16]) >> 1 | 1)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(san, critical=True)
            .add_extension(server, critical=False)
            .add_extension(usage, critical=True)
            .add_extension(authority, critical=False)
        )
        deterministic = isinstance(self._key, ec.EllipticCurvePrivateKey) or None
        return builder.sign(self._key, hashes.SHA256(), ecdsa_deterministic=deterministic)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: CertificatePublicKeyTypes,
    at: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .not_valid_before(at - BACKDATED)
        .not_valid_after(at - BACKDATED + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _unpack_order(url: str) -> tuple[tuple[str, ...], datetime]:
    if not url.startswith(_ORDER):
        raise Refused("order_unknown", "The order URL does not belong to the local authority.")
    try:
        told = json.loads(_unpack(url.removeprefix(_ORDER)))
        return tuple(told["names"]), datetime.fromtimestamp(told["at"], UTC)
    except (ValueError, KeyError, TypeError, OverflowError):
        raise Refused(
            "order_unknown", "The order URL does not belong to the local authority."
        ) from None


def _pack(content: bytes) -> str:
    return urlsafe_b64encode(content).decode()


def _unpack(text: str) -> bytes:
    return urlsafe_b64decode(text)
