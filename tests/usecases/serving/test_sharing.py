"""Bindings that share a host and path: one route, and what it refuses."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.usecases.offline import Offline

from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.ids import show
from nameplate.core.lifecycle import BindingStatus, DomainStatus
from nameplate.models import Binding, Server
from nameplate.usecases.claims import domains
from nameplate.usecases.serving import applications, bindings, hosts, routes
from nameplate.usecases.tools import Tools

Bind = Callable[..., Binding]


@pytest.fixture
def tools(migrated_sqlite_url: str) -> Tools:
    return Offline(sessions_over(migrated_sqlite_url)).tools


@pytest.fixture
def actor(lite: Session) -> Actor:
    """Return the owner of two applications and a proved domain; two servers could serve."""
    owner = world.organization(lite)
    for name, upstream in (("Shop", "10.0.0.1"), ("New", "10.0.0.2")):
        app = world.application(lite, owner, name=name)
        app.upstream_host, app.upstream_port, app.binding_ports = upstream, 80, [81]
    world.domain(lite, owner, status=DomainStatus.VERIFIED)
    for name in ("one", "two"):
        world.server(lite, None, name=name, proxy={"type": "caddy"})
    return Actor(owner.id)


@pytest.fixture
def bind(lite: Session, tools: Tools, actor: Actor) -> Bind:
    def bound(application: str = "Shop", **given: Any) -> Binding:
        if application == "Shop":
            given.setdefault("server", "one")
        fields = {"domain": "acme.com", "now": NOW, **given}
        row = bindings.add(lite, tools, actor, application=application, **fields)
        row.status = BindingStatus.ACTIVE
        return row

    return bound


@pytest.fixture
def change(lite: Session, actor: Actor) -> Callable[..., Binding]:
    def changed(row: Binding, **changes: Any) -> Binding:
        return bindings.update(lite, actor, show("bnd", row.id), now=NOW, **changes)

    return changed


def code(refused: Callable[[], Any]) -> str:
    with pytest.raises((Conflict, Invalid)) as caught:
        refused()
    return caught.value.code


def test_a_weight_makes_a_binding_a_target_of_the_route(
    lite: Session, bind: Bind, actor: Actor
) -> None:
    first = bind(force_https=False)
    assert code(lambda: bind("New")) == "host_bound"
    second = bind("New", traffic_weight=25)
    third = bind("New", port=81, traffic_weight=0)
    for row in (second, third):
        assert (row.server_id, row.force_https) == (first.server_id, False)
    wanted = routes.wanted(lite, first.server_id or 0)
    assert [(row.upstream_host, row.upstream_port, row.weight) for row in wanted] == [
        ("10.0.0.1", 80, 100), ("10.0.0.2", 80, 25), ("10.0.0.2", 81, 0),
    ]  # fmt: skip
    served = hosts.everything(lite)[2]
    assert {(one.upstream, one.weight) for one in served} == {
        ("10.0.0.1:80", 100), ("10.0.0.2:80", 25), ("10.0.0.2:81", 0),
    }  # fmt: skip
    assert Actor(first.organization_id) == actor


def test_what_a_route_refuses(bind: Bind, change: Callable[..., Binding]) -> None:
    first = bind()
    refusals: tuple[tuple[dict[str, Any], str], ...] = (
        ({"traffic_weight": 101}, "weight_invalid"),
        ({"traffic_weight": 5, "hsts_enabled": False}, "route_settings_differ"),
        ({"traffic_weight": 5, "server": "two"}, "route_elsewhere"),
    )
    for given, refusal in refusals:
        assert code(partial(bind, "New", **given)) == refusal
    assert code(lambda: bind("Shop", traffic_weight=5)) == "host_bound"
    assert code(lambda: bind("Shop", port=80, traffic_weight=5)) == "host_bound"
    other = bind("Shop", port=81, traffic_weight=5)
    assert code(lambda: change(other, port=80)) == "host_bound"
    assert code(lambda: bind("New", path="/new", server="one", traffic_weight=0)) == "route_drained"
    assert change(other, port=81).port == 81
    assert first.port is None


def test_some_target_always_gets_something(
    lite: Session, actor: Actor, bind: Bind, change: Callable[..., Binding]
) -> None:
    first, second = bind(), bind("New", traffic_weight=0)
    assert code(lambda: change(first, traffic_weight=0)) == "route_drained"
    lite.refresh(first)
    assert code(lambda: change(first, enabled=False)) == "route_drained"
    lite.refresh(first)
    assert code(lambda: bindings.remove(lite, actor, show("bnd", first.id), NOW)) == "route_drained"
    change(second, traffic_weight=100)
    change(first, traffic_weight=0)
    bindings.remove(lite, actor, show("bnd", first.id), NOW)
    bindings.remove(lite, actor, show("bnd", second.id), NOW)


def test_a_setting_is_one_of_the_whole_route(
    lite: Session, bind: Bind, change: Callable[..., Binding]
) -> None:
    first, second, beside = bind(), bind("New", traffic_weight=5), bind(path="/a")
    second.next_action_at = None
    change(first, force_https=False)
    lite.flush()
    assert (second.force_https, beside.force_https) == (False, True)
    assert second.next_action_at == NOW
    change(second, server="two")
    two = lite.query(Server).filter_by(name="two").one()
    assert (first.server_id, second.server_id) == (two.id, two.id)
    assert beside.server_id != two.id


def test_what_comes_back_takes_no_traffic(
    lite: Session, tools: Tools, actor: Actor, bind: Bind, change: Callable[..., Binding]
) -> None:
    first = bind()
    change(first, enabled=False)
    second = bind("New", force_https=False)
    assert code(lambda: change(first, enabled=True)) == "host_bound"
    lite.refresh(first)
    assert code(lambda: change(first, enabled=True, force_https=True, traffic_weight=5)) == (
        "route_settings_differ"
    )
    lite.refresh(first)
    change(first, enabled=True, traffic_weight=5)
    assert (first.force_https, first.traffic_weight) == (False, 5)
    bindings.remove(lite, actor, show("bnd", first.id), NOW)
    bindings.restore(lite, actor, show("bnd", first.id), NOW)
    assert (first.traffic_weight, second.traffic_weight) == (0, 100)
    change(first, traffic_weight=100)
    applications.remove(lite, actor, "New", NOW)
    applications.restore(lite, actor, "New", NOW)
    lite.refresh(second)
    assert second.traffic_weight == 0
    change(second, traffic_weight=100)
    domains.remove(lite, tools, actor, "acme.com", NOW)
    domains.restore(lite, tools, actor, "acme.com", NOW)
    assert [row.traffic_weight for row in lite.query(Binding).order_by(Binding.id)] == [100, 100]


def test_the_database_keeps_one_binding_of_one_address(session: Session) -> None:
    owner = world.organization(session)
    app, domain = world.application(session, owner), world.domain(session, owner)
    world.binding(session, app, domain)
    world.binding(session, app, domain, port=81, traffic_weight=5)
    with pytest.raises(IntegrityError):
        world.binding(session, app, domain, port=81)
    session.rollback()


def test_a_route_of_two_organizations_is_of_none(lite: Session, bind: Bind, actor: Actor) -> None:
    """Another claim of the name, made by somebody who proves nothing, changes nothing."""
    first = bind()
    stranger = world.organization(lite)
    app = world.application(lite, stranger, name="Theirs")
    app.upstream_host, app.upstream_port = "10.6.6.6", 80
    claim = world.domain(lite, stranger)
    world.binding(lite, app, claim, server_id=first.server_id, status=BindingStatus.ACTIVE)
    wanted = routes.wanted(lite, first.server_id or 0)
    assert [row.organization for row in wanted] == [actor.organization_id]


def test_a_route_has_one_set_of_passwords(bind: Bind, change: Callable[..., Binding]) -> None:
    def asked(password: str) -> dict[str, Any]:
        return {"basic_auth": {"users": [{"name": "anna", "password": password}]}}

    first = bind(proxy_config=asked("correct horse"))
    second = bind("New", traffic_weight=50, proxy_config=asked("correct horse"))
    assert second.proxy_config == first.proxy_config != asked("correct horse")
    wrong = partial(bind, port=81, traffic_weight=50, proxy_config=asked("another one"))
    assert code(wrong) == "route_settings_differ"
    before = first.proxy_config
    change(second, proxy_config=asked("another one"))
    assert first.proxy_config == second.proxy_config != before
