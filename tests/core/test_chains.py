"""Chains: put in order, complete, and trusted."""

import itertools

import pytest
from cryptography import x509
from tests.core.pki import NOW, Pki, authority, pem

from nameplate.core import chains, uploads
from nameplate.core.chains import Roots
from nameplate.core.errors import Invalid
from nameplate.core.uploads import Material

PKI = Pki()
GOOD = PKI.leaf()
CHAIN, KEY = PKI.chain(GOOD), GOOD.secret


def test_a_long_chain_is_put_in_order_whatever_the_order() -> None:
    second = authority("Second", PKI.root)
    third = authority("Third", second)
    leaf = PKI.leaf(by=third)
    wanted = [leaf.certificate, third.certificate, second.certificate]
    others = [("a", third.certificate), ("b", second.certificate), ("c", PKI.root.certificate)]
    for order in itertools.permutations(others):
        assert chains.ordered(leaf.certificate, order, PKI.roots, NOW) == wanted


def test_a_cross_signed_authority_leads_to_the_known_root() -> None:
    other = Pki()
    crossed = authority("Root", other.root, key=PKI.root.key)
    text = CHAIN + pem(PKI.root.certificate, crossed.certificate)
    roots = Roots((other.root.certificate, PKI.root.certificate))
    made = uploads.parse(Material(text, KEY), roots, NOW)
    assert x509.load_pem_x509_certificates(made.bundle)[-1] == crossed.certificate


def test_nothing_is_trusted_without_roots() -> None:
    with pytest.raises(Invalid) as caught:
        chains.ordered(
            GOOD.certificate, [("the second", PKI.intermediate.certificate)], Roots(), NOW
        )
    assert caught.value.code == "chain_incomplete"
    assert "CN=Root" in caught.value.detail


def test_names_in_messages_are_harmless() -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a\u202eb\n")])
    assert chains.named(name).isprintable()
    assert chains.named(x509.Name([])) == "a certificate without a subject"
