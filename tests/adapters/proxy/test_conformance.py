from typing import Any

import pytest
from tests.adapters.proxy.read_back import READ_BACK
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin

from nameplate.adapters.proxy.memory import MemoryProxy
from nameplate.ports.proxy import Config, Upstream
from nameplate.testing.proxy import ProxyConformance, Visit, WithdrawerConformance
from nameplate.testing.proxy_hooks import ProxyHooks
from nameplate.testing.pulled import PulledProxyConformance


class TestMemory(ProxyConformance):
    origins = (Upstream("127.0.0.1", 1001), Upstream("127.0.0.1", 1002))

    @pytest.fixture(autouse=True)
    def _fresh(self):
        self.proxy = self.memory = MemoryProxy()

    def loads(self):
        return self.memory.loads

    def look(self, scheme, hostname, path="/", sni=None):
        seen = self.memory.visit(scheme, hostname, path, sni)
        origin = seen.upstream.port if seen.upstream else None
        hsts = "max-age" if seen.hsts else ""
        return Visit(
            seen.status,
            origin,
            seen.location,
            hsts,
            seen.serial or "",
            edge=seen.status is not None,
        )


class _Real(ProxyHooks):
    """The hooks of a proxy that runs: `server` is it."""

    server: Any

    def _run(self, server: Any, proxy: Any, origins: Any, nameplate: Origin) -> None:
        self.server, self.proxy = server, proxy
        self.platform = nameplate.upstream
        self.origins = (origins[0].upstream, origins[1].upstream)
        self.secure_address = ("127.0.0.1", server.https_port)

    def loads(self) -> int:
        is_nginx = isinstance(self.server, Nginx)
        found: int = self.server.reloads if is_nginx else self.server.loads
        return found

    def look(self, scheme: str, hostname: str, path: str = "/", sni: str | None = None) -> Visit:
        found: Visit = self.server.look(scheme, hostname, path, sni)
        return found

    def read_back(self, config: Config) -> None:
        READ_BACK[type(self.server).__name__](self.server, config)


class TestNginx(_Real, WithdrawerConformance):
    @pytest.fixture(autouse=True)
    def _server(self, nginx, origins, nameplate):
        self._run(nginx, nginx.adapter, origins, nameplate)


class TestCrowdedNginx(_Real, WithdrawerConformance):
    @pytest.fixture(autouse=True)
    def _server(self, crowded_nginx, origins, nameplate):
        self._run(crowded_nginx, crowded_nginx.adapter, origins, nameplate)


class TestCaddy(_Real, WithdrawerConformance):
    @pytest.fixture(autouse=True)
    def _server(self, caddy, origins, nameplate):
        self._run(caddy, caddy.adapter, origins, nameplate)


class TestCrowdedCaddy(_Real, WithdrawerConformance):
    @pytest.fixture(autouse=True)
    def _server(self, crowded_caddy, origins, nameplate):
        self._run(crowded_caddy, crowded_caddy.adapter, origins, nameplate)


class TestTraefikFiles(_Real, WithdrawerConformance):
    refuses_with = frozenset({None, 404})
    redirects_with = frozenset({301, 308})

    @pytest.fixture(autouse=True)
    def _server(self, traefik, origins, nameplate):
        self._run(traefik, traefik.adapter, origins, nameplate)


class TestTraefikPulled(_Real, ProxyConformance):
    refuses_with = TestTraefikFiles.refuses_with
    redirects_with = TestTraefikFiles.redirects_with

    @pytest.fixture(autouse=True)
    def _server(self, pulled, origins, nameplate):
        self._run(pulled.server, pulled.proxy, origins, nameplate)


class TestTraefikDocument(PulledProxyConformance):
    @pytest.fixture(autouse=True)
    def _server(self, pulled):
        self.proxy = pulled.server.adapter
