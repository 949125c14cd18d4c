import pytest

from nameplate.adapters.proxy.memory import MemoryProxy
from nameplate.ports.proxy import Upstream
from nameplate.testing.proxy import ProxyConformance, Visit, WithdrawerConformance
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


class TestNginx(WithdrawerConformance):
    @pytest.fixture(autouse=True)
    def _server(self, nginx, origins, nameplate):
        self.platform = nameplate.upstream
        self.server, self.proxy = nginx, nginx.adapter
        self.origins = (origins[0].upstream, origins[1].upstream)

    def loads(self):
        return self.server.reloads

    def look(self, scheme, hostname, path="/", sni=None):
        return self.server.look(scheme, hostname, path, sni)


class TestCrowdedNginx(TestNginx):
    @pytest.fixture(autouse=True)
    def _server(self, crowded_nginx, origins, nameplate):
        self.platform = nameplate.upstream
        self.server, self.proxy = crowded_nginx, crowded_nginx.adapter
        self.origins = (origins[0].upstream, origins[1].upstream)


class TestCaddy(WithdrawerConformance):
    @pytest.fixture(autouse=True)
    def _server(self, caddy, origins, nameplate):
        self.platform = nameplate.upstream
        self.server, self.proxy = caddy, caddy.adapter
        self.origins = (origins[0].upstream, origins[1].upstream)

    def loads(self):
        return self.server.loads

    def look(self, scheme, hostname, path="/", sni=None):
        return self.server.look(scheme, hostname, path, sni)


class TestCrowdedCaddy(TestCaddy):
    @pytest.fixture(autouse=True)
    def _server(self, crowded_caddy, origins, nameplate):
        self.platform = nameplate.upstream
        self.server, self.proxy = crowded_caddy, crowded_caddy.adapter
        self.origins = (origins[0].upstream, origins[1].upstream)


class TestTraefikFiles(WithdrawerConformance):
    refuses_with = frozenset({None, 404})
    redirects_with = frozenset({301, 308})

    @pytest.fixture(autouse=True)
    def _server(self, traefik, origins, nameplate):
        self.platform = nameplate.upstream
        self.server, self.proxy = traefik, traefik.adapter
        self.origins = (origins[0].upstream, origins[1].upstream)

    def loads(self):
        return self.server.loads

    def look(self, scheme, hostname, path="/", sni=None):
        return self.server.look(scheme, hostname, path, sni)


class TestTraefikPulled(ProxyConformance):
    refuses_with = TestTraefikFiles.refuses_with
    redirects_with = TestTraefikFiles.redirects_with

    @pytest.fixture(autouse=True)
    def _server(self, pulled, origins, nameplate):
        self.platform = nameplate.upstream
        self.server, self.proxy = pulled.server, pulled.proxy
        self.origins = (origins[0].upstream, origins[1].upstream)

    def loads(self):
        return self.server.loads

    def look(self, scheme, hostname, path="/", sni=None):
        return self.server.look(scheme, hostname, path, sni)


class TestTraefikDocument(PulledProxyConformance):
    @pytest.fixture(autouse=True)
    def _server(self, pulled):
        self.proxy = pulled.server.adapter
