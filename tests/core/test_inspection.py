"""Inspecting certificates: all that is wrong is a finding, and nothing is refused for it."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from tests.core import bad_uploads
from tests.core.pki import DAY, NOW, Pki, key_pem, pem, rsa_key

from nameplate.core import inspection
from nameplate.core.chains import Roots
from nameplate.core.errors import Invalid
from nameplate.core.inspection import Inspection
from nameplate.core.secret import Secret

PKI = Pki()
GOOD = PKI.leaf("shop.example.com")
HOST = "shop.example.com"


def look(text: str, host: str | None = None, roots: Roots = PKI.roots) -> Inspection:
    return inspection.inspect(inspection.read(text.encode(), None), roots, NOW, host)


def codes(seen: Inspection) -> list[str]:
    return [one.code for one in seen.problems]


def test_all_is_well() -> None:
    seen = look(PKI.chain(GOOD) + key_pem(GOOD.key), HOST)
    assert (codes(seen), seen.in_order, seen.complete) == ([], True, True)
    assert seen.certificates[0].names == (HOST,)


def test_order_and_completeness_are_told_apart() -> None:
    seen = look(pem(PKI.intermediate.certificate, GOOD.certificate))
    assert (codes(seen), seen.in_order, seen.complete) == ([], False, True)
    assert seen.certificates[0].names == (HOST,), "shown in order"
    alone = look(pem(GOOD.certificate))
    assert (codes(alone), alone.complete) == (["chain_incomplete"], False)
    assert codes(look(PKI.chain(GOOD), roots=Roots())) == ["chain_incomplete"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PKI.chain(PKI.leaf(HOST, begun=NOW - 91 * DAY)), "expired"),
        (PKI.chain(PKI.leaf(HOST, ca=True)), "leaf_is_authority"),
        (PKI.chain(PKI.leaf(HOST, key=rsa_key(1024))), "key_weak"),
        (PKI.chain(PKI.leaf(HOST, key=ec.generate_private_key(ec.SECP256K1()))), "key_unsupported"),
        (PKI.chain(GOOD) + key_pem(PKI.leaf().key), "key_mismatch"),
        (pem(PKI.leaf(HOST, by=None).certificate), "self_signed"),
    ],
)
def test_what_is_wrong_is_found(text: str, code: str) -> None:
    assert code in codes(look(text))


def test_another_host_is_a_finding() -> None:
    assert codes(look(PKI.chain(GOOD), "other.example.com")) == ["names_differ"]
    wild = PKI.chain(PKI.leaf("*.example.com"))
    assert codes(look(wild, HOST)) == []


def test_what_a_server_sends() -> None:
    sent = [one.public_bytes(Encoding.DER) for one in (GOOD.certificate, PKI.intermediate.certificate)]  # fmt: skip
    found = inspection.shown_by_server(sent)
    assert codes(inspection.inspect(found, PKI.roots, NOW, HOST)) == []


def test_pkcs12() -> None:
    file = bad_uploads.packed(GOOD, PKI, b"right")
    found = inspection.read(file, Secret("right"))
    assert codes(inspection.inspect(found, PKI.roots, NOW)) == []


@pytest.mark.filterwarnings("ignore")  # the library warns of what it reads
def test_the_campaign_never_surprises() -> None:
    for name, material, _ in bad_uploads.cases(PKI):
        file = material.pkcs12 or material.certificate.encode("utf-8", "replace")
        try:
            inspection.inspect(inspection.read(file, material.password), PKI.roots, NOW, HOST)
        except Invalid:
            continue
        except Exception as error:
            raise AssertionError(name) from error
