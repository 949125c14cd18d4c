"""Servers: own and shared ones."""

import pytest
from tests.models import world as rows
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, NotFound, NotPermitted
from nameplate.db import Sessions, database_now
from nameplate.models import Binding
from nameplate.usecases.serving import applications, servers
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools


@pytest.fixture
def tools(sessions: Sessions) -> Tools:
    return Offline(sessions).tools


def test_shared_servers_are_seen_and_left_alone(sessions: Sessions, tools: Tools) -> None:
    with sessions.begin(PLATFORM) as session:
        acme = organizations.add(session, PLATFORM, name="Acme")
        organizations.add(session, PLATFORM, name="Globex")
        servers.add(
            session,
            tools,
            PLATFORM,
            now=database_now(session),
            name="shared",
            address="a.example",
            proxy={"type": "memory"},
        )
        servers.add(
            session,
            tools,
            PLATFORM,
            now=database_now(session),
            name="theirs",
            address="b.example",
            organization="globex",
        )
    actor = Actor(acme.id)
    with sessions.begin(actor) as session:
        own = servers.add(
            session, tools, actor, now=database_now(session), name="own", address="c.example"
        )
        assert own.organization_id == acme.id
    with sessions.begin(actor) as session:
        assert {row.name for row in servers.page(session, actor, limit=9)} == {"shared", "own"}
        with pytest.raises(NotFound):
            servers.get(session, actor, "theirs")
        with pytest.raises(NotPermitted):
            servers.update(session, tools, actor, "shared", database_now(session), name="mine")
        with pytest.raises(NotPermitted):
            servers.remove(session, actor, "shared", database_now(session))
        with pytest.raises(NotPermitted):
            servers.add(
                session,
                tools,
                actor,
                now=database_now(session),
                name="x",
                address="d.example",
                proxy={"type": "caddy"},
            )
        servers.remove(session, actor, "own", database_now(session))


def test_a_change_wakes_the_proxy(sessions: Sessions, tools: Tools) -> None:
    with sessions.begin(PLATFORM) as session:
        servers.add(
            session, tools, PLATFORM, now=database_now(session), name="edge", address="a.example"
        )
        now = database_now(session)
        row = servers.update(session, tools, PLATFORM, "edge", now, address="b.example")
        assert (row.address, row.next_action_at) == ("b.example", now)


def test_a_server_with_bindings_is_not_removed_by_accident(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        owner = rows.organization(session)
        domain, app = rows.domain(session, owner), rows.application(session, owner)
        server = rows.server(session, None, name="edge-x", configured_fingerprint="x")
        for number in range(7):
            rows.binding(
                session, app, domain, server_id=server.id, subdomain=f"h{number}",
                hostname=f"h{number}.acme.com",
            )  # fmt: skip
    with pytest.raises(Conflict) as raised, sessions.begin(PLATFORM) as session:
        servers.remove(session, PLATFORM, "edge-x", database_now(session))
    assert raised.value.code == "in_use"
    assert "7 bindings: h0.acme.com" in raised.value.detail
    assert "and 2 more" in raised.value.detail
    with sessions.begin(PLATFORM) as session:
        servers.remove(session, PLATFORM, "edge-x", database_now(session), force=True)
    with sessions.begin(PLATFORM) as session:
        back = servers.restore(session, PLATFORM, "edge-x", database_now(session))
        assert (back.deleted_at, back.configured_fingerprint) == (None, None)
        assert back.next_action_at is not None


def test_an_application_comes_back_with_its_bindings(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        owner = rows.organization(session)
        app = rows.application(session, owner, name="Lost")
        made = rows.binding(session, app, rows.domain(session, owner))
    with sessions.begin(PLATFORM) as session:
        applications.remove(session, PLATFORM, "Lost", database_now(session))
    with sessions.begin(PLATFORM) as session:
        applications.restore(session, PLATFORM, "Lost", database_now(session))
        assert session.get_one(Binding, made.id).deleted_at is None
