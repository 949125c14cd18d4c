"""The prober passes the tour before the proxies that it looks at."""

from typing import Any

import pytest
from tests.servers.origin import Origin

from nameplate.adapters.proxy.probe import HttpProber
from nameplate.ports.prober import ProbeTarget
from nameplate.ports.proxy import Route
from nameplate.testing.prober import ProberConformance
from nameplate.testing.proxy import self_signed

HOST = "shop.example.test"


class TestHttpProber(ProberConformance):
    @pytest.fixture(params=["nginx", "caddy"])
    def served(self, request: pytest.FixtureRequest, origins: tuple[Origin, Origin]) -> ProbeTarget:
        server: Any = request.getfixturevalue(request.param)
        pair, serial = self_signed(HOST)
        route = Route("bnd_1", HOST, "/", origins[0].upstream, pair)
        server.adapter.apply(server.adapter.render([route]))
        return ProbeTarget("127.0.0.1", server.https_port, HOST, expected_serial=serial)

    @pytest.fixture
    def unserved(self) -> str:
        return "unknown.example.test"

    @pytest.fixture
    def prober(self) -> HttpProber:
        return HttpProber()
