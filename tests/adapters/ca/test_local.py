from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from nameplate.adapters.ca.local import LocalAuthority, create_root
from nameplate.core import certificates, keys
from nameplate.core.errors import Refused
from nameplate.core.orders import Challenge, OrderStatus
from nameplate.testing.ca import CertificateAuthorityConformance

NOW = datetime.now(UTC)
KEY, ROOT = create_root("Nameplate development", NOW)


def make() -> LocalAuthority:
    return LocalAuthority(KEY, ROOT, clock=lambda: datetime.now(UTC))


class TestLocal(CertificateAuthorityConformance):
    def make_authority(self) -> LocalAuthority:
        return make()

    def publish(self, challenges: Sequence[Challenge]) -> None:
        assert not challenges


def test_clients_that_trust_the_root_accept_it() -> None:
    key, names = keys.new_key(), ["shop.example", "*.shop.example"]
    order = make().order(names)
    bundle = make().download(make().finalize(order, certificates.csr(key, names)))
    store = Store(x509.load_pem_x509_certificates(ROOT))
    verifier = PolicyBuilder().store(store).time(datetime.now(UTC))
    verifier.build_server_verifier(x509.DNSName("a.shop.example")).verify(
        x509.load_pem_x509_certificates(bundle)[0], []
    )
    facts = certificates.facts(bundle)
    assert facts.not_after - facts.not_before == timedelta(days=90)


def test_two_orders_are_two_certificates() -> None:
    names, key = ["a.example"], keys.new_key()
    request = certificates.csr(key, names)
    serials = {
        certificates.facts(make().download(make().finalize(make().order(names), request))).serial
        for _ in range(3)
    }
    assert len(serials) == 3


@pytest.mark.parametrize("url", ["", "https://a.example/1", "local:order:!", "local:order:e30="])
def test_foreign_urls_are_refused(url: str) -> None:
    with pytest.raises(Refused) as caught:
        make().refresh(url)
    assert caught.value.code == "order_unknown"


@pytest.mark.parametrize("csr", [b"", b"no csr", ROOT])
def test_unreadable_csr(csr: bytes) -> None:
    with pytest.raises(Refused) as caught:
        make().finalize(make().order(["a.example"]), csr)
    assert caught.value.code == "bad_csr"


def test_the_order_is_ready_at_once() -> None:
    assert make().order(["a.example"]).status is OrderStatus.READY
