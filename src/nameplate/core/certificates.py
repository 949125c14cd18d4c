"""X.509: what a certificate says (RFC 5280), and how a bundle and its key are checked."""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nameplate.core import keys
from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret
from nameplate.core.serials import hex_serial

MAX_BUNDLE = 64 * 1024
"""Bytes of PEM; a usual chain has 4,000 to 8,000."""
MAX_CHAIN = 10
"""Certificates in one bundle."""
_KEPT = 64
"""Bundles that stay parsed: each that is issued is looked at in several steps, one after the other."""

_BLOCK = (
    rb"-----BEGIN CERTIFICATE-----[ \t]*\n"
    rb"(?:[A-Za-z0-9+/=]{1,76}[ \t]*\n)+"
    rb"-----END CERTIFICATE-----[ \t]*(?:\n\s*|$)"
)
_BUNDLE = re.compile(rb"\s*(?:" + _BLOCK + rb")+")
_BLOCKS = re.compile(_BLOCK)
_STRONG = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a leaf certificate says about itself."""

    serial: str
    """Lower-case hexadecimal, even number of digits."""
    fingerprint: str
    """SHA-256 of the DER form, lower-case hexadecimal."""
    subject: str
    """RFC 4514 string; empty where only the names say it."""
    issuer: str
    """RFC 4514 string."""
    common_name: str
    """Empty where there is none; never used to match names."""
    names: tuple[str, ...]
    """DNS names of the subject alternative names, lower case, sorted."""
    not_before: datetime
    not_after: datetime
    key_type: str
    """Such as `ec256`, `rsa2048`; `other` for what Nameplate does not use."""
    spki: str
    """SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal: two certificates with one key share it."""
    signature: str
    """Algorithm of the issuer's signature, such as `ecdsa-with-SHA256`; its object id where unknown."""


def facts(pem: bytes) -> Facts:
    """Return the facts of the first certificate of `pem`. Raises `Invalid` when it is not one."""
    return _facts(load_chain(pem)[0])


def each(bundle: bytes) -> Sequence[Facts]:
    """Return the facts of every certificate of a bundle. Raises `Invalid` when it is none."""
    return [_facts(one) for one in load_chain(bundle)]


def _facts(leaf: x509.Certificate) -> Facts:
    common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Facts(
        serial=hex_serial(leaf.serial_number),
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        subject=leaf.subject.rfc4514_string(),
        issuer=leaf.issuer.rfc4514_string(),
        common_name=str(common[0].value) if common else "",
        names=tuple(sorted(_dns_names(leaf)[0])),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        key_type=_key_type(leaf),
        spki=hashlib.sha256(_spki(leaf)).hexdigest(),
        signature=_signature_name(leaf),
    )


def describe(certificate: x509.Certificate) -> Facts:
    """Return the facts of a certificate that was parsed before. Raises `Invalid` for an odd key."""
    return _facts(certificate)


def _signature_name(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid
    known = getattr(oid, "_name", "Unknown OID")
    return oid.dotted_string if known == "Unknown OID" else str(known)


def split_chain(bundle: bytes) -> tuple[bytes, bytes]:
    """Return the leaf and the rest of a bundle, each as PEM. Raises `Invalid` on anything else in it."""
    _parsed(bundle)
    blocks = [match.group().strip() + b"\n" for match in _BLOCKS.finditer(_unix(bundle))]
    return blocks[0], b"".join(blocks[1:])


def load_chain(bundle: bytes) -> list[x509.Certificate]:
    """Parse a bundle that holds CERTIFICATE blocks and nothing else (RFC 8555 section 11.4).

    Raises `Invalid` with `bundle_too_large` or `bundle_malformed`.
    """
    return list(_parsed(bundle))


@lru_cache(maxsize=_KEPT)
def _parsed(bundle: bytes) -> tuple[x509.Certificate, ...]:
    if len(bundle) > MAX_BUNDLE or bundle.count(b"-----BEGIN") > MAX_CHAIN:
        limits = f"{MAX_BUNDLE // 1024} KiB and {MAX_CHAIN} certificates"
        raise Invalid("bundle_too_large", f"A certificate bundle has at most {limits}.")
    text = _unix(bundle)
    if not _BUNDLE.fullmatch(text):
        raise Invalid(
            "bundle_malformed",
            "Not a certificate bundle. Expected PEM CERTIFICATE blocks with nothing before, "
            "between or after them.",
        )
    try:
        return tuple(x509.load_pem_x509_certificates(text))
    except ValueError:
        raise Invalid(
            "bundle_malformed", "The bundle contains a block that is not a certificate."
        ) from None


def check(
    bundle: bytes,
    key: Secret,
    names: Collection[str],
    now: datetime,
    *,
    foreign_keys: Collection[str] = (),
) -> Facts:
    """Check that a bundle can be installed with `key` for exactly `names`, and return its facts.

    `foreign_keys` are `Facts.spki` digests that a certificate must not have, such as those of
    account keys (RFC 8555 section 11.1). Raises `Invalid`, whose code names the first rule broken.
    """
    chain = load_chain(bundle)
    leaf = chain[0]
    public = keys.public_bytes(key)
    if public != _spki(leaf):
        raise Invalid("key_mismatch", "The certificate was issued for another private key.")
    said = _facts(leaf)
    if said.spki in foreign_keys:
        raise Invalid(
            "key_reused",
            "The private key is already in use. Generate a new one for this certificate.",
        )
    _check_names(leaf, names)
    _check_validity(said, now)
    _check_purpose(leaf)
    _check_links(chain)
    return said


def csr(key: Secret, names: Sequence[str], *, must_staple: bool = False) -> bytes:
    """Return a certificate signing request (PEM, RFC 2986) for canonical `names`."""
    san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(san, critical=True)
    if must_staple:
        staple = x509.TLSFeature([x509.TLSFeatureType.status_request])
        builder = builder.add_extension(staple, critical=False)
    return builder.sign(keys.load(key), hashes.SHA256()).public_bytes(Encoding.PEM)


def renewal_id(pem: bytes) -> str | None:
    """Return the identifier of a certificate in ARI (RFC 9773 section 4.1), or None without key id."""
    leaf = load_chain(pem)[0]
    try:
        extension = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return None
    key_id = extension.value.key_identifier
    if key_id is None:
        return None
    number = leaf.serial_number
    # One bit more: a DER INTEGER has a sign (RFC 9773 shows the leading zero byte).
    serial = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in (key_id, serial))


