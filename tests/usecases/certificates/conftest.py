import time
from collections.abc import Iterator

import pytest
from tests.servers.pebble import ChallTestSrv, Pebble

from nameplate.adapters.ca import accounts
from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.core import keys
from nameplate.ports.ca import Challenge, Order, OrderStatus

_PATIENCE = 10.0
_WORKING = (OrderStatus.PENDING, OrderStatus.PROCESSING)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChallTestSrv]:
    """DNS in which every name leads to one web server without tokens."""
    with ChallTestSrv(tmp_path_factory.mktemp("world")) as server:
        yield server


@pytest.fixture(scope="module")
def trusting(
    world: ChallTestSrv, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AcmeAuthority]:
    """Start an authority that takes every proof for good."""
    with Pebble(
        tmp_path_factory.mktemp("trusting"), dns_server=world.dns_server, always_valid=True
    ) as server:
        yield _connected(server, QuickAuthority)


@pytest.fixture(scope="module")
def looking(
    world: ChallTestSrv, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AcmeAuthority]:
    """Start an authority that looks at proofs."""
    with Pebble(
        tmp_path_factory.mktemp("looking"),
        dns_server=world.dns_server,
        http_port=world.http_port,
    ) as server:
        yield _connected(server)


class QuickAuthority(AcmeAuthority):
    """An authority that has done its work before it answers.

    Pebble does it aside and is sometimes not through when it is asked next: the counts of what an
    order takes are those of one that is.
    """

    def respond(self, challenge: Challenge) -> None:
        """Return once the proof was taken or refused."""
        super().respond(challenge)
        ended = time.monotonic() + _PATIENCE
        while time.monotonic() < ended:
            if self._read(challenge.url).json()["status"] in {"valid", "invalid"}:
                return
            time.sleep(0.02)

    def finalize(self, order: Order, csr: bytes) -> Order:
        """Return the order once it is issued, or has failed."""
        found = super().finalize(order, csr)
        ended = time.monotonic() + _PATIENCE
        while found.status in _WORKING and time.monotonic() < ended:
            time.sleep(0.02)
            found = self.poll(order.url)
        return found


def _connected(server: Pebble, kind: type[AcmeAuthority] = AcmeAuthority) -> AcmeAuthority:
    key, verify = keys.new_key(), str(server.ca_bundle)
    account = accounts.register(server.directory_url, key, verify=verify)
    return kind(server.directory_url, key, account, verify=verify)
