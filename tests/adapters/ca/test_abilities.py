"""What an authority can do besides: revoke, against Pebble, and advise, which Pebble does not."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from time import monotonic

import pytest
from tests.adapters.ca.conftest import connect
from tests.adapters.ca.hostile import HostileAuthority, Reply
from tests.servers.pebble import ChallTestSrv, Pebble

from nameplate.adapters.ca import accounts
from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.adapters.ca.local import LocalAuthority, create_root
from nameplate.core import certificates, keys
from nameplate.core.orders import Challenge, Order, OrderStatus
from nameplate.core.secret import Secret
from nameplate.testing.ca import (
    CertificateAuthorityConformance,
    ChainOfferConformance,
    KeyChangerConformance,
    OrderPollerConformance,
    RegisteredAccountConformance,
    RenewalAdvisorConformance,
    RevokerConformance,
)

ROOT_KEY, ROOT = create_root("x", datetime.now(UTC))
_numbers = count(1)


class _Issuing(CertificateAuthorityConformance):
    """Issues for the tests of others; it is not collected itself."""

    def __init__(self, dns: ChallTestSrv) -> None:
        self._dns = dns

    def publish(self, challenges: Sequence[Challenge]) -> None:
        for challenge in challenges:
            self._dns.set_txt(challenge.record_name, challenge.record_value)


@pytest.fixture(scope="module")
def offer(
    tmp_path_factory: pytest.TempPathFactory, challtestsrv: ChallTestSrv
) -> Iterator[AcmeAuthority]:
    folder, dns = tmp_path_factory.mktemp("chains"), challtestsrv.dns_server
    with Pebble(folder, dns_server=dns, always_valid=True, alternate_roots=2) as server:
        yield connect(server)


class TestOfferingChains(ChainOfferConformance):
    @pytest.fixture
    def order(self, offer: AcmeAuthority, challtestsrv: ChallTestSrv) -> Order:
        issuing, names = _Issuing(challtestsrv), ("chains.example",)
        order = issuing.make_ready(offer, names)
        order = offer.finalize(order, certificates.csr(keys.new_key(), names))
        while order.status is OrderStatus.PROCESSING:
            order = offer.refresh(order.url)
        return order


class TestChangingKeys(KeyChangerConformance):
    @pytest.fixture
    def changer(self, pebble: Pebble) -> AcmeAuthority:
        return connect(pebble)

    @pytest.fixture
    def is_known(self, pebble: Pebble) -> Callable[[Secret], bool]:
        verify = str(pebble.ca_bundle)
        return lambda key: accounts.find(pebble.directory_url, key, verify) is not None


class TestPolling(OrderPollerConformance):
    @pytest.fixture
    def poller(self, authority: AcmeAuthority) -> AcmeAuthority:
        return authority

    @pytest.fixture
    def ready(self, authority: AcmeAuthority, challtestsrv: ChallTestSrv) -> Order:
        names = (f"p{next(_numbers)}.polled.example",)
        return _Issuing(challtestsrv).make_ready(authority, names)

    @pytest.fixture
    def failed(self, authority: AcmeAuthority) -> Order:
        order = authority.order([f"p{next(_numbers)}.polled.example"])
        authority.respond(next(one for one in order.challenges if one.type == "dns-01"))
        deadline = monotonic() + 30
        while order.status is OrderStatus.PENDING and monotonic() < deadline:
            order = authority.refresh(order.url)
        return order


def test_an_order_that_is_pending_is_read_with_one_request(authority: AcmeAuthority) -> None:
    names = [f"p{next(_numbers)}-{place}.polled.example" for place in range(3)]
    order = authority.order(names)
    assert {one.name for one in authority.refresh(order.url).challenges} == set(names)
    found = authority.poll(order.url)
    assert (found.status, found.challenges) == (OrderStatus.PENDING, ())


class TestRegistered(RegisteredAccountConformance):
    @pytest.fixture
    def registered(self, authority: AcmeAuthority) -> AcmeAuthority:
        return authority


class TestRevoking(RevokerConformance):
    @pytest.fixture
    def revoker(self, authority: AcmeAuthority) -> AcmeAuthority:
        return authority

    @pytest.fixture
    def issue(self, challtestsrv: ChallTestSrv) -> Callable[[AcmeAuthority], bytes]:
        def issue(authority: AcmeAuthority) -> bytes:
            names = (f"r{next(_numbers)}.revoked.example",)
            return _Issuing(challtestsrv).issue(authority, names, keys.new_key())

        return issue

    @pytest.fixture
    def certificate(
        self, authority: AcmeAuthority, issue: Callable[[AcmeAuthority], bytes]
    ) -> bytes:
        return issue(authority)

    @pytest.fixture
    def foreign_certificate(self, pebble: Pebble, issue: Callable[[AcmeAuthority], bytes]) -> bytes:
        return issue(connect(pebble))

    @pytest.fixture
    def is_revoked(self, pebble: Pebble) -> Callable[[bytes], bool]:
        return pebble.is_revoked


class TestAdvising(RenewalAdvisorConformance):
    @pytest.fixture
    def certificate(self) -> bytes:
        authority = LocalAuthority(ROOT_KEY, ROOT, clock=lambda: datetime.now(UTC))
        order = authority.order(["a.example"])
        request = certificates.csr(keys.new_key(), ["a.example"])
        return authority.download(authority.finalize(order, request))

    @pytest.fixture
    def unadvised_certificate(self) -> bytes:
        """Without an authority key identifier there is nothing to ask by (RFC 9773 section 4.1)."""
        return ROOT

    @pytest.fixture
    def advisor(self, certificate: bytes) -> Iterator[AcmeAuthority]:
        with HostileAuthority() as server:
            server.directory["renewalInfo"] = f"{server.base}/ari"
            start = datetime.now(UTC) + timedelta(days=30)
            window = {
                "start": start.isoformat(timespec="seconds"),
                "end": (start + timedelta(days=2)).isoformat(timespec="seconds"),
            }
            path = f"/ari/{certificates.renewal_id(certificate)}"
            server.replies[path] = lambda _: Reply(200, {"suggestedWindow": window})
            yield AcmeAuthority(f"{server.base}/dir", keys.new_key(), f"{server.base}/account/1")
