import tempfile
from pathlib import Path

import pytest
from tests.adapters.proxy.pulled_rig import PulledRig
from tests.servers.caddy import Caddy
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin
from tests.servers.traefik import Traefik


@pytest.fixture(scope="module")
def passable():
    """Give a folder that the workers of nginx, who are another user, can look into."""
    with tempfile.TemporaryDirectory(prefix="nameplate-nginx-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


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
def nginx(passable, nameplate):
    folder = passable / "shared"
    folder.mkdir()
    with Nginx(folder, nameplate.upstream) as server:
        yield server


@pytest.fixture(scope="module")
def crowded_nginx(passable, nameplate):
    """Give an nginx whose hosts share servers from the first on."""
    folder = passable / "crowded"
    folder.mkdir()
    with Nginx(folder, nameplate.upstream, many=1) as server:
        yield server


@pytest.fixture(scope="module")
def caddy(tmp_path_factory, nameplate):
    with Caddy(tmp_path_factory.mktemp("caddy"), nameplate.upstream) as server:
        yield server


@pytest.fixture(scope="module")
def crowded_caddy(tmp_path_factory, nameplate):
    """Give a Caddy that asks itself for certificates from the first host on."""
    with Caddy(tmp_path_factory.mktemp("crowded-caddy"), nameplate.upstream, many=1) as server:
        yield server


@pytest.fixture(scope="module")
def traefik(tmp_path_factory, nameplate):
    with Traefik(tmp_path_factory.mktemp("traefik"), nameplate.upstream) as server:
        yield server


@pytest.fixture(scope="module")
def pulled(tmp_path_factory, nameplate):
    with PulledRig(tmp_path_factory.mktemp("pulled"), nameplate.upstream) as rig:
        yield rig
