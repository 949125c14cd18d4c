"""What is read of several servers at once is told of each server by itself."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.usecases.serving.agent_rows import AgentRows
from tests.usecases.serving.group_rig import grouped

from nameplate.core.actor import PLATFORM
from nameplate.models import Binding, BindingPlacement, Server
from nameplate.usecases.serving import route_rows, routes


@pytest.fixture
def world(migrated_sqlite_url: str) -> AgentRows:
    return AgentRows(sessions_over(migrated_sqlite_url))


def _read(world: Any, statement: Any, servers: list[int]) -> list[tuple[int, int]]:
    """Return the server and the binding of each row."""
    with world.sessions.look() as session:
        found = session.execute(statement, {"servers": servers}).all()
        return [(row[0], row[1]) for row in found]


def test_bindings_on_servers_alone(world: AgentRows) -> None:
    both = list(zip(world.servers, world.bindings, strict=True))
    assert _read(world, route_rows.wanted(together=False), world.servers) == both
    assert _read(world, route_rows.wanted(together=False), world.servers[1:]) == both[1:]
    assert _read(world, route_rows.stopped(together=False), world.servers) == []


def test_bindings_that_move_away(world: AgentRows) -> None:
    here, there = world.servers
    with world.sessions.begin(PLATFORM) as session:
        row = session.get_one(Binding, world.bindings[0])
        session.add(
            BindingPlacement(
                organization_id=row.organization_id, binding_id=row.id, server_id=there,
                leaving_since=datetime.now(UTC),
            )
        )  # fmt: skip
    assert _read(world, route_rows.leaving(), [here]) == []
    assert _read(world, route_rows.leaving(), [here, there]) == [(there, world.bindings[0])]


def test_what_proxies_were_told(world: AgentRows) -> None:
    here, there = world.servers
    assert _read(world, route_rows.served(), [here, there]) == []
    world.change(Binding, world.bindings[0], served_server_id=here, deleted_at=datetime.now(UTC))
    assert _read(world, route_rows.served(), [here, there]) == [(here, world.bindings[0])]
    assert _read(world, route_rows.served(), [there]) == []


def test_bindings_on_groups_are_on_each_of_their_servers(migrated_sqlite_url: str) -> None:
    group = grouped(sessions_over(migrated_sqlite_url))
    group.bind(ssl_enabled=False)
    group.settle()
    with group.world.sessions.begin(PLATFORM) as session:
        (bound,) = session.scalars(Binding.visible(PLATFORM)).all()
        alone = Server(name="alone", address="192.0.2.99", proxy={"type": "nginx"})
        session.add(alone)
        session.flush()
        asked = [*group.servers, alone.id]
        groups = {
            row.id: row.server_group_id for row in session.scalars(Server.visible(PLATFORM)).all()
        }
        wanted = routes.wanted_of_many(session, groups)
    together = _read(group.world, route_rows.wanted(together=True), asked)
    assert sorted(together) == [(server, bound.id) for server in sorted(group.servers)]
    assert {server for server, found in wanted.items() if found} == set(group.servers)
    assert all(one.in_group for found in wanted.values() for one in found)
