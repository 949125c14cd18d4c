"""Many servers that agents configure, worked on in one step."""

import pytest
from tests.databases import sessions_over
from tests.usecases.serving.agent_rows import AgentRows

from nameplate.models import Binding, Certificate, Server
from nameplate.usecases.serving import agents, agents_together

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture
def world(migrated_sqlite_url: str) -> AgentRows:
    return AgentRows(sessions_over(migrated_sqlite_url))


def test_many_agents_are_offered_what_is_new_in_one_step(world: AgentRows) -> None:
    """Also what they have taken over is noted together; what is more than that is left to a step alone."""
    for number in (0, 1):
        world.reconcile(number)
        world.report(number)
        world.reconcile(number)
    assert set(world.servers) <= agents.CONFIGURED
    assert together(world) == [], "nothing is new"
    for number in (0, 1):
        world.change(Server, world.servers[number], address=f"edge{number}.example.net")
    before = [world.read(Server, one).offered_revision for one in world.servers]
    assert together(world) == []
    after = [world.read(Server, one) for one in world.servers]
    assert [one.offered_revision for one in after] == [one + 1 for one in before]
    assert {one.lease_until for one in after} == {None}
    world.report(0)
    world.report(1, code="proxy_refused", message="no")
    assert together(world) == [world.servers[1]], "a failure is told by its own step"
    assert world.read(Server, world.servers[0]).configured_fingerprint == world.state(0).fingerprint
    certificate = world.read(Binding, world.bindings[0]).ssl_certificate_id
    world.change(Certificate, certificate, generation=2, serial_number="ff")
    together(world)
    world.report(0)
    assert world.servers[0] in together(world), "a binding is to be told"
    world.reconcile(0)
    assert world.read(Binding, world.bindings[0]).served_serial == "ff"
    world.change(Server, world.servers[0], agent_seen_at=None)
    assert world.servers[0] in together(world)


def together(world: AgentRows) -> list[int]:
    """Have a worker take one step with all servers; return those that it left."""
    leases = [world.leased(Server, one) for one in world.servers]
    outcomes, left = agents_together.reconcile(world.sessions, world.tools, leases)
    assert outcomes == []
    for one in left:
        world.change(Server, one.id, lease_until=None)
    return [one.id for one in left]
