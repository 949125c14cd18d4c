"""Targets of one route: each looked at by itself, and left out while others are well."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.usecases.serving.serving_rig import Rig, bound

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus, HealthStatus
from nameplate.edge.snapshot import Snapshot
from nameplate.models import Application, Binding, Server
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget
from nameplate.usecases.serving import hosts, probes, routes, targets

PROXY, ONE, TWO = "192.0.2.1", "10.0.0.1", "10.0.0.2"


@dataclass
class Answers:
    """What answers at each address; nothing does at the others."""

    statuses: dict[str, int] = field(default_factory=lambda: {PROXY: 200, ONE: 200, TWO: 200})
    looked: list[ProbeTarget] = field(default_factory=list)

    def look(self, target: ProbeTarget) -> ProbeResult:
        self.looked.append(target)
        status = self.statuses.get(target.address)
        failure = Failure.CONNECTION_FAILED if status is None else None
        message = "nothing accepts connections at 10.0.0.2" if failure else ""
        return ProbeResult(target, failure, message, status=status, connected=not failure)

    def look_many(self, those: Any) -> list[ProbeResult]:
        return [self.look(one) for one in those]


class Route:
    """Two applications at one host, both seen."""

    def __init__(self, rig: Rig, **second: Any) -> None:
        self.rig, self.answers = rig, Answers()
        rig.world.tools = replace(rig.world.tools, prober=self.answers)
        self.first = rig.ids[Binding]
        with rig.world.sessions.begin(PLATFORM) as session:
            row = session.get_one(Binding, self.first)
            app = Application(
                organization_id=row.organization_id, name="Two", upstream_host=TWO,
                upstream_port=8080,
            )  # fmt: skip
            session.add(app)
            session.flush()
            same = {
                "organization_id": row.organization_id, "hostname": row.hostname,
                "organization_domain_id": row.organization_domain_id, "ssl_enabled": False,
                "server_id": row.server_id, "application_id": app.id,
            }  # fmt: skip
            other = Binding(**{**same, **second})
            session.add(other)
            session.flush()
            self.second = other.id
            for one in (row, other):
                one.status, one.activated_at = BindingStatus.ACTIVE, datetime.now(UTC)
                one.served_server_id, one.health_status = row.server_id, HealthStatus.HEALTHY
            session.get_one(Server, row.server_id).configured_at = datetime.now(UTC)

    def sweep(self, times: int = 1) -> Binding:
        """Look at both so many times; return the second one's row."""
        for _ in range(times):
            leases = [
                self.rig.world.leased(Binding, one, after=timedelta(0))
                for one in (self.first, self.second)
            ]
            probes.sweep(self.rig.world.sessions, self.rig.world.tools, leases)
        return self.row(self.second)

    def row(self, number: int) -> Binding:
        with self.rig.world.sessions.begin(PLATFORM) as session:
            found: Binding = session.get_one(Binding, number)
            return found

    def weights(self) -> list[int]:
        with self.rig.world.sessions.begin(PLATFORM) as session:
            return [one.weight for one in routes.wanted(session, self.rig.ids[Server])]

    def server_is_due(self) -> bool:
        """Tell whether the server was woken; if so, have its proxy told all that the rows say."""
        at = self.rig.read(Server).next_action_at
        is_due = at is not None and at <= datetime.now(UTC)
        with self.rig.world.sessions.begin(PLATFORM) as session:
            server = session.get_one(Server, self.rig.ids[Server])
            server.next_action_at = datetime.now(UTC) + timedelta(hours=1)
            for one in routes.wanted(session, server.id) if is_due else ():
                session.get_one(Binding, one.binding).served_digest = one.digest
        return is_due


@pytest.fixture
def route(migrated_sqlite_url: str) -> Route:
    return Route(bound(sessions_over(migrated_sqlite_url)))


def test_each_target_is_looked_at_by_itself(route: Route) -> None:
    route.sweep()
    assert sorted((one.address, one.is_upstream) for one in route.answers.looked) == [
        (ONE, True), (TWO, True), (PROXY, False), (PROXY, False),
    ]  # fmt: skip
    assert {one.hostname for one in route.answers.looked} == {"acme.com"}


def test_a_target_that_is_down_gets_nothing_until_it_is_well(route: Route) -> None:
    route.sweep()
    route.server_is_due()
    del route.answers.statuses[TWO]
    row = route.sweep()
    assert (row.health_status, row.held_back_at) == (HealthStatus.DEGRADED, None)
    assert row.failing_since is not None, "it is said at once"
    assert "10.0.0.2" not in str(row.error_message)
    assert "connection_failed" in str(row.error_message)
    row = route.sweep(2)
    assert row.health_status is HealthStatus.UNHEALTHY
    assert row.held_back_at is not None
    assert route.weights() == [100, 0]
    assert route.server_is_due()
    assert route.row(route.first).health_status is HealthStatus.HEALTHY
    route.answers.statuses[TWO] = 200
    row = route.sweep()
    assert (row.failing_since, row.held_back_at is None) == (None, False)
    row = route.sweep()
    assert (row.health_status, row.held_back_at) == (HealthStatus.HEALTHY, None)
    assert route.weights() == [100, 100]
    assert route.server_is_due()


