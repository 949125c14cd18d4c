"""Real name servers, one of each for the whole run, with two zones each."""

import pytest
from tests.servers.bind import Bind
from tests.servers.knot import Knot
from tests.servers.powerdns import PowerDns

ZONES = ["example.test", "other.test"]


@pytest.fixture(scope="session")
def knot(tmp_path_factory):
    with Knot(tmp_path_factory.mktemp("knot"), ZONES) as server:
        yield server


@pytest.fixture(scope="session")
def bind(tmp_path_factory):
    with Bind(tmp_path_factory.mktemp("bind"), ZONES) as server:
        yield server


@pytest.fixture(scope="session")
def powerdns(tmp_path_factory):
    with PowerDns(tmp_path_factory.mktemp("powerdns"), ZONES) as server:
        yield server
