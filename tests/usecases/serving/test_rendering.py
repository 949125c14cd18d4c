"""Routes are made of rows once, and again when anything that they say has changed."""

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.usecases.serving.group_rig import Group, secured

from nameplate.core.actor import PLATFORM
from nameplate.models import Application, Binding, Server, ServerGroup
from nameplate.ports.proxy import LaterKeyPair, Route
from nameplate.usecases.serving import rendering, routes

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture
def group(migrated_sqlite_url: str) -> Group:
    return secured(sessions_over(migrated_sqlite_url))


def rendered(group: Group, *, later: bool = True) -> Route:
    sessions = group.world.sessions
    with sessions.begin(PLATFORM) as session:
        server = session.get_one(Server, group.servers[0])
        found = routes.wanted(session, server.id, group.ids[ServerGroup])
        ring = group.world.tools.keyring
        (route,) = rendering.rendered(session, ring, found, server, sessions if later else None)
        return route


def test_a_row_that_says_the_same_is_the_same_route(group: Group) -> None:
    rendered(group)
    known = rendered(group)
    assert isinstance(known.key_pair, LaterKeyPair)
    assert rendered(group) is known


@pytest.mark.parametrize(
    "change",
    [
        sa.update(Binding).values(hsts_enabled=sa.not_(Binding.hsts_enabled)),
        sa.update(Binding).values(force_https=sa.not_(Binding.force_https)),
        sa.update(Binding).values(proxy_config={"max_body_bytes": 5}),
        sa.update(Binding).values(traffic_weight=7),
        sa.update(Application).values(upstream_host="192.0.2.77"),
        sa.update(Application).values(upstream_port=77),
    ],
)
def test_a_row_that_says_anything_else_is_another_route(group: Group, change: sa.Update) -> None:
    rendered(group)
    known = rendered(group)
    with group.world.sessions.begin(PLATFORM) as session:
        session.execute(change)
    now = rendered(group)
    assert now != known
    assert now.key_pair is known.key_pair


def test_another_certificate_is_another_route(group: Group) -> None:
    rendered(group)
    known = rendered(group)
    group.secure()
    rendered(group)
    now = rendered(group)
    assert known.key_pair is not None
    assert now.key_pair is not None
    assert now.key_pair.id != known.key_pair.id


def test_a_route_with_a_whole_certificate_is_not_kept(group: Group) -> None:
    first = rendered(group, later=False)
    assert not isinstance(first.key_pair, LaterKeyPair)
    assert rendered(group, later=False) is not first