def _unix(bundle: bytes) -> bytes:
    return bundle.replace(b"\r\n", b"\n")


def _spki(leaf: x509.Certificate) -> bytes:
    try:
        return leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except ValueError:
        raise Invalid(
            "key_unsupported",
            "The certificate has an unsupported key. Expected EC on P-256 or P-384, or RSA.",
        ) from None


def _key_type(leaf: x509.Certificate) -> str:
    public = leaf.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return f"rsa{public.key_size}"
    if isinstance(public, ec.EllipticCurvePublicKey):
        return f"ec{public.key_size}"
    return "other"


def _dns_names(leaf: x509.Certificate) -> tuple[set[str], int]:
    """Return the DNS names, and how many alternative names of other kinds there are."""
    try:
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return set(), 0
    found = san.get_values_for_type(x509.DNSName)
    return {name.lower() for name in found}, len(list(san)) - len(found)


def _check_names(leaf: x509.Certificate, names: Collection[str]) -> None:
    wanted = {name.lower() for name in names}
    found, others = _dns_names(leaf)
    if found == wanted and not others:
        return
    missing = ", ".join(sorted(wanted - found)) or "nothing"
    extra = len(found - wanted) + others
    raise Invalid(
        "names_differ",
        f"The certificate lacks {missing} and has {extra} names that were not requested.",
    )


def _check_validity(said: Facts, now: datetime) -> None:
    if said.not_before > now:
        raise Invalid(
            "not_yet_valid",
            f"The certificate is not valid before {said.not_before:%Y-%m-%d %H:%M} UTC.",
        )
    if said.not_after <= now:
        raise Invalid("expired", f"The certificate expired at {said.not_after:%Y-%m-%d %H:%M} UTC.")


def _check_purpose(leaf: x509.Certificate) -> None:
    try:
        extensions = leaf.extensions
    except (ValueError, x509.DuplicateExtension):
        raise Invalid("bundle_malformed", "The certificate has malformed extensions.") from None
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            raise Invalid(
                "leaf_is_authority",
                "The first certificate is an authority's. Put the server's certificate first.",
            )
        if (
            isinstance(value, x509.ExtendedKeyUsage)
            and ExtendedKeyUsageOID.SERVER_AUTH not in value
        ):
            raise Invalid(
                "not_for_servers", "The certificate does not allow server authentication."
            )


def _check_links(chain: Sequence[x509.Certificate]) -> None:
    """Each certificate is signed, with a strong hash, by the one after it."""
    for position, certificate in enumerate(chain):
        anchor = position > 0 and certificate.subject == certificate.issuer
        if not anchor and not isinstance(_signature_hash(certificate), _STRONG):
            raise Invalid(
                "signature_weak", "A certificate of the chain is signed with a broken hash."
            )
    for certificate, issuer in pairwise(chain):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise Invalid(
                "chain_broken", "Each certificate must be followed by the one that signed it."
            ) from None


def _signature_hash(certificate: x509.Certificate) -> hashes.HashAlgorithm | None:
    try:
        return certificate.signature_hash_algorithm
    except ValueError:
        return None
