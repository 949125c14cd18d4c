"""Real name servers, one of each for the whole run, with two zones each."""

import contextlib
import functools
import ssl

import pytest
from tests.servers.bind import Bind
from tests.servers.knot import Knot
from tests.servers.powerdns import PowerDns

from nameplate.adapters.http.client import Api

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


@pytest.fixture
def connect():
    """Return a function that connects to an API; what it opened is closed after the test."""
    plain = functools.partial(Api, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    with contextlib.ExitStack() as opened:
        yield lambda *args, **more: opened.enter_context(contextlib.closing(plain(*args, **more)))
