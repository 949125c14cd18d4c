import pytest
from tests.servers.caddy import Caddy
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin


@pytest.fixture(scope="session")
def origins():
    with Origin("one") as first, Origin("two") as second:
        yield first, second


@pytest.fixture(scope="session")
def nameplate():
    """Stand in for Nameplate's own HTTP address."""
    with Origin("nameplate") as origin:
        yield origin


@pytest.fixture(scope="module")
def nginx(tmp_path_factory, nameplate):
    with Nginx(tmp_path_factory.mktemp("nginx"), nameplate.upstream) as server:
        yield server


@pytest.fixture(scope="module")
def caddy(tmp_path_factory, nameplate):
    with Caddy(tmp_path_factory.mktemp("caddy"), nameplate.upstream) as server:
        yield server
