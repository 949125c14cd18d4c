"""What a certificate file, or a server, shows: each certificate in order, and all that is wrong with it.

It never refuses: what a visitor would complain about is a finding. Nothing is fetched.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nameplate.core import certificates, chains, key_files, keys, names, pem, pkcs12
from nameplate.core.certificates import Facts
from nameplate.core.chains import Placed, Roots
from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that a visitor, or an upload, would be refused for."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found."""

    certificates: tuple[Facts, ...]
    """The server's first, then those that signed each other, then what belongs to none of them."""
    in_order: bool
    """They stood in that order already."""
    complete: bool
    """The chain leads to an authority that visitors trust."""
    problems: tuple[Flaw, ...]


@dataclass(frozen=True, slots=True)
class Presented:
    """Certificates as they came, and the public key of a private key beside them."""

    certificates: tuple[Placed, ...]
    spki: bytes | None = None


def read(file: bytes, password: Secret | None) -> Presented:
    """Return what a PEM or PKCS #12 file holds. Raises `Invalid` when nothing can be made of it."""
    if file[:1] == b"\x30":
        key, inside = pkcs12.read(file, password)
        return Presented(_placed(inside), _public(key_files.checked(key)))
    blocks = pem.blocks(file)
    found: list[Placed] = []
    spki = None
    for block in blocks:
        if block.label in key_files.LABELS:
            spki = _public(key_files.read(block, password))
        elif block.label == "CERTIFICATE":
            found.append((block.place, _loaded(block)))
        else:
            raise Invalid("bundle_malformed", f"The file has a {block.label} block, {block.place}.")
    return Presented(tuple(found), spki)


def shown_by_server(ders: Sequence[bytes]) -> Presented:
    """Return the certificates that a server sent."""
    return Presented(_placed([x509.load_der_x509_certificate(one) for one in ders]))


def inspect(found: Presented, roots: Roots, now: datetime, host: str | None = None) -> Inspection:
    """Describe certificates at `now`, and whether they fit `host` where one is given.

    Raises `Invalid` with `bundle_malformed` when there is none, or one cannot be read.
    """
    if not found.certificates:
        raise Invalid("bundle_malformed", "There is no certificate.")
    try:
        return _inspected(found, roots, now, host)
    except (
        ValueError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ):
        raise Invalid(
            "bundle_malformed", "A certificate has content that cannot be read."
        ) from None


def _inspected(found: Presented, roots: Roots, now: datetime, host: str | None) -> Inspection:
    leaf = _leaf(found)
    others = [one for one in found.certificates if one is not leaf]
    chain, rest = chains.climb(leaf[1], others)
    ordered = [one for _, one in (*chain, *rest)]
    problems = list(_problems(found, leaf, roots, now))
    said = certificates.describe(leaf[1])
    if host is not None and {host, f"*.{names.parent(host)}"}.isdisjoint(said.names):
        problems.insert(0, Flaw("names_differ", f"The certificate does not name {host}."))
    top = chain[-1][1]
    return Inspection(
        tuple(certificates.describe(one) for one in ordered),
        in_order=[one for _, one in found.certificates] == ordered,
        complete=top in roots.certificates or roots.signer(top),
        problems=tuple(problems),
    )


def _problems(found: Presented, leaf: Placed, roots: Roots, now: datetime) -> Iterator[Flaw]:
    """Yield what is wrong with the certificate, then with its chain."""
    if found.spki is not None and found.spki != _spki(leaf[1]):
        yield Flaw("key_mismatch", "The private key does not belong to the certificate.")
    try:
        chains.check_server("the server's certificate", leaf[1], now)
    except Invalid as error:
        yield Flaw(error.code, error.detail)
        return
    try:
        keys.check_public(leaf[1].public_key(), key_files.MAX_BITS)
    except Invalid as error:
        yield Flaw(error.code, error.detail)
    if not certificates.describe(leaf[1]).names:
        yield Flaw("names_unsupported", "The certificate names no host.")
        return
    try:
        rest = [one for one in found.certificates if one is not leaf]
        chains.ordered(leaf[1], rest, roots, now)
    except Invalid as error:
        yield Flaw(error.code, error.detail)


def _leaf(found: Presented) -> Placed:
    """Return the certificate of the key; without a key the first that signed none of the others."""
    for one in found.certificates:
        if found.spki is not None and _spki(one[1]) == found.spki:
            return one
    issuers = {one.issuer for _, one in found.certificates if one.issuer != one.subject}
    ends = [one for one in found.certificates if one[1].subject not in issuers]
    return (ends or list(found.certificates))[0]


def _placed(loaded: Sequence[x509.Certificate]) -> tuple[Placed, ...]:
    return tuple((f"certificate {number}", one) for number, one in enumerate(loaded, 1))


def _loaded(block: pem.Block) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(block.der)
    except ValueError:
        raise Invalid(
            "bundle_malformed", f"{block.place.capitalize()} is not a certificate that can be read."
        ) from None


def _public(key: keys.PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
