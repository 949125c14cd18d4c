"""Bundles and keys that must be refused, each for its own reason, and the facts of good ones."""

import contextlib
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core import certificates, keys
from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = ("a.example", "*.a.example")
KEY, ISSUER, ROOT = (keys.new_key() for _ in range(3))


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def make(
    key: Secret = KEY,
    signer: Secret = ISSUER,
    *,
    subject: str = "",
    issuer: str = "Issuer",
    names: Sequence[x509.GeneralName] | None = None,
    begin: datetime = NOW - DAY,
    end: datetime = NOW + 89 * DAY,
    extensions: Sequence[x509.ExtensionType] = (),
    serial: int = 0x0ABCDE,
    public: Any = None,
) -> bytes:
    public = public or keys.load(key).public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if names is None:
        names = [x509.DNSName(one) for one in NAMES]
    for extension in (*([x509.SubjectAlternativeName(names)] if names else []), *extensions):
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(keys.load(signer), hashes.SHA256()).public_bytes(Encoding.PEM)


CA = [x509.BasicConstraints(ca=True, path_length=None)]
LEAF = make()
MIDDLE = make(ISSUER, ROOT, subject="Issuer", issuer="Root", names=[], extensions=CA)
TOP = make(ROOT, ROOT, subject="Root", issuer="Root", names=[], extensions=CA)


def pem(key: Any, encryption: Any = None, form: PrivateFormat = PrivateFormat.PKCS8) -> Secret:
    return Secret(key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode())


def code_of(bundle: bytes, key: Secret = KEY, names: Sequence[str] = NAMES, **known: Any) -> str:
    with pytest.raises(Invalid) as caught:
        certificates.check(bundle, key, names, NOW, **known)
    assert "PRIVATE" not in caught.value.detail
    return caught.value.code


def test_facts() -> None:
    facts = certificates.facts(LEAF + MIDDLE)
    der = x509.load_pem_x509_certificate(LEAF).public_bytes(Encoding.DER)
    assert facts.serial == "0abcde"
    assert facts.fingerprint == hashlib.sha256(der).hexdigest()
    assert facts.issuer == "CN=Issuer"
    assert facts.common_name == ""
    assert facts.names == ("*.a.example", "a.example")
    assert (facts.not_before, facts.not_after) == (NOW - DAY, NOW + 89 * DAY)
    assert facts.key_type == "ec256"
    assert facts.spki == hashlib.sha256(keys.public_bytes(KEY)).hexdigest()


@pytest.mark.parametrize(
    "bundle",
    [
        LEAF,
        LEAF + MIDDLE,
        LEAF + MIDDLE + TOP,
        LEAF.replace(b"\n", b"\r\n"),
        LEAF + b"\n\n" + MIDDLE,
        LEAF.rstrip(),
        make(extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])]),
        make(names=[x509.DNSName("A.example"), x509.DNSName("*.a.EXAMPLE")]),
        make(begin=NOW),
    ],
)
def test_good_bundles(bundle: bytes) -> None:
    certificates.check(bundle, KEY, NAMES, NOW)


def test_split() -> None:
    assert certificates.split_chain(b"\n" + LEAF + b"\n" + MIDDLE + TOP) == (LEAF, MIDDLE + TOP)
    assert certificates.split_chain(LEAF) == (LEAF, b"")


@pytest.mark.parametrize(
    "bundle",
    [
        b"",
        b"text",
        LEAF + KEY.reveal().encode(),
        KEY.reveal().encode() + LEAF,
        LEAF + KEY.reveal().encode() + MIDDLE,
        b"ssl_certificate /etc/shadow;\n" + LEAF,
        LEAF + b"}\nserver {\n" + MIDDLE,
        LEAF + b"tail",
        b"\xef\xbb\xbf" + LEAF,
        LEAF.decode().encode("utf-16"),
        LEAF[:-40],
        LEAF.replace(b"BEGIN CERT", b"BEGIN TRUSTED CERT"),
        LEAF.replace(b"M", b"!", 1),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        LEAF.replace(b"\n", b"\r"),
        LEAF.replace(b"\n", b"\0\n"),
        LEAF[27:],
    ],
)
def test_malformed(bundle: bytes) -> None:
    assert code_of(bundle) == "bundle_malformed"


@pytest.mark.parametrize("bundle", [LEAF * 11, b"-----BEGIN " * 5000, b"A" * 65537, LEAF * 10_000])
def test_too_large(bundle: bytes) -> None:
    assert code_of(bundle) == "bundle_too_large"


@given(st.binary(max_size=300), st.integers(0, len(LEAF)))
def test_anything_is_an_answer(noise: bytes, where: int) -> None:
    with contextlib.suppress(Invalid):
        certificates.facts(LEAF[:where] + noise + LEAF[where:])


def general(*names: str) -> list[x509.GeneralName]:
    return [x509.DNSName(one) for one in names]


