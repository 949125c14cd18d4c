"""The primary binding of an application: the first, then whichever is made it, always exactly one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict
from nameplate.core.ids import show
from nameplate.core.lifecycle import DomainStatus
from nameplate.db import Sessions
from nameplate.models import Binding
from nameplate.usecases.serving import bindings

Bind = Callable[..., Binding]


@pytest.fixture
def actor(lite: Session) -> Actor:
    owner = world.organization(lite)
    world.application(lite, owner)
    world.domain(lite, owner, status=DomainStatus.VERIFIED)
    world.server(lite, None, proxy={"type": "caddy"})
    return Actor(owner.id)


@pytest.fixture
def bind(lite: Session, migrated_sqlite_url: str, actor: Actor) -> Bind:
    tools = Offline(sessions_over(migrated_sqlite_url)).tools

    def bound(label: str | None = None, **given: Any) -> Binding:
        fields = {"application": "Shop", "domain": "acme.com", "now": NOW, **given}
        return bindings.add(lite, tools, actor, subdomain=label, **fields)

    return bound


def primary(session: Session) -> list[str]:
    """Return the primary host of the application; one, or none where nothing is bound."""
    session.flush()
    query = session.query(Binding).filter(Binding.deleted_at.is_(None), Binding.is_primary)
    return [row.hostname for row in query]


def test_the_first_is_the_primary_until_another_is_made_it(
    lite: Session, bind: Bind, actor: Actor
) -> None:
    first = bind(is_primary=False)
    bind("b")
    assert primary(lite) == ["acme.com"]
    bind("c", is_primary=True)
    assert primary(lite) == ["c.acme.com"]
    bindings.update(lite, actor, show("bnd", first.id), now=NOW, is_primary=True)
    assert primary(lite) == ["acme.com"]
    with pytest.raises(Conflict) as caught:
        bindings.update(lite, actor, show("bnd", first.id), now=NOW, is_primary=False)
    assert caught.value.code == "primary_needed"


def test_what_redirects_follows_and_the_new_one_serves(
    lite: Session, bind: Bind, actor: Actor
) -> None:
    bind()
    www, api = bind("www", redirect="to_primary"), bind("api", redirect="to_primary")
    api.next_action_at = None
    bindings.update(lite, actor, show("bnd", www.id), now=NOW, is_primary=True)
    assert (www.redirect, www.redirect_to) == ("none", None)
    lite.refresh(api)
    assert api.redirect_to == "www.acme.com"
    assert api.next_action_at == NOW
    assert primary(lite) == ["www.acme.com"]


def test_the_oldest_follows_a_primary_that_goes(lite: Session, bind: Bind, actor: Actor) -> None:
    first, second, third = bind(), bind("b"), bind("c", redirect="to_primary")
    bindings.update(lite, actor, show("bnd", second.id), now=NOW, enabled=False)
    bindings.remove(lite, actor, show("bnd", first.id), NOW)
    assert primary(lite) == ["c.acme.com"]
    assert third.redirect == "none"
    bindings.restore(lite, actor, show("bnd", first.id), NOW)
    assert primary(lite) == ["c.acme.com"]
    for row in (first, second, third):
        bindings.remove(lite, actor, show("bnd", row.id), NOW)
    assert primary(lite) == []
    bind("d")
    bindings.restore(lite, actor, show("bnd", third.id), NOW)
    assert primary(lite) == ["d.acme.com"]


def test_the_database_keeps_one(session: Session) -> None:
    owner = world.organization(session)
    app, domain = world.application(session, owner), world.domain(session, owner)
    world.binding(session, app, domain, is_primary=True, deleted_at=NOW)
    world.binding(session, app, domain, path="/a")
    with pytest.raises(IntegrityError):
        world.binding(session, app, domain, path="/b", is_primary=True)
    session.rollback()


def test_of_several_first_ones_at_the_same_time_one_is_the_primary(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        owner = world.organization(session)
        number = show("app", world.application(session, owner).id)
        domain = show("dom", world.domain(session, owner, status=DomainStatus.VERIFIED).id)
        server = show("srv", world.server(session, None, proxy={"type": "caddy"}).id)
        actor = Actor(owner.id)
    tools = Offline(sessions).tools

    def bind_one(label: str) -> None:
        with sessions.begin(actor) as session:
            bindings.add(
                session, tools, actor,
                application=number, domain=domain, server=server, subdomain=label, now=NOW,
            )  # fmt: skip

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(bind_one, "abcdef"))
    with sessions.begin(PLATFORM) as session:
        assert len(primary(session)) == 1
