"""Certificates that somebody brings: any order and form in, a checked chain with its key out.

One parse for every way in. What it returns can be served as it is; every refusal names the block that
is wrong. Nothing is fetched: a chain is completed by whoever brings it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nameplate.core import certificates, chains, key_files, keys, names, pem, pkcs12
from nameplate.core.certificates import Facts
from nameplate.core.chains import Roots
from nameplate.core.errors import Invalid
from nameplate.core.pem import Block
from nameplate.core.secret import Secret

MAX_NAMES = 100
"""Names in one certificate, as authorities limit it."""
_REASONS = (
    ValueError, TypeError, OverflowError, UnsupportedAlgorithm, x509.DuplicateExtension,
    x509.InvalidVersion, x509.UnsupportedGeneralNameType,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Material:
    """What was brought, as it came: PEM with the key in it or beside it, or PKCS #12."""

    certificate: str = ""
    private_key: Secret | None = None
    pkcs12: bytes | None = None
    password: Secret | None = None

    def __repr__(self) -> str:
        """Return nothing of it: there may be a key in any of it."""
        return "Material(***)"


@dataclass(frozen=True, slots=True)
class Upload:
    """A certificate that can be served: checked, in order, with its key."""

    bundle: bytes
    """PEM: the server's certificate, then each one that signed the one before, without the root."""
    key: Secret
    """PEM (PKCS #8)."""
    facts: Facts


@dataclass(frozen=True, slots=True)
class _Certificate:
    """One certificate, and where it stood."""

    place: str
    parsed: x509.Certificate
    spki: bytes


def parse(material: Material, roots: Roots, now: datetime) -> Upload:
    """Check what was brought at `now` against the authorities that may have signed it.

    Raises `Invalid`, whose code names the first rule broken and whose detail the block.
    """
    found, key = _read(material)
    if len(found) > certificates.MAX_CHAIN:
        raise Invalid(
            "bundle_too_large", f"A chain has at most {certificates.MAX_CHAIN} certificates."
        )
    leaf = _leaf(found, key)
    said = _facts(leaf)
    _check_leaf(leaf, said, now)
    chain = chains.ordered(
        leaf.parsed, [(one.place, one.parsed) for one in found if one is not leaf], roots, now
    )
    bundle = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
    return Upload(bundle, key_files.as_pem(key), said)


def _read(material: Material) -> tuple[list[_Certificate], keys.PrivateKey]:
    if material.pkcs12 is not None:
        loaded, inside = pkcs12.read(material.pkcs12, material.password)
        places = [f"certificate {number} of the file" for number in range(1, len(inside) + 1)]
        found = [_certificate(*pair) for pair in zip(places, inside, strict=True)]
        return _distinct(found), key_files.checked(loaded)
    blocks = pem.blocks(material.certificate.encode("utf-8", "replace"))
    inside_key = [one for one in blocks if one.label in key_files.LABELS]
    key = _key(inside_key, material)
    found = [_parsed(one) for one in blocks if one not in inside_key]
    if not found:
        raise Invalid("bundle_malformed", "There is no CERTIFICATE block.")
    return _distinct(found), key


def _key(inside: Sequence[Block], material: Material) -> keys.PrivateKey:
    """Return the only key: in the certificate's file, or in one of its own."""
    if material.private_key is None:
        if not inside:
            raise Invalid(
                "key_missing", "There is no private key. Give the one of the certificate."
            )
        if len(inside) > 1:
            raise Invalid(
                "bundle_malformed",
                f"{_cap(inside[1].place)} is a second {inside[1].label}. Give one key.",
            )
        return key_files.read(inside[0], material.password)
    if inside:
        raise Invalid(
            "bundle_malformed",
            f"{_cap(inside[0].place)} is a {inside[0].label}. Leave it out, for the key is given "
            "separately.",
        )
    try:
        own = pem.blocks(material.private_key.reveal().encode("utf-8", "replace"))
    except Invalid as error:
        raise Invalid("key_malformed", f"In the file of the key: {error.detail}") from None
    if len(own) != 1 or own[0].label not in key_files.LABELS:
        wrong = own[1] if len(own) > 1 else own[0]
        raise Invalid(
            "key_malformed",
            f"In the file of the key {wrong.place} is a {wrong.label}. Expected exactly one private key.",
        )
    return key_files.read(own[0], material.password)


