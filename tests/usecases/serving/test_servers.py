"""Servers: own and shared ones."""

import pytest
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import NotFound, NotPermitted
from nameplate.db import Sessions, database_now
from nameplate.usecases.serving import servers
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
