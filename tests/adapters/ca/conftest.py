import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.servers.process import ServerMissing

from nameplate.adapters.ca import accounts
from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.core import keys


@pytest.fixture(scope="session")
def challtestsrv(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChallTestSrv]:
    try:
        server = ChallTestSrv(tmp_path_factory.mktemp("challtestsrv"))
    except ServerMissing as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with server:
        yield server


@pytest.fixture(scope="session")
def pebble(
    tmp_path_factory: pytest.TempPathFactory, challtestsrv: ChallTestSrv
) -> Iterator[Pebble]:
    folder: Path = tmp_path_factory.mktemp("pebble")
    dns, port = challtestsrv.dns_server, challtestsrv.http_port
    with Pebble(folder, dns_server=dns, http_port=port) as server:
        yield server


def connect(server: Pebble) -> AcmeAuthority:
    key, verify = keys.new_key(), str(server.ca_bundle)
    account = accounts.register(server.directory_url, key, verify=verify)
    return AcmeAuthority(server.directory_url, key, account, verify=verify)


@pytest.fixture(scope="session")
def authority(pebble: Pebble) -> AcmeAuthority:
    return connect(pebble)