def _parsed(block: Block) -> _Certificate:
    if block.label != "CERTIFICATE":
        raise Invalid(
            "bundle_malformed",
            f"{_cap(block.place)} is a {block.label}. Expected CERTIFICATE blocks and one private key.",
        )
    try:
        return _certificate(block.place, x509.load_der_x509_certificate(block.der))
    except _REASONS:
        raise Invalid(
            "bundle_malformed", f"{_cap(block.place)} is not a certificate that can be read."
        ) from None


def _certificate(place: str, parsed: x509.Certificate) -> _Certificate:
    """Read all that is asked of a certificate later, so that nothing in it can surprise there."""
    try:
        _ = parsed.subject, parsed.issuer, parsed.signature_hash_algorithm, list(parsed.extensions)
        _ = parsed.not_valid_before_utc, parsed.not_valid_after_utc
        spki = parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except _REASONS:
        raise Invalid(
            "bundle_malformed", f"{_cap(place)} is a certificate with content that cannot be read."
        ) from None
    return _Certificate(place, parsed, spki)


def _distinct(found: Sequence[_Certificate]) -> list[_Certificate]:
    """Return each certificate once: repeating one changes nothing."""
    return list({one.parsed: one for one in reversed(found)}.values())[::-1]


def _leaf(found: Sequence[_Certificate], key: keys.PrivateKey) -> _Certificate:
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    fitting = [one for one in found if one.spki == public]
    if not fitting:
        raise Invalid(
            "key_mismatch",
            "The private key belongs to none of the certificates. Give the key that the certificate was "
            "requested with.",
        )
    if len(fitting) > 1:
        raise Invalid(
            "bundle_malformed",
            f"{_cap(fitting[0].place)} and {fitting[1].place} are both certificates of this key. Give the "
            "one to serve.",
        )
    return fitting[0]


def _facts(leaf: _Certificate) -> Facts:
    try:
        return certificates.facts(leaf.parsed.public_bytes(Encoding.PEM))
    except _REASONS:
        raise Invalid("bundle_malformed", f"{_cap(leaf.place)} cannot be read.") from None


def _check_leaf(leaf: _Certificate, said: Facts, now: datetime) -> None:
    """Check all that concerns the server's certificate alone."""
    chains.check_server(leaf.place, leaf.parsed, now)
    _check_names(leaf, said)


def _check_names(leaf: _Certificate, said: Facts) -> None:
    try:
        extension = leaf.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        raise Invalid(
            "names_unsupported",
            f"{_cap(leaf.place)} has no subject alternative names, so that browsers take it for no host.",
        ) from None
    if len(list(extension.value)) > MAX_NAMES:
        raise Invalid("too_many_names", f"A certificate covers at most {MAX_NAMES} names.")
    others = len(list(extension.value)) - len(extension.value.get_values_for_type(x509.DNSName))
    if others or not said.names:
        raise Invalid(
            "names_unsupported",
            f"{_cap(leaf.place)} has names that are no host names. Expected DNS names only.",
        )


def covered(said: Facts, *, special_use: bool = False) -> tuple[str, ...]:
    """Return the canonical names that a certificate covers. Raises `Invalid` with `names_unsupported`."""
    for name in said.names:
        try:
            is_canonical = (
                names.parse(name, wildcard=True, private_suffix=True, special_use=special_use).name
                == name
            )
        except Invalid:
            is_canonical = False
        if not is_canonical:
            shown = name if name.isprintable() and name.isascii() else ascii(name)
            raise Invalid(
                "names_unsupported",
                f"The certificate has the name {shown[:100]}, which is not a host name.",
            )
    return said.names


def _cap(place: str) -> str:
    return place[0].upper() + place[1:]
