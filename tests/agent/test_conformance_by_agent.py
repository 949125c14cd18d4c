"""The whole conformance of proxies with an agent in between: real nginx, Caddy and Traefik.

An agent leaves out what its proxy does not take and serves the rest, where an adapter keeps what it had.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from tests.agent.through_agent import ThroughAgent
from tests.servers.caddy import Caddy
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin
from tests.servers.traefik import Traefik

from nameplate.ports.proxy import Redirect, RoutePlace, RouteRefused
from nameplate.testing.proxy import Visit, WithdrawerConformance, self_signed

_HOSTILE: tuple[dict[str, Any], ...] = (
    {"hostname": "a.example}\nserver{listen 1;}"},
    {"hostname": "a`) || PathPrefix(`/"},
    {"hostname": "{env.SECRET}.example.com"},
    {"path": "/a}"},
    {"path": "/../etc"},
)


@pytest.fixture(scope="module")
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


@pytest.fixture(scope="module")
def origins(stack: ExitStack) -> tuple[Origin, Origin, Origin]:
    one, two, platform = (stack.enter_context(Origin(name)) for name in ("one", "two", "platform"))
    return one, two, platform


@pytest.fixture(scope="class")
def served(
    request: pytest.FixtureRequest,
    stack: ExitStack,
    origins: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, ThroughAgent]:
    """Run the proxy of the class, and an agent beside it."""
    folder = tmp_path_factory.mktemp("agent")
    for above in (folder, *folder.parents[:2]):
        above.chmod(0o755)  # nginx's workers are somebody else
    server = stack.enter_context(request.cls.make(folder, origins[2].upstream))
    agent = ThroughAgent(folder, server.adapter)
    stack.callback(agent.stop)
    return server, agent


class ByAgent(WithdrawerConformance):
    """What differs with an agent: refused routes are left out, and the state is still taken over."""

    make: Any
    server: Any
    proxy: ThroughAgent

    @pytest.fixture(autouse=True)
    def _server(self, served: Any, origins: Any) -> None:
        self.server, self.proxy = served
        self.platform = origins[2].upstream
        self.origins = (origins[0].upstream, origins[1].upstream)
        self.secure_address = ("127.0.0.1", self.server.https_port)

    def loads(self) -> int:
        is_nginx = isinstance(self.server, Nginx)
        found: int = self.server.reloads if is_nginx else self.server.loads
        return found

    def look(self, scheme: str, hostname: str, path: str = "/", sni: str | None = None) -> Visit:
        found: Visit = self.server.look(scheme, hostname, path, sni)
        return found

    def test_refuses_hostile_text_before_anything_is_written(self) -> None:
        """It is left out and named, and everybody else is served on."""
        pair, serial = self_signed(self.host)
        good = self.route(key_pair=pair)
        for given in _HOSTILE:
            hostile = self.route(**given)
            raised = self.refusal_of(good, hostile)
            assert isinstance(raised, RouteRefused), hostile
            assert raised.route_ids == (hostile.id,)
            assert self.look("https", self.host).serial == serial

    def test_refuses_routes_that_contradict_each_other(self) -> None:
        """The first stays, as in every adapter; two routes never have one id, which is a binding's."""
        first, _ = self_signed(self.host)
        second, _ = self_signed(self.host)
        differs = self.route(force_https=False)
        assert isinstance(self.refusal_of(self.route(), differs), RouteRefused)
        assert self.refusal_of(self.route(key_pair=first), self.route(path="/a", key_pair=second))

    def test_a_route_of_only_drained_targets_is_refused(self) -> None:
        """All of its targets are named, and no other route."""
        other = self.route("other.example.test")
        drained = self.route(weight=0), self.route(weight=0, origin=1)
        raised = self.refusal_of(*drained, other)
        assert isinstance(raised, RouteRefused)
        assert set(raised.route_ids) == {one.id for one in drained}

    def test_other_answers_are_refused(self) -> None:
        """A proxy says nothing that stands for more than a suspension."""
        for status in (200, 301):
            assert isinstance(self.refusal_of(self.route(answer=status)), RouteRefused)

    def test_redirects_that_lead_nowhere_are_refused(self) -> None:
        """The rest is left out, as with other settings that a route cannot have."""
        route = self.route()
        for name in ("", self.host, "*.example.test", "a b.test", "127.0.0.1"):
            raised = self.refusal_of(replace(route, redirect=Redirect(name)))
            assert isinstance(raised, RouteRefused), name

    def test_withdraws_exactly_what_it_is_told(self) -> None:
        """What leaves the state is closed, and what comes back is served again."""
        pair, _ = self_signed(self.host)
        whole, shop = self.route(key_pair=pair), self.route(path="/shop", key_pair=pair, origin=1)
        other = self.route("other.test", force_https=False)
        self.serve(whole, shop, other)
        self.proxy.withdraw([RoutePlace(shop.id, shop.hostname, shop.path)])
        assert self.look("https", self.host, "/shop/a").origin == self.origins[0].port
        self.proxy.withdraw([RoutePlace(whole.id, whole.hostname, whole.path)])
        for scheme, path in (("http", "/"), ("https", "/"), ("https", "/shop")):
            self.assert_refused(self.look(scheme, self.host, path))
        assert self.look("http", "other.test").origin == self.origins[0].port
        self.serve(whole, shop, other)
        assert self.look("https", self.host, "/shop/a").origin == self.origins[1].port


class TestNginxByAgent(ByAgent):
    """nginx, in every run."""

    make = Nginx


@pytest.mark.torture
class TestCaddyByAgent(ByAgent):
    """Caddy."""

    make = Caddy


@pytest.mark.torture
class TestTraefikByAgent(ByAgent):
    """Traefik with its file provider."""

    make = Traefik
    refuses_with = frozenset({None, 404})
    redirects_with = frozenset({301, 308})
