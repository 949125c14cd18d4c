"""A host on a group of servers: all serve it, and DNS leads to those that answer."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.databases import sessions_over
from tests.usecases.serving.group_rig import Group, grouped

from nameplate.core.actor import PLATFORM
from nameplate.core.deployment import DeploymentState
from nameplate.core.errors import Refused
from nameplate.core.lifecycle import BindingStatus, HealthStatus
from nameplate.core.turns import Turn
from nameplate.db import database_now
from nameplate.models import Binding, Certificate, Server
from nameplate.usecases.certificates import deployments
from nameplate.usecases.placements import MAX_FAILURES

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture
def group(migrated_sqlite_url: str) -> Group:
    return grouped(sessions_over(migrated_sqlite_url))


@pytest.fixture
def bound(group: Group) -> Group:
    group.bind()
    assert group.settle().status is BindingStatus.ACTIVE
    return group


def test_every_server_serves_the_host_and_dns_leads_to_all(bound: Group) -> None:
    row = bound.binding()
    assert (row.server_id, row.served_server_id, row.health_status) == (
        None, None, HealthStatus.HEALTHY,
    )  # fmt: skip
    assert [bound.machines[one].serves for one in bound.servers] == [{"acme.com": "-"}] * 2
    assert bound.led_to() == bound.addresses(*bound.servers)
    assert bound.serving().reason == "probed"


def test_a_server_that_is_down_leaves_dns_after_three_looks_and_comes_back(bound: Group) -> None:
    first, second = bound.servers
    bound.down.add(second)
    for _ in range(MAX_FAILURES - 1):
        row = bound.look_at()
        assert row.health_status is HealthStatus.DEGRADED
        assert row.status is BindingStatus.ACTIVE
        assert bound.led_to() == bound.addresses(first, second)
    assert row.next_action_at is not None
    assert row.last_health_check_at is not None
    assert row.next_action_at - row.last_health_check_at < timedelta(seconds=10), "looked at soon"
    bound.look_at()
    assert bound.led_to() == bound.addresses(first)
    told = bound.serving()
    assert (told.status, told.reason, told.turn) == (True, "server_behind", Turn.OPERATOR)
    assert "edge 2 (us-east)" in told.message
    bound.down.clear()
    assert bound.look_at().health_status is HealthStatus.HEALTHY
    assert bound.led_to() == bound.addresses(first, second)
    assert bound.serving().reason == "probed"
    kinds = [one for one in bound.events() if one.startswith("binding.server_")]
    assert kinds == ["binding.server_withheld", "binding.server_returned"]


def test_a_server_in_trouble_is_tried_at_once_when_it_answers_again(bound: Group) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    bound.down.add(bound.servers[1])
    bound.look_at()
    with bound.world.sessions.begin(PLATFORM) as session:
        for one in bound.servers:
            server = session.get_one(Server, one)
            server.trouble_code, server.next_action_at = "proxy_down", later
    bound.down.clear()
    bound.look_at()
    with bound.world.sessions.begin(PLATFORM) as session:
        planned = [session.get_one(Server, one).next_action_at for one in bound.servers]
    assert [one == later for one in planned] == [True, False]


def test_the_last_one_never_leaves(bound: Group) -> None:
    first, second = bound.servers
    bound.down.add(second)
    bound.look_at(MAX_FAILURES)
    bound.down.add(first)
    row = bound.look_at(MAX_FAILURES + 2)
    assert row.health_status is HealthStatus.UNHEALTHY
    assert bound.led_to() == bound.addresses(first)
    bound.down.remove(second)
    bound.look_at()
    assert bound.led_to() == bound.addresses(second), "who answers takes over at once"


def test_what_is_wrong_everywhere_at_once_is_no_servers_fault(bound: Group) -> None:
    bound.broken.update(bound.servers)
    row = bound.look_at(MAX_FAILURES + 1)
    assert row.health_status is HealthStatus.UNHEALTHY
    assert bound.led_to() == bound.addresses(*bound.servers)


def test_a_server_that_cannot_be_configured_holds_nobody_up(group: Group) -> None:
    first, second = group.servers
    group.machines[second].failure = Refused("proxy_refused", "Disk full.")
    group.bind()
    assert group.settle().status is BindingStatus.ACTIVE
    told = "edge 2 (us-east): Its proxy cannot be configured: Disk full."
    assert told in group.serving().message, "at once, before any look"
    group.look_at(MAX_FAILURES)
    assert group.led_to() == group.addresses(first)
    assert told in group.serving().message
    group.machines[second].failure = None
    group.configure(second)
    group.look_at(2)
    assert group.led_to() == group.addresses(first, second)


def test_a_new_server_is_led_to_when_it_was_seen_to_serve(bound: Group) -> None:
    with bound.world.sessions.begin(PLATFORM) as session:
        third = bound.server(session)
    bound.join(third)
    bound.look_at(2)
    assert bound.led_to() == bound.addresses(*bound.servers)
    bound.configure(third)
    bound.look_at()
    assert bound.led_to() == bound.addresses(*bound.servers, third)


def test_a_server_that_leaves_stops_serving(bound: Group) -> None:
    first, second = bound.servers
    bound.leave(second)
    assert bound.led_to() == bound.addresses(first)
    bound.configure(second)
    assert bound.machines[second].serves == {}
    with bound.world.sessions.begin(PLATFORM) as session:
        assert session.get(type(bound.at(first)), (bound.ids[Binding], second)) is None
    bound.look_at()
    assert bound.binding().health_status is HealthStatus.HEALTHY


def test_a_certificate_is_deployed_when_every_server_shows_it(group: Group) -> None:
    first, second = group.servers
    serial = group.secure()
    group.bind(ssl_enabled=True)
    group.settle()
    assert _state(group) is DeploymentState.DEPLOYED
    assert group.binding().seen_serial == serial
    group.machines[second].failure = Refused("proxy_refused", "Disk full.")
    newer = group.secure()
    group.configure()
    group.look_at()
    assert group.at(first).seen_serial == newer
    assert group.at(second).seen_serial == serial
    assert group.binding().seen_serial is None, "not the same everywhere"
    assert _state(group) is DeploymentState.DEPLOYING
    group.machines[second].failure = None
    group.configure(second)
    group.look_at()
    assert _state(group) is DeploymentState.DEPLOYED


def test_a_removed_server_is_the_groups_loss_alone(bound: Group) -> None:
    first, second = bound.servers
    with bound.world.sessions.begin(PLATFORM) as session:
        session.get_one(Server, second).deleted_at = database_now(session)
    row = bound.look_at(2)
    assert (row.status, row.health_status) == (BindingStatus.ACTIVE, HealthStatus.HEALTHY)
    assert set(bound.machines[first].serves) == {"acme.com"}


def _state(group: Group) -> DeploymentState:
    with group.world.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, group.ids[Certificate])
        bound = deployments.presenters(session, [row.id])[row.id]
        found = deployments.of(row, bound, database_now(session))
        for state in DeploymentState:
            query = Certificate.visible(PLATFORM)
            named = query.where(deployments.is_in(state, database_now(session)))
            assert (row in session.scalars(named).all()) == (state is found.state)
        return found.state