@pytest.mark.parametrize(
    ("bundle", "code"),
    [
        (make(keys.new_key()), "key_mismatch"),
        (make(names=[]), "names_differ"),
        (make(names=[], subject="a.example"), "names_differ"),
        (make(names=general("a.example")), "names_differ"),
        (make(names=general(*NAMES, "victim.example")), "names_differ"),
        (make(names=[*general(*NAMES), x509.IPAddress(IPv4Address("127.0.0.1"))]), "names_differ"),
        (make(names=general("a.example\0", "*.a.example")), "names_differ"),
        (make(names=general("a.example\n", "*.a.example")), "names_differ"),
        (make(names=general("a.example ", "*.a.example")), "names_differ"),
        (make(names=general("a.example", "*.a.example", "..")), "names_differ"),
        (make(begin=NOW + timedelta(seconds=1)), "not_yet_valid"),
        (make(end=NOW), "expired"),
        (make(extensions=CA), "leaf_is_authority"),
        (
            make(extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]),
            "not_for_servers",
        ),
        (LEAF + TOP, "chain_broken"),
        (LEAF + TOP + MIDDLE, "chain_broken"),
        (LEAF + LEAF, "chain_broken"),
        (LEAF + MIDDLE + TOP + MIDDLE, "chain_broken"),
        (LEAF + make(ROOT, ROOT, subject="Issuer", names=[], extensions=CA), "chain_broken"),
    ],
)
def test_bundles_that_are_not_for_this_key_and_names(bundle: bytes, code: str) -> None:
    assert code_of(bundle) == code


def test_weak_signature() -> None:
    """Signed with SHA-1; only the name of the algorithm is changed, nothing signs so any more."""
    sha256_with_rsa, sha1_with_rsa = (bytes.fromhex(f"2a864886f70d0101{n}") for n in ("0b", "05"))
    signer = keys.new_key("rsa2048")
    der = x509.load_pem_x509_certificate(make(signer=signer)).public_bytes(Encoding.DER)
    weak = x509.load_der_x509_certificate(der.replace(sha256_with_rsa, sha1_with_rsa))
    assert code_of(weak.public_bytes(Encoding.PEM)) == "signature_weak"


def test_account_key_is_never_a_certificate_key() -> None:
    spki = hashlib.sha256(keys.public_bytes(KEY)).hexdigest()
    assert code_of(LEAF, foreign_keys={spki}) == "key_reused"


def test_order_of_names_and_repeats_do_not_matter() -> None:
    certificates.check(LEAF, KEY, [*reversed(NAMES), "A.EXAMPLE"], NOW)


TRADITIONAL = PrivateFormat.TraditionalOpenSSL


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (Secret(""), "key_malformed"),
        (Secret("text"), "key_malformed"),
        (Secret(LEAF.decode()), "key_malformed"),
        (Secret(KEY.reveal() + ISSUER.reveal()), "key_malformed"),
        (Secret(KEY.reveal() + LEAF.decode()), "key_malformed"),
        (Secret(KEY.reveal()[:-60]), "key_malformed"),
        (Secret("\ufeff" + KEY.reveal()), "key_malformed"),
        (Secret(KEY.reveal() + " " * 9000), "key_malformed"),
        (pem(keys.load(KEY), BestAvailableEncryption(b"pw")), "key_encrypted"),
        (pem(keys.load(KEY), BestAvailableEncryption(b"pw"), TRADITIONAL), "key_encrypted"),
        (pem(rsa.generate_private_key(65537, 1024)), "key_weak"),
        (pem(rsa.generate_private_key(3, 2048)), "key_weak"),
        (pem(ec.generate_private_key(ec.SECP256K1())), "key_unsupported"),
        (pem(ec.generate_private_key(ec.SECP521R1())), "key_unsupported"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "key_unsupported"),
        (pem(dsa.generate_private_key(1024)), "key_unsupported"),
    ],
)
def test_refused_keys(key: Secret, code: str) -> None:
    assert code_of(LEAF, key) == code


def test_close_primes() -> None:
    first, second = _primes_after(3 * 2**1022 + 2**900 + 1, 2)
    d = pow(65537, -1, (first - 1) * (second - 1))
    numbers = rsa.RSAPrivateNumbers(
        first,
        second,
        d,
        d % (first - 1),
        d % (second - 1),
        pow(second, -1, first),
        rsa.RSAPublicNumbers(65537, first * second),
    )
    with pytest.raises(Invalid, match="too close") as caught:
        keys.load(pem(numbers.private_key()))
    assert caught.value.code == "key_weak"


def _primes_after(start: int, count: int) -> list[int]:
    found: list[int] = []
    number = start
    while len(found) < count:
        if all(number % small for small in (3, 5, 7, 11, 13)) and pow(2, number - 1, number) == 1:
            found.append(number)
        number += 2
    return found


@pytest.mark.parametrize("kind", ["ec256", "ec384", "rsa2048"])
def test_new_keys_are_good_and_named(kind: str) -> None:
    key = keys.new_key(kind)
    assert keys.kind(key) == kind
    certificates.check(make(key), key, NAMES, NOW)
    assert certificates.facts(make(key)).key_type == kind


def test_csr() -> None:
    request = x509.load_pem_x509_csr(certificates.csr(KEY, NAMES, must_staple=True))
    san = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert tuple(san.get_values_for_type(x509.DNSName)) == NAMES
    assert request.is_signature_valid
    feature = request.extensions.get_extension_for_class(x509.TLSFeature).value
    assert list(feature) == [x509.TLSFeatureType.status_request]
    assert request.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ) == keys.public_bytes(KEY)
    assert not len(x509.load_pem_x509_csr(certificates.csr(KEY, NAMES)).extensions) > 1


def test_renewal_id_is_that_of_the_rfc() -> None:
    """RFC 9773 section 4.1: key identifier 69:88:5B:…, serial 00:87:65:43:21."""
    key_id = bytes.fromhex("69885B6B87461541E1B37B847BCDA4D1A0DE9C8A".lower())
    extension = x509.AuthorityKeyIdentifier(key_id, None, None)
    one = make(extensions=[extension], serial=0x87654321)
    assert certificates.renewal_id(one) == "aYhba4dGFUHhs3uEe82k0aDenIo.AIdlQyE"
    assert certificates.renewal_id(LEAF) is None
