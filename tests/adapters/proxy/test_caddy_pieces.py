"""One changed host among very many: one request of Caddy's admin API, and what happens where that is not right."""

import json
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from tests.servers.caddy import Caddy

from nameplate.adapters.http.client import Api, Reply
from nameplate.adapters.proxy import caddy as adapters
from nameplate.adapters.proxy import remembered
from nameplate.adapters.proxy.caddy_layout import ONE
from nameplate.adapters.proxy.caddy_rendering import CaddyConfig
from nameplate.core.errors import Refused
from nameplate.ports.proxy import Route, RoutePlace, Upstream
from nameplate.testing.proxy import self_signed

MANY = 3
HOSTS = f"/config/apps/http/servers/{ONE}/routes"


@pytest.fixture(autouse=True)
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have few hosts remembered as many are."""
    monkeypatch.setattr(remembered, "FEW", 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Caddy]:
    with Caddy(tmp_path, many=MANY) as server:
        yield server


def host(number: int, upstream: Upstream, **more: Any) -> Route:
    pair, _ = self_signed(f"h{number}.many.test")
    given = {"key_pair": pair, "force_https": False, "hsts": False, **more}
    return Route(f"bnd_{number}", f"h{number}.many.test", "/", upstream, **given)


def apply(server: Caddy, *routes: Route) -> CaddyConfig:
    """Apply, and see that Caddy runs exactly what was rendered."""
    config = server.adapter.render(routes)
    server.adapter.apply(config)
    assert server.running() == json.loads(config.files["caddy.json"])
    assert (server.adapter.folder / "caddy.json").read_bytes() == config.files["caddy.json"]
    return config


def served(server: Caddy, route: Route) -> int | None:
    seen = {server.look(scheme, route.hostname).origin for scheme in ("http", "https")}
    (port,) = seen
    return port


def test_a_change_of_one_behaviour_is_one_request_and_no_load(server: Caddy, origins: Any) -> None:
    one, two = (origin.upstream for origin in origins)
    routes = {number: host(number, one) for number in range(MANY)}
    apply(server, *routes.values())
    loads = server.loads
    changes: list[dict[int, Route | None]] = [
        {5: host(5, one)},                                     # a host more
        {6: host(6, one), 4: host(4, one), 11: host(11, one)},   # several at a time
        {5: None},                                             # a host less
        {7: host(7, two)},                                     # the first of its behaviour
        {7: None},                                             # and the last
        {6: None, 8: host(8, one)},
    ]  # fmt: skip
    for number, change in enumerate(changes):
        given = {**routes, **change}
        routes = {id_: route for id_, route in given.items() if route is not None}
        config = apply(server, *routes.values())
        assert config.piece is not None, number
        for id_, route in change.items():
            expected = None if route is None else route.upstream.port
            assert served(server, route or host(id_, one)) == expected, number
    assert server.loads == loads
    assert served(server, routes[0]) == one.port


def test_a_host_that_behaves_otherwise_than_before_takes_a_load(
    server: Caddy, origins: Any
) -> None:
    one, two = (origin.upstream for origin in origins)
    routes = [host(number, one) for number in range(MANY)]
    apply(server, *routes)
    loads = server.loads
    config = apply(server, replace(routes[0], upstream=two), *routes[1:])
    assert config.piece is None
    assert served(server, routes[0]) == two.port
    assert server.loads == loads + 1


def test_what_somebody_else_has_changed_between_is_put_right(server: Caddy, origins: Any) -> None:
    routes = [host(number, origins[0].upstream) for number in range(MANY + 1)]
    apply(server, *routes[:MANY])
    at = next(
        index
        for index, route in enumerate(server.api.request("GET", HOSTS).json())
        if "h0.many.test" in route.get("match", [{}])[0].get("host", ())
    )
    reply = server.api.request("DELETE", f"{HOSTS}/{at}/match/0/host/0")
    assert reply.status == HTTPStatus.OK
    assert served(server, routes[0]) is None
    loads = server.loads
    config = apply(server, *routes)
    assert config.piece is not None
    assert server.loads == loads + 1
    assert [served(server, route) for route in routes] == [origins[0].port] * len(routes)


class Interfering(Api):
    """An admin API that somebody else uses just after each look at the configuration."""

    change: Any = None

    def request(self, method: str, path: str, **more: Any) -> Reply:
        reply = super().request(method, path, **more)
        if (method, path) == ("GET", "/config/"):
            done = super().request("PATCH", "/config/admin", json=self.change)
            assert done.status == HTTPStatus.OK
        return reply


def test_a_change_that_comes_between_reading_and_writing_is_put_right(
    server: Caddy, origins: Any
) -> None:
    routes = [host(number, origins[0].upstream) for number in range(MANY + 1)]
    apply(server, *routes[:MANY])
    loads = server.loads
    config = server.adapter.render(routes)
    assert config.piece is not None
    origin = f"127.0.0.1:{server.admin_port}"
    server.api, api = Interfering(f"http://{origin}"), server.api
    server.api.change = {**server.base["admin"], "origins": [origin]}
    server.connect(server.base).apply(config)
    server.api.close()
    server.api = api
    assert server.loads == loads + 1
    assert server.running() == json.loads(config.files["caddy.json"])


@pytest.mark.parametrize("place", ["/apps/nothing/9", "/apps/http/servers/nameplate/routes/99"])
def test_a_piece_that_caddy_refuses_becomes_a_load(server: Caddy, origins: Any, place: str) -> None:
    routes = [host(number, origins[0].upstream) for number in range(MANY + 1)]
    apply(server, *routes[:MANY])
    loads = server.loads
    config = server.adapter.render(routes)
    assert config.piece is not None
    server.adapter.apply(replace(config, piece=replace(config.piece, place=place)))
    assert server.loads == loads + 1
    assert server.running() == json.loads(config.files["caddy.json"])
    assert served(server, routes[-1]) == origins[0].port


def test_a_worker_that_has_restarted_or_a_second_one_loads_what_it_has_not_told(
    server: Caddy, origins: Any
) -> None:
    routes = [host(number, origins[0].upstream) for number in range(MANY + 2)]
    apply(server, *routes[:MANY])
    first = adapters._RENDERED.take(repr(server.adapter._layout))  # what the first one remembers
    assert first is not None
    loads = server.loads
    assert apply(server, *routes[: MANY + 1]).piece is None
    assert server.loads == loads + 1
    adapters._RENDERED.keep(repr(server.adapter._layout), first, 1)
    config = apply(server, *routes)  # the first one again, who does not know of that
    assert config.piece is not None
    assert server.loads == loads + 2
    assert [served(server, route) for route in routes] == [origins[0].port] * len(routes)


def test_a_caddy_that_has_lost_everything_is_filled_again(server: Caddy, origins: Any) -> None:
    routes = [host(number, origins[0].upstream) for number in range(MANY + 1)]
    apply(server, *routes[:MANY])
    server.start_empty()
    apply(server, *routes)
    assert [served(server, route) for route in routes] == [origins[0].port] * len(routes)


def test_what_was_withdrawn_stays_so_until_the_next_whole_configuration(
    server: Caddy, origins: Any
) -> None:
    routes = [host(number, origins[0].upstream) for number in range(MANY + 2)]
    apply(server, *routes[: MANY + 1])
    server.adapter.withdraw([RoutePlace("bnd_0", "h0.many.test", "/")])
    assert served(server, routes[0]) is None
    assert served(server, routes[1]) == origins[0].port
    loads = server.loads
    apply(server, *routes[1:])
    assert server.loads == loads + 1
    assert served(server, routes[0]) is None


@pytest.mark.parametrize("name", ["live/h0.many.test.pem", "asked"])
def test_files_that_somebody_has_removed_are_written_again(
    server: Caddy, origins: Any, name: str
) -> None:
    routes = [host(number, origins[0].upstream) for number in range(MANY + 1)]
    apply(server, *routes[:MANY])
    path = server.adapter.folder / "certs" / name
    for one in [*path.iterdir()] if path.is_dir() else [path]:
        one.unlink()
    apply(server, *routes)
    assert [served(server, route) for route in routes] == [origins[0].port] * len(routes)


def test_where_one_port_cannot_have_both_there_are_two_servers(
    tmp_path: Path, origins: Any
) -> None:
    with Caddy(tmp_path, many=MANY, base={"apps": {"http": {"http_port": 8}}}) as server:
        routes = [host(number, origins[0].upstream) for number in range(MANY + 1)]
        apply(server, *routes[:MANY])
        config = apply(server, *routes)
        assert config.piece is None
        assert [served(server, route) for route in routes] == [origins[0].port] * len(routes)


def test_a_refused_document_keeps_what_was_served(server: Caddy, origins: Any) -> None:
    routes = [host(number, origins[0].upstream) for number in range(MANY + 1)]
    apply(server, *routes[:MANY])
    config = server.adapter.render(routes)
    broken = json.loads(config.files["caddy.json"]) | {"apps": {"nothing": {}}}
    with pytest.raises(Refused):
        server.adapter.apply(
            replace(config, files={"caddy.json": json.dumps(broken).encode()}, piece=None)
        )
    assert [served(server, route) for route in routes] == [origins[0].port] * MANY + [None]
    apply(server, *routes)
