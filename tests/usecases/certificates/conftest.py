from collections.abc import Iterator

import pytest
from tests.servers.pebble import ChallTestSrv, Pebble

from nameplate.adapters.ca import accounts
from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.core import keys


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
        yield _connected(server)


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


def _connected(server: Pebble) -> AcmeAuthority:
    key, verify = keys.new_key(), str(server.ca_bundle)
    account = accounts.register(server.directory_url, key, verify=verify)
    return AcmeAuthority(server.directory_url, key, account, verify=verify)