def test_the_edge_says_the_same(route: Route) -> None:
    route.sweep()
    route.answers.statuses[TWO] = 502
    route.sweep(3)
    with route.rig.world.sessions.begin(PLATFORM, read_only=True) as session:
        snapshot = Snapshot.of(list(hosts.everything(session)[2]))
    found = snapshot.route("acme.com")
    assert found is not None
    assert [(one.upstream, one.weight) for one in found.route.targets] == [
        ("10.0.0.1:8080", 100), ("10.0.0.2:8080", 0),
    ]  # fmt: skip


def test_when_all_are_down_nothing_is_left_out(route: Route) -> None:
    route.sweep()
    route.answers.statuses = {PROXY: 502}
    route.sweep(4)
    assert route.weights() == [100, 100]
    route.answers.statuses = {PROXY: 502, ONE: 200}
    route.sweep(2)
    assert route.weights() == [100, 0]


def test_what_the_worker_cannot_reach_is_judged_through_the_proxy(route: Route) -> None:
    del route.answers.statuses[TWO]
    row = route.sweep(5)
    assert (row.health_status, row.held_back_at) == (HealthStatus.HEALTHY, None)
    assert route.weights() == [100, 100]


def test_a_proxy_that_is_down_leaves_no_target_out(route: Route) -> None:
    route.sweep()
    del route.answers.statuses[PROXY]
    row = route.sweep(4)
    assert (row.health_status, row.held_back_at) == (HealthStatus.UNHEALTHY, None)
    assert route.weights() == [100, 100]


def test_a_target_that_comes_and_goes_stays_out_for_longer_each_time(route: Route) -> None:
    """Up for a minute, down for a quarter: without damping its proxy would change at each of them."""
    route.sweep()
    route.server_is_due()
    changes = 0
    for _ in range(4):
        for status, looks in ((502, 3), (200, 12)):
            route.answers.statuses[TWO] = status
            for _ in range(looks):
                route.sweep()
                changes += route.server_is_due()
    assert changes == 7, "down and up three times, and down: twelve good looks are not enough then"
    assert route.row(route.second).health_memory.needed == 16


def test_what_is_alone_again_is_left_out_no_more(route: Route) -> None:
    route.sweep()
    route.answers.statuses[TWO] = 502
    route.sweep(3)
    with route.rig.world.sessions.begin(PLATFORM) as session:
        session.get_one(Binding, route.first).status = BindingStatus.DISABLED
    assert route.weights() == [100]
    lease = route.rig.world.leased(Binding, route.second)
    probes.sweep(route.rig.world.sessions, route.rig.world.tools, [lease])
    assert route.row(route.second).held_back_at is None


@pytest.mark.parametrize(
    ("host", "probed_at", "is_looked_at"),
    [
        ("127.0.0.1", "192.0.2.1", False),
        ("127.8.0.1", "192.0.2.1", False),
        ("::1", "192.0.2.1", False),
        ("localhost", "edge.example.net", False),
        ("a.localhost", "edge.example.net", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", None, True),
        ("10.0.0.1", "192.0.2.1", True),
    ],
)
def test_what_is_on_the_proxys_own_machine_is_seen_from_there_only(
    host: str, probed_at: str | None, is_looked_at: bool
) -> None:
    app = Application(upstream_host=host, upstream_port=80)
    row = Binding(hostname="*.acme.com", path="/", health_check_path="/up", health_check_timeout=5)
    found = targets.target(row, app, probed_at)
    assert (found is not None) is is_looked_at
    if found is not None:
        assert (found.hostname, found.path) == ("nameplate-probe.acme.com", "/up")


@pytest.mark.parametrize(
    ("config", "path", "check", "expected"),
    [
        ({"strip_path": True}, "/api", "/api/up", "/up"),
        ({"strip_path": True}, "/api/", "/api/up", "/up"),
        ({"strip_path": True}, "/api", "/api", "/"),
        ({"strip_path": True}, "/api", "/apiary", "/"),
        ({}, "/api", "/", "/api"),
        ({}, "/api/", "/api", "/api"),
        ({}, "/api", "/admin", "/api"),
        ({"strip_path": True}, "/", "/up", "/up"),
        ({}, "/api", "/api/up", "/api/up"),
        ({"upstream_protocol": "h2c"}, "/", "/up", None),
    ],
)
def test_an_application_is_asked_for_what_its_proxy_would_ask(
    config: dict[str, Any], path: str, check: str, expected: str | None
) -> None:
    found = targets.address("10.0.0.1", 80, path, check, config)
    assert (found and found.path) == expected
