"""Bindings: which application answers at which host; what is asked for and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.core.ids import show
from nameplate.core.lifecycle import BindingStatus, DomainStatus
from nameplate.models import Application, Binding, Organization, ProxyType, Server
from nameplate.usecases.serving import bindings, routes
from nameplate.usecases.tools import Tools

CADDY, NGINX = {"type": "caddy"}, {"type": "nginx"}
Bind = Callable[..., Binding]


@pytest.fixture
def tools(migrated_sqlite_url: str) -> Tools:
    return Offline(sessions_over(migrated_sqlite_url)).tools


@pytest.fixture
def actor(lite: Session) -> Actor:
    """Return the owner of an application and a proved domain; the platform has one server."""
    owner = world.organization(lite)
    world.application(lite, owner)
    world.domain(lite, owner, status=DomainStatus.VERIFIED)
    world.server(lite, None, proxy=CADDY)
    return Actor(owner.id)


@pytest.fixture
def bind(lite: Session, tools: Tools, actor: Actor) -> Bind:
    def bound(**given: Any) -> Binding:
        fields = {"application": "Shop", "domain": "acme.com", "now": NOW, **given}
        return bindings.add(lite, tools, actor, **fields)

    return bound


def test_the_only_server_is_taken(bind: Bind) -> None:
    row = bind(subdomain="www", path="/shop", health_check_path="/up")
    assert (row.hostname, row.path, row.proxy_type) == ("www.acme.com", "/shop", ProxyType.CADDY)
    assert (row.status, row.next_action_at) == (BindingStatus.PENDING, NOW)
    assert row.health_check_path == "/up"


def test_of_several_servers_one_is_named(lite: Session, bind: Bind) -> None:
    nginx = world.server(lite, None, name="other", proxy=NGINX)
    with pytest.raises(Invalid) as caught:
        bind()
    assert caught.value.code == "server_required"
    assert show("srv", nginx.id) in caught.value.detail
    assert bind(proxy_type="nginx").server_id == nginx.id


def test_without_a_server_the_operator_is_asked(lite: Session, bind: Bind) -> None:
    for row in lite.query(Server):
        row.proxy = None
    lite.flush()
    with pytest.raises(Invalid, match="operator"):
        bind()


def test_a_host_and_path_lead_to_one_application(lite: Session, bind: Bind, actor: Actor) -> None:
    first = bind()
    bind(path="/shop")
    with pytest.raises(Conflict) as caught:
        bind()
    assert caught.value.code == "host_bound"
    bindings.update(lite, actor, show("bnd", first.id), now=NOW, enabled=False)
    world.application(lite, lite.get_one(Organization, actor.organization_id), name="New")
    bind(application="New")
    with pytest.raises(Conflict):
        bindings.update(lite, actor, show("bnd", first.id), now=NOW, enabled=True)


def test_what_is_disabled_is_enabled_and_not_bound_anew(
    lite: Session, bind: Bind, actor: Actor
) -> None:
    first = bind(path="/shop")
    bindings.update(lite, actor, show("bnd", first.id), now=NOW, enabled=False)
    with pytest.raises(Conflict, match="Enable or remove") as caught:
        bind(path="/shop")
    assert caught.value.code == "host_bound"
    assert show("bnd", first.id) in caught.value.detail
    bindings.remove(lite, actor, show("bnd", first.id), NOW)
    assert bind(path="/shop").id != first.id


def test_names_below_a_wildcard(lite: Session, bind: Bind, actor: Actor) -> None:
    owner = lite.get_one(Organization, actor.organization_id)
    world.domain(lite, owner, "wild.com", subdomain="*", status=DomainStatus.VERIFIED)
    assert bind(domain="*.wild.com").hostname == "*.wild.com"
    assert bind(domain="*.wild.com", subdomain="a").hostname == "a.wild.com"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"path": "shop"}, "path_invalid"),
        ({"path": "/a//b"}, "path_invalid"),
        ({"path": "/a;b"}, "path_invalid"),
        ({"path": "/a\nb"}, "path_invalid"),
        ({"health_check_path": "x"}, "path_invalid"),
        ({"health_check_interval": 1}, "seconds_invalid"),
        ({"health_check_timeout": 61}, "seconds_invalid"),
        ({"subdomain": "a..b"}, "name_label_empty"),
    ],
)
def test_what_cannot_be_is_refused(bind: Bind, given: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        bind(**given)
    assert caught.value.code == code


def test_an_application_of_somebody_else_is_not_there(
    lite: Session, tools: Tools, actor: Actor
) -> None:
    world.application(lite, world.organization(lite), name="Theirs")
    for who in (actor, PLATFORM):
        with pytest.raises(NotFound) as caught:
            bindings.add(lite, tools, who, application="Theirs", domain="acme.com", now=NOW)
        assert caught.value.code == "application_not_found"


def test_a_binding_by_id_or_host(lite: Session, bind: Bind, actor: Actor) -> None:
    row = bind()
    assert bindings.get(lite, actor, "ACME.com.") is row
    assert bindings.get(lite, actor, show("bnd", row.id)) is row
    bind(path="/shop")
    with pytest.raises(Conflict) as caught:
        bindings.get(lite, actor, "acme.com")
    assert caught.value.code == "reference_ambiguous"
    with pytest.raises(NotFound):
        bindings.get(lite, Actor(world.organization(lite).id), "acme.com")
    assert len(bindings.page(lite, actor, limit=9, domain="acme.com", status="pending")) == 2
    assert bindings.page(lite, actor, limit=9, status="active") == []


def test_moving_wakes_both_servers(lite: Session, bind: Bind, actor: Actor) -> None:
    row = bind()
    left = lite.get_one(Server, row.server_id)
    other = world.server(lite, None, name="other", proxy=NGINX)
    row.configure()
    left.next_action_at = other.next_action_at = None
    bindings.update(lite, actor, "acme.com", now=NOW, server=show("srv", other.id))
    assert (row.server_id, row.proxy_type) == (other.id, ProxyType.NGINX)
    assert row.status is BindingStatus.PENDING
    for server in (left, other):
        lite.refresh(server)
    assert left.next_action_at == other.next_action_at == NOW
    left.next_action_at = None
    bindings.update(lite, actor, "acme.com", now=NOW, server=show("srv", other.id))
    lite.refresh(left)
    assert left.next_action_at is None


def test_only_some_things_can_be_changed(lite: Session, bind: Bind, actor: Actor) -> None:
    row = bind()
    bindings.update(lite, actor, "acme.com", now=NOW, metadata={"a": "b"}, force_https=False)
    assert (row.metadata_, row.force_https) == ({"a": "b"}, False)
    with pytest.raises(Invalid) as caught:
        bindings.update(lite, actor, "acme.com", now=NOW, hostname="x.com")
    assert caught.value.code == "field_unknown"


def test_removed_and_brought_back(lite: Session, bind: Bind, actor: Actor) -> None:
    row = bind()
    reference = show("bnd", row.id)
    bindings.remove(lite, actor, reference, NOW)
    assert (row.deleted_at, row.next_action_at) == (NOW, NOW)
    with pytest.raises(NotFound):
        bindings.check(lite, actor, reference, NOW)
    bindings.restore(lite, actor, reference, NOW)
    assert bindings.get(lite, actor, reference) is row
    with pytest.raises(NotFound):
        bindings.restore(lite, actor, reference, NOW)
    bindings.remove(lite, actor, reference, NOW)
    bind()
    with pytest.raises(Conflict):
        bindings.restore(lite, actor, reference, NOW)


def test_how_a_host_is_served(lite: Session, bind: Bind, actor: Actor) -> None:
    nginx = world.server(lite, None, name="other", proxy=NGINX)
    caddy = lite.query(Server).filter(Server.id != nginx.id).one()
    row = bind(
        server=show("srv", caddy.id),
        proxy_config={"upstream_protocol": "h2c", "timeouts": {"response": 60}},
    )
    lite.flush()
    app = lite.get_one(Application, row.application_id)
    before = routes.of_binding(row, app, None)
    with pytest.raises(Invalid) as caught:
        bindings.update(lite, actor, "acme.com", now=NOW, server=show("srv", nginx.id))
    assert caught.value.code == "setting_unsupported"
    lite.refresh(row)
    with pytest.raises(Invalid) as caught:
        bindings.update(lite, actor, "acme.com", now=NOW, proxy_config={"timeouts": {"conect": 1}})
    assert caught.value.problems[0].pointer == "/proxy_config/timeouts/conect"
    lite.refresh(row)
    bindings.update(lite, actor, "acme.com", now=NOW, proxy_config=None)
    assert row.proxy_config is None
    assert set(routes.of_binding(row, app, None)).isdisjoint(before)
    with pytest.raises(Invalid):
        bind(path="/grpc", server=show("srv", nginx.id), proxy_config={"upstream_protocol": "h2c"})
