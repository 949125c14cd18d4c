"""Agents and APIs of different versions: whoever is older gets what it understands."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.usecases.serving.agent_rows import AgentRows

from nameplate.core import value_codec
from nameplate.core.agent_protocol import NEWEST
from nameplate.core.basic_auth import AuthUser, BasicAuth
from nameplate.core.lifecycle import BindingStatus
from nameplate.core.route_settings import Hsts, RouteSettings, Sticky, Timeouts
from nameplate.core.secret import Secret
from nameplate.models import Binding
from nameplate.ports.agents import AgentCheck, AgentState
from nameplate.ports.proxy import KeyPair, Redirect, Route, Upstream
from nameplate.usecases.serving import agent_versions
from nameplate.usecases.serving.proxies import AGAIN_AFTER_REFUSAL

FIRST: dict[type[Any], set[str]] = {
    AgentState: {"server", "revision", "fingerprint", "address", "proxy", "routes", "checks"},
    AgentCheck: {"id", "hostname", "path", "scheme", "interval", "timeout"},
    Route: {"id", "hostname", "path", "upstream", "key_pair", "force_https", "hsts"},
    Upstream: {"host", "port"},
    KeyPair: {"id", "bundle", "private_key"},
}
"""What agents have known since the first version."""
SINCE: dict[type[Any], dict[str, int]] = {
    AgentCheck: {"upstream": 2, "upstream_path": 2},
    Route: dict(agent_versions.ROUTES),
    RouteSettings: dict.fromkeys((one.name for one in fields(RouteSettings)), 2)
    | dict(agent_versions.SETTINGS),
    Redirect: {"hostname": 2, "status": 2},
    Hsts: {"max_age": 2, "include_subdomains": 2, "preload": 2},
    Sticky: {"cookie": 2},
    Timeouts: {"connect": 2, "response": 2},
    BasicAuth: {"users": 3, "realm": 3},
    AuthUser: {"name": 3, "password_hash": 3},
}
PAIR = KeyPair("crt_1-1", "bundle", Secret("key"))
USERS = BasicAuth(users=(AuthUser(name="anna", password_hash="$2b$08$" + 53 * "x"),))


def route(number: int, **more: Any) -> Route:
    return Route(
        f"bnd_{number}",
        f"h{number}.test",
        "/",
        Upstream("10.0.0.1", 80),
        **{"key_pair": PAIR, **more},
    )


ROUTES = {
    1: route(1),
    2: route(2, weight=40),
    3: route(3, settings=RouteSettings(basic_auth=USERS)),
    4: route(4, settings=RouteSettings(allow_ips=("192.0.2.1",)), edges=("198.51.100.0/24",)),
    5: route(5, settings=RouteSettings(min_tls_version="1.3")),
    6: route(6, redirect=Redirect("www.h6.test")),
    7: route(7, answer=410),
    8: route(
        8,
        settings=RouteSettings(
            timeouts=Timeouts(connect=5), hsts=Hsts(max_age=60), sticky=Sticky()
        ),
    ),
    9: replace(route(9, weight=50), hostname="shared.test"),
    10: replace(route(10, weight=50), hostname="shared.test"),
    11: route(11, weight=0),
}
CHECK = AgentCheck("bnd_1", "h1.test", "/", upstream="10.0.0.1:80", upstream_path="/a")
STATE = AgentState("srv_1", 7, "f", "192.0.2.1", {}, tuple(ROUTES.values()), (CHECK,))


def test_every_field_that_travels_says_since_when() -> None:
    """Whoever adds one says since which version agents know it: older ones refuse all that they do not."""
    seen: set[type[Any]] = set()
    waiting: list[Any] = [STATE]
    while waiting:
        one = waiting.pop()
        if is_dataclass(one) and not isinstance(one, type):
            seen.add(type(one))
            known = FIRST.get(type(one), set()) | SINCE.get(type(one), {}).keys()
            assert {field.name for field in fields(one)} == known, type(one)
            assert max(SINCE.get(type(one), {}).values(), default=1) <= NEWEST
            waiting += [getattr(one, field.name) for field in fields(one)]
        elif isinstance(one, tuple):
            waiting += one
    assert seen == FIRST.keys() | SINCE.keys(), "each is tried here"


def understood(value: Any, version: int) -> None:
    """Assert that a value says nothing that an agent of this version does not know."""
    if isinstance(value, tuple):
        for one in value:
            understood(one, version)
    if not is_dataclass(value) or isinstance(value, type):
        return
    document = value_codec.encoded(value)
    known = FIRST.get(type(value), set()) | {
        name for name, first in SINCE.get(type(value), {}).items() if first <= version
    }
    assert document.keys() <= known, (type(value), version)
    for name in document:
        understood(getattr(value, name), version)


@pytest.mark.parametrize(
    ("version", "served"),
    [(1, {1, 2}), (2, {1, 2, 6, 7, 8, 9, 10, 11}), (3, set(ROUTES)), (9, set(ROUTES))],
)
def test_an_agent_is_told_what_it_can_serve_as_it_is_meant(version: int, served: set[int]) -> None:
    told = agent_versions.narrowed(STATE, version)
    understood(told, version)
    assert {one.id for one in told.routes} == {f"bnd_{number}" for number in served}
    if version >= 2:
        assert all(one in STATE.routes for one in told.routes), "nothing is cut down"
    reasons = agent_versions.left_out(STATE.routes, version)
    assert reasons.keys() == {f"bnd_{number}" for number in ROUTES.keys() - served}
    assert all("Upgrade Nameplate" in why for why in reasons.values())
    assert "`edges`" in reasons.get("bnd_4", "`edges`") or version == 1


@pytest.fixture
def world(migrated_sqlite_url: str) -> AgentRows:
    return AgentRows(sessions_over(migrated_sqlite_url))


def test_a_route_that_an_agent_is_too_old_for_costs_no_other_and_is_served_after_the_upgrade(
    world: AgentRows,
) -> None:
    api = world.share(0, "/api")
    world.change(Binding, api, proxy_config={"min_tls_version": "1.3"})
    whole = world.bindings[0]
    world.reconcile()
    world.report(protocol=2)
    world.reconcile()  # what the agent gets is another thing, now that its version is known
    world.report(protocol=2)
    server = world.reconcile()
    failed = world.read(Binding, api)
    assert failed.status is BindingStatus.ERROR
    assert "too old for `min_tls_version`" in (failed.error_message or "")
    assert world.read(Binding, whole).served_server_id == server.id
    assert server.trouble_code is None

    world.report(protocol=3)
    before = server.offered_revision
    assert world.reconcile().offered_revision > before, "the agent asks for all of it again"
    binding = world.leased(Binding, api, after=AGAIN_AFTER_REFUSAL)
    world.sweep(binding)
    world.reconcile()
    world.report(protocol=3)
    world.reconcile()
    assert world.read(Binding, api).served_server_id == server.id
