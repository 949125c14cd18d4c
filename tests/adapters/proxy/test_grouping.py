"""Rendering a few changes among many routes says what rendering all of them anew does."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nameplate.adapters.http.client import Api
from nameplate.adapters.proxy import remembered, traefik_documents
from nameplate.adapters.proxy.caddy import Caddy
from nameplate.adapters.proxy.caddy_rendering import CaddyRendering
from nameplate.adapters.proxy.grouping import Grouping, reorder
from nameplate.adapters.proxy.nginx_fragments import Layout
from nameplate.adapters.proxy.nginx_names import Names
from nameplate.adapters.proxy.nginx_operator import OwnDirectives
from nameplate.adapters.proxy.nginx_rendering import NginxRendering
from nameplate.adapters.proxy.sites import group
from nameplate.adapters.proxy.traefik_rules import TraefikLayout
from nameplate.core.errors import Refused
from nameplate.core.route_settings import RouteSettings, Timeouts
from nameplate.core.secret import Secret
from nameplate.ports.proxy import Config, KeyPair, Redirect, Route, RouteRefused, Upstream

ROUNDS = 150
MANY = 6


def nginx(_folder: Path, _place: str) -> Callable[[list[Route]], Config]:
    names = Names(("192.0.2.53",))
    layout = Layout(Path("/n"), ("80",), ("443",), None, 443, names, watched=True)
    made = NginxRendering(layout, MANY, {})
    return lambda routes: made.config(routes, OwnDirectives(), "")


def caddy_of(folder: Path, place: str) -> Caddy:
    return Caddy(
        Api(f"http://{place}.test"), folder, [":80"], [":443"], many=MANY, certificates_port=9,
        challenge_upstream=Upstream("127.0.0.1", 8080), public_https_port=len(place),
    )  # fmt: skip


def caddy(folder: Path, place: str) -> Callable[[list[Route]], Config]:
    return caddy_of(folder, place).render


def traefik(_folder: Path, place: str) -> Callable[[list[Route]], Config]:
    layout = TraefikLayout("web", "websecure", Upstream("127.0.0.1", 8080), 443, shared=True)
    return lambda routes: traefik_documents.render(layout, "/n", routes, place)


def drawn(chance: random.Random, number: int) -> Route:
    """Return any route; a few of them cannot be served, or contradict others."""
    host = f"h{chance.randrange(12)}.example.test"
    host = chance.choice([host, host, host, host, "*.example.test", "*.wide.test", "a.wide.test"])
    pair = KeyPair(f"crt_{chance.randrange(3)}-1", "bundle", Secret("key"))
    settings = chance.choice(
        [RouteSettings(), RouteSettings(), RouteSettings(min_tls_version="1.3"),
         RouteSettings(timeouts=Timeouts(response=9))]
    )  # fmt: skip
    return Route(
        f"bnd_{number}",
        host if chance.random() > 0.02 else "not a host",
        chance.choice(["/", "/", "/", "/shop"]),
        Upstream(chance.choice(["192.0.2.1", "192.0.2.2", "app.test"]), 80),
        chance.choice([pair, pair, None]),
        force_https=chance.random() > 0.3,
        hsts=chance.random() > 0.3,
        weight=chance.choice([100, 100, 0]),
        redirect=chance.choice([None, None, None, Redirect("www.example.test")]),
        settings=settings,
        answer=chance.choice([None, None, None, 410]),
    )


def told(render: Callable[[list[Route]], Config], routes: list[Route]) -> Any:
    """Return all that a configuration says, or why there is none."""
    try:
        config = render(routes)
    except RouteRefused as error:
        return error.code, dict(error.reasons)
    return (
        dict(config.files),
        {name: key.reveal() for name, key in config.secrets.items()},
        dict(config.owners),
        {name: config.content(name) for name in config.later},
        getattr(config, "asked", None),
        set(getattr(config, "loaded", ())),
    )


@pytest.mark.parametrize("make", [nginx, caddy, traefik])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_changes_the_configuration_is_the_same_as_a_new_one(
    tmp_path: Path, make: Any, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "FEW", 0)
    chance = random.Random(seed)
    remembering = make(tmp_path, "one")
    routes: dict[str, Route] = {}
    served = refused = 0
    for number in range(ROUNDS):
        for _ in range(chance.choice([1, 1, 1, 4])):
            if routes and chance.random() < 0.4:
                del routes[chance.choice(sorted(routes))]
            known = chance.choice([*routes, f"bnd_{number}"])
            routes[known] = drawn(chance, int(known.removeprefix("bnd_")))
        while True:
            given = list(routes.values())
            chance.shuffle(given)
            found = told(remembering, given)
            anew = _anew(tmp_path) if make is caddy else make(tmp_path, f"{number} {refused}")
            assert found == told(anew, given)
            if isinstance(found[0], dict):
                served += 1
                break
            refused += 1
            routes = {one: route for one, route in routes.items() if one not in found[1]}
    assert served == ROUNDS
    assert refused > ROUNDS / 10


def _anew(folder: Path) -> Callable[[list[Route]], Config]:
    """Return a rendering by the Caddy `one` of which nothing is remembered."""
    adapter = caddy_of(folder, "one")
    return lambda routes: CaddyRendering(adapter._layout).config(routes)


def route(number: int, **more: Any) -> Route:
    return Route(f"bnd_{number}", f"h{number}.test", "/", Upstream("192.0.2.1", 80), **more)


def test_only_hosts_that_change_are_grouped_again() -> None:
    known = Grouping()
    routes = [route(number) for number in range(5)]
    assert set(known.regroup(routes).come) == {f"h{number}.test" for number in range(5)}
    changed = [replace(routes[0], hsts=False), *map(replace, routes[1:4]), route(9)]
    change = known.regroup(changed)
    assert set(change.gone) == {"h0.test", "h4.test"}
    assert set(change.come) == {"h0.test", "h9.test"}
    assert sorted(known.sites.values(), key=lambda one: one.hostname) == list(group(changed))


def test_a_refusal_changes_nothing_of_what_is_known() -> None:
    known = Grouping()
    good = [route(1), route(2)]
    known.regroup(good)
    for bad, code in (
        ([*good, route(1)], "route_repeated"),
        ([good[0], good[0]], "route_repeated"),
        ([*good, replace(route(3), hostname="no host")], "hostname_invalid"),
        ([good[0], replace(route(2), hostname="h1.test", hsts=False)], "route_settings_differ"),
    ):
        with pytest.raises(Refused) as caught:
            known.regroup(bad)
        assert caught.value.code == code
        assert set(known.routes) == {"bnd_1", "bnd_2"}
    assert known.regroup(good[::-1]).come == {}


def test_a_pair_of_the_same_name_with_another_key_is_another_one() -> None:
    known = Grouping()
    good = KeyPair("crt_1-1", "bundle", Secret("good"))
    known.regroup([route(1, key_pair=good)])
    wrong = replace(good, private_key=Secret("wrong"))
    change = known.regroup([route(1, key_pair=wrong)])
    assert set(change.paired) == {"h1.test"}
    assert change.paired["h1.test"].key_pair is wrong
    assert not change.come
    other = replace(good, bundle="another")
    assert set(known.regroup([route(1, key_pair=other)]).come) == {"h1.test"}


def test_a_key_that_was_read_anew_is_the_one_that_is_told(tmp_path: Path) -> None:
    good = KeyPair("crt_1-1", "bundle", Secret("good"))
    for make in (nginx, caddy, traefik):
        render = make(tmp_path, "pairs")
        many = [route(number) for number in range(2, 30)]
        assert told(render, [route(1, key_pair=replace(good, private_key=Secret("wrong"))), *many])
        config = render([route(1, key_pair=good), *many])
        assert [key.reveal() for key in config.secrets.values()] == ["good"]


@pytest.mark.parametrize("count", [3, 1000])
def test_names_stay_in_order(count: int) -> None:
    order = ["b", "d"]
    come = [f"c{number:04}" for number in range(count)]
    reorder(order, ["b", "x"], [*come, "d"])
    assert order == [*come, "d"]
