"""Health of a host on a group of servers: what the looks through all of them come to, by thresholds."""

from datetime import timedelta

import pytest
from tests.databases import sessions_over
from tests.usecases.serving.group_rig import CADDY, Group, grouped

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus, HealthStatus
from nameplate.db import database_now
from nameplate.models import Application, Binding, Organization, Server
from nameplate.ports.agents import AgentDirectLook, AgentLook, AgentReport
from nameplate.ports.prober import Failure
from nameplate.usecases.serving import agents, looks, probes, routes

pytestmark = pytest.mark.usefixtures("unpaced")

ONE, TWO = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def group(migrated_sqlite_url: str) -> Group:
    return grouped(sessions_over(migrated_sqlite_url))


def test_one_bad_look_is_told_three_make_it_unhealthy_and_two_good_ones_well(group: Group) -> None:
    group.bind()
    assert group.settle().status is BindingStatus.ACTIVE
    group.broken.update(group.servers)
    row = group.look_at()
    assert (row.health_status, row.failing_since is None) == (HealthStatus.DEGRADED, False)
    told = group.serving()
    assert (told.status, told.reason) == (False, "binding_unhealthy")
    assert told.observed == ("1 health check failed; degraded.",), "not one for each server"
    assert group.look_at().health_status is HealthStatus.DEGRADED
    assert group.look_at().health_status is HealthStatus.UNHEALTHY
    with group.world.sessions.begin(PLATFORM) as session:
        found = looks.series(session, group.binding(), database_now(session))
    assert sum(one.failed for one in found) == 3
    group.broken.clear()
    row = group.look_at()
    assert (row.health_status, row.failing_since) == (HealthStatus.DEGRADED, None)
    assert group.look_at().health_status is HealthStatus.HEALTHY


def test_one_server_that_is_down_makes_nobody_unhealthy(group: Group) -> None:
    group.bind()
    group.settle()
    group.down.add(group.servers[1])
    row = group.look_at(5)
    assert (row.health_status, row.failing_since) == (HealthStatus.DEGRADED, None)
    assert group.serving().status


class _Shared:
    """Two applications at one host, on both servers of the group."""

    def __init__(self, group: Group, **server: str) -> None:
        self.group = group
        group.upstreams = {ONE: 200, TWO: 200}
        with group.world.sessions.begin(PLATFORM) as session:
            owner = group.ids[Organization]
            same = {"organization_id": owner, "upstream_port": 8080}
            session.add(Application(name="Two", upstream_host=TWO, **same))
            for one in group.servers:
                session.get_one(Server, one).proxy = {**CADDY, **server}
        self.bindings = []
        for name in ("Shop", "Two"):
            group.bind(application=name, traffic_weight=100)
            self.bindings.append(group.ids[Binding])

    def sweep(self, times: int = 1) -> Binding:
        """Look at both so many times; return the second one's row."""
        world = self.group.world
        for _ in range(times):
            leases = [world.leased(Binding, one, after=timedelta(0)) for one in self.bindings]
            probes.sweep(world.sessions, world.tools, leases)
        return self.group.binding()

    def weights(self) -> list[list[int]]:
        """Return the weights of both at each server."""
        with self.group.world.sessions.begin(PLATFORM) as session:
            found = [session.get_one(Server, one) for one in self.group.servers]
            wanted = [routes.wanted(session, one.id, one.server_group_id) for one in found]
            return [[one.weight for one in at] for at in wanted]

    def due(self) -> list[bool]:
        """Tell which servers have been woken, and have them sleep again."""
        with self.group.world.sessions.begin(PLATFORM) as session:
            now = database_now(session)
            rows = [session.get_one(Server, one) for one in self.group.servers]
            found = [row.next_action_at is not None and row.next_action_at <= now for row in rows]
            for row in rows:
                row.next_action_at = now + timedelta(hours=1)
            return found


def test_a_target_is_asked_once_and_left_out_at_every_server(group: Group) -> None:
    shared = _Shared(group)
    shared.sweep()
    group.configure()
    assert shared.sweep(2).status is BindingStatus.ACTIVE
    group.looked.clear()
    shared.sweep()
    asked = sorted(one.address for one in group.looked if one.is_upstream)
    assert (asked, len(group.looked)) == ([ONE, TWO], 6), "once each, beside each server"
    shared.due()
    group.upstreams[TWO] = 502
    row = shared.sweep()
    assert (row.failing_since is None, row.held_back_at) == (False, None)
    assert shared.sweep(2).health_status is HealthStatus.UNHEALTHY
    assert (shared.weights(), shared.due()) == ([[100, 0]] * 2, [True, True])
    assert {group.at(one).failures for one in group.servers} == {0}, "no server's fault"
    assert group.led_to() == group.addresses(*group.servers)
    group.configure()
    shared.due()
    group.upstreams[TWO] = 200
    row = shared.sweep(2)
    assert (row.health_status, row.held_back_at) == (HealthStatus.HEALTHY, None)
    assert (shared.weights(), shared.due()) == ([[100, 100]] * 2, [True, True])


def test_what_no_agent_tells_of_takes_no_target_back(group: Group) -> None:
    shared = _Shared(group, reach="agent")
    shared.sweep()
    for _ in range(3):
        for one in group.servers:
            _report(shared, one, AgentDirectLook(status=200))
            group.configure(one)
    assert shared.sweep(2).status is BindingStatus.ACTIVE
    for one in group.servers:
        _report(shared, one, AgentDirectLook(status=200))
    assert shared.sweep().health_memory.is_reached
    for _ in range(3):
        for one in group.servers:
            _report(shared, one, AgentDirectLook(Failure.TIMEOUT))
        row = shared.sweep()
    assert (row.held_back_at is None, shared.weights()) == (False, [[100, 0]] * 2)
    with group.world.sessions.begin(PLATFORM) as session:
        for one in group.servers:
            gone = database_now(session) - agents.SILENT - timedelta(seconds=1)
            session.get_one(Server, one).agent_seen_at = gone
    assert shared.sweep(2).held_back_at is not None, "nobody has looked"
    for _ in range(4):
        for one in group.servers:
            _report(shared, one, AgentDirectLook(status=200))
        row = shared.sweep()
    assert (row.held_back_at, row.health_status) == (None, HealthStatus.HEALTHY)


def _report(shared: _Shared, server: int, second: AgentDirectLook) -> None:
    """Report as an agent that has taken over what there is, and what the second application says."""
    world = shared.group.world
    state = agents.states(world.sessions, world.tools, [server])[server]
    direct = [AgentDirectLook(status=200), second]
    seen = [
        AgentLook(check.id, connected=True, status=200, direct=own)
        for check, own in zip(state.checks, direct, strict=False)
    ]
    told = AgentReport("1.0", state.revision, state.fingerprint, looks=tuple(seen))
    agents.report(world.sessions, server, told)
