"""Certificates that somebody brings: what is taken is whole and trusted, and all else is refused."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core import bad_uploads
from tests.core.pki import NOW, Pki, key_pem, pem, rsa_key
from tests.house.source import ROOT

from nameplate.core import key_files, keys, uploads
from nameplate.core.chains import Roots
from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret
from nameplate.core.uploads import Material, Upload

pytestmark = pytest.mark.filterwarnings("ignore")  # the library warns of what it reads
PKI = Pki()
GOOD = PKI.leaf("shop.example.com", "*.shop.example.com")
CHAIN, KEY = PKI.chain(GOOD), GOOD.secret
CASES = bad_uploads.cases(PKI)
CPU = 0.05
"""Seconds that one upload may take."""
VECTORS = Path(str(cryptography_vectors.__file__)).parent
BADSSL = ROOT.parent / "shared" / "data" / "x509" / "badssl"


def take(material: Material, roots: Roots = PKI.roots) -> Upload:
    made = uploads.parse(material, roots, NOW)
    uploads.covered(made.facts)
    return made


def refused(material: Material, roots: Roots = PKI.roots) -> Invalid:
    """Return the refusal, which must come at once; of three tries the quickest counts."""
    spent = []
    for _ in range(3):
        begun = time.process_time()
        with pytest.raises(Invalid) as caught:
            take(material, roots)
        spent.append(time.process_time() - begun)
        if spent[-1] < CPU:
            break
    assert min(spent) < CPU, spent
    return caught.value


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 250
    assert len({name for name, _, _ in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[name for name, _, _ in CASES])
def test_what_is_wrong_is_refused_at_once(case: bad_uploads.Case) -> None:
    _, material, codes = case
    error = refused(material)
    assert not codes or error.code in codes, error
    told = f"{error.detail}{error.problems}"
    assert "-----" not in told.replace("`-----BEGIN CERTIFICATE-----`", "")
    assert told.isprintable()


def _all_ways() -> dict[str, Material]:
    intermediate, root = PKI.intermediate.certificate, PKI.root.certificate
    key = KEY.reveal()
    leaf = pem(GOOD.certificate)
    return {
        "key beside": Material(CHAIN, KEY),
        "key inside": Material(CHAIN + key),
        "key first": Material(key + CHAIN),
        "any order": Material(pem(root, intermediate) + key + leaf),
        "leaf twice": Material(leaf + CHAIN, KEY),
        "with the root": Material(CHAIN + pem(root), KEY),
        "windows": Material("\ufeff" + CHAIN.replace("\n", "\r\n"), KEY),
        "old mac": Material(CHAIN.replace("\n", "\r"), KEY),
        "comments": Material("# ours\n" + CHAIN.replace("-----BEGIN", "\n# next\n-----BEGIN"), KEY),
        "openssl": Material(
            f"Bag Attributes\n    friendlyName: shop\n    localKeyID: 01 02 \nsubject=CN = a\n\n{CHAIN}"
            f"Key Attributes: <No Attributes>\n{key}"
        ),
        "long lines": Material("\n".join(_unwrapped(CHAIN)), KEY),
        "password": Material(CHAIN, Secret(key_pem(GOOD.key, b"right")), password=Secret("right")),
        "password not needed": Material(CHAIN, KEY, password=Secret("right")),
        "pkcs12": Material(
            pkcs12=bad_uploads.packed(GOOD, PKI, b"right"), password=Secret("right")
        ),
    }


def _unwrapped(text: str) -> list[str]:
    found = [""]
    for line in text.splitlines():
        found += [line, ""] if line.startswith("-") else []
        if not line.startswith("-"):
            found[-1] += line
    return found


@pytest.mark.parametrize("way", _all_ways())
def test_every_good_way_leads_to_the_same(way: str) -> None:
    begun = time.process_time()
    made = take(_all_ways()[way])
    assert time.process_time() - begun < 10 * CPU
    assert made.bundle.decode() == CHAIN, "leaf first, without the root"
    assert made.facts.names == ("*.shop.example.com", "shop.example.com")
    assert keys.public_bytes(made.key) == keys.public_bytes(KEY)
    assert "PRIVATE" not in repr(made.key) + repr(Material(CHAIN, KEY))


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_rsa_keys_are_taken(bits: int) -> None:
    party = PKI.leaf(key=rsa_key(bits))
    begun = time.process_time()
    assert take(Material(PKI.chain(party), party.secret)).facts.key_type == f"rsa{bits}"
    assert time.process_time() - begun < 5 * CPU


def test_a_key_made_by_a_flawed_chip_is_weak() -> None:
    modulus = 0xF25D4F29A0F5F3E2  # any number: only its form counts, so one is built of powers
    primes = [n for n in range(3, 168) if all(n % d for d in range(2, n))]
    total, modulus = 1, 1
    for prime in primes:
        wanted = pow(65537, prime % 7, prime)
        while modulus % prime != wanted:
            modulus += total
        total *= prime
    assert keys._made_by_infineon(modulus)
    assert not any(
        keys._made_by_infineon(rsa_key(b).public_key().public_numbers().n) for b in (2048, 3072)
    )


def test_the_block_is_named() -> None:
    told = refused(Material(CHAIN + KEY.reveal(), KEY)).detail
    assert told.startswith("The third block is a PRIVATE KEY.")
    assert (
        "The second block is a CERTIFICATE REQUEST."
        in refused(
            Material(
                pem(GOOD.certificate)
                + pem(PKI.intermediate.certificate).replace("CERTIFICATE", "CERTIFICATE REQUEST"),
                KEY,
            )
        ).detail
    )
    missing = refused(Material(pem(GOOD.certificate), KEY)).detail
    assert "CN=Intermediate" in missing


@pytest.mark.parametrize("path", sorted(BADSSL.glob("*.*")), ids=lambda path: path.name)
def test_known_bad_files(path: Path) -> None:
    text = path.read_text(errors="replace")
    refused(Material(text, KEY))
    own = path.with_suffix(".key")
    if own.exists():
        refused(Material(text, Secret(own.read_text())))


def _vectors() -> list[Path]:
    folders = (VECTORS / one for one in ("x509", "pkcs12", "asymmetric"))
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in {".pem", ".der", ".p12", ".crt", ".key", ".pub"}
    )


def test_none_of_the_librarys_vectors_is_taken() -> None:
    """As a certificate with our key, as a key of our certificate, and as PKCS #12."""
    found = _vectors()
    assert len(found) > 400
    for path in found:
        content = path.read_bytes()
        text = content.decode("utf-8", "replace")
        for material in (
            Material(text), Material(text, KEY), Material(CHAIN, Secret(text), password=Secret("password")),
            Material(pkcs12=content, password=Secret("cryptography")),
        ):  # fmt: skip
            try:
                refused(material)
            except AssertionError as error:
                raise AssertionError(path) from error


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_mutations_are_refused_or_mean_the_same(data: Any) -> None:
    text = CHAIN + KEY.reveal()
    at = data.draw(st.integers(0, len(text) - 1))
    size = data.draw(st.integers(0, 40))
    filling = data.draw(
        st.text(max_size=20) | st.sampled_from(["\n", "-----BEGIN CERTIFICATE-----\n"])
    )
    changed = text[:at] + filling + text[at + size :]
    try:
        made = take(Material(changed))
    except Invalid:
        return
    assert made.bundle.decode() == CHAIN


def test_it_must_be_valid_when_it_is_brought() -> None:
    with pytest.raises(Invalid) as caught:
        uploads.parse(Material(CHAIN, KEY), PKI.roots, NOW + timedelta(days=90))
    assert caught.value.code == "expired"


def test_a_key_is_kept_without_its_password() -> None:
    made = take(Material(CHAIN, Secret(key_pem(GOOD.key, b"right")), password=Secret("right")))
    assert made.key == key_files.as_pem(GOOD.key)
    assert GOOD.certificate.public_bytes(Encoding.PEM) in made.bundle
