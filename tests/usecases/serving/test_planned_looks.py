"""Which looks are made at a host on a group: by a worker, or by the agent of a server."""

import pytest
from tests.databases import sessions_over
from tests.usecases.serving.group_rig import CADDY, Group, grouped

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import database_now
from nameplate.models import Server
from nameplate.ports.agents import AgentLook, AgentReport, AgentState
from nameplate.ports.prober import Failure
from nameplate.usecases.placements import MAX_FAILURES
from nameplate.usecases.serving import agents

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture
def group(migrated_sqlite_url: str) -> Group:
    return grouped(sessions_over(migrated_sqlite_url))


def test_a_server_with_an_agent_is_judged_by_what_its_agent_tells(group: Group) -> None:
    first, second = group.servers
    with group.world.sessions.begin(PLATFORM) as session:
        session.get_one(Server, second).proxy = {**CADDY, "reach": "agent"}
    group.bind()
    group.look_at()
    group.configure()
    state = _report(group, second)
    assert [one.hostname for one in state.routes] == ["acme.com"]
    group.configure(second)
    _report(group, second, AgentLook(state.checks[0].id, connected=True, status=200))
    group.look_at(2)
    assert (group.at(first).trouble, group.at(second).trouble) == (None, None)
    for number in range(1, MAX_FAILURES + 1):
        assert group.led_to() == group.addresses(first, second)
        look = AgentLook(state.checks[0].id, Failure.CONNECTION_FAILED, "nobody listens")
        _report(group, second, look)
        group.look_at()
        assert group.at(second).failures == number
        group.look_at()
        assert group.at(second).failures == number, "a bad look counts once"
    assert group.led_to() == group.addresses(first)
    _report(group, second, AgentLook(state.checks[0].id, connected=True, status=200))
    group.look_at()
    assert group.led_to() == group.addresses(first, second)


def test_a_silent_agent_counts_as_a_server_that_is_down(group: Group) -> None:
    first, second = group.servers
    with group.world.sessions.begin(PLATFORM) as session:
        session.get_one(Server, second).proxy = {**CADDY, "reach": "agent"}
    group.bind()
    group.look_at()
    group.configure()
    state = _report(group, second)
    group.configure(second)
    _report(group, second, AgentLook(state.checks[0].id, connected=True, status=200))
    group.look_at(2)
    with group.world.sessions.begin(PLATFORM) as session:
        seen_at = database_now(session) - agents.SILENT
        session.get_one(Server, second).agent_seen_at = seen_at
    group.look_at(MAX_FAILURES)
    assert group.led_to() == group.addresses(first)
    assert "has not reported since" in group.serving().message


def _report(group: Group, server: int, *looks: AgentLook) -> AgentState:
    """Report as an agent that has taken over what there is."""
    state = agents.states(group.world.sessions, group.world.tools, [server])[server]
    told = AgentReport("1.0", state.revision, state.fingerprint, looks=looks)
    agents.report(group.world.sessions, server, told)
    return state


def test_what_no_proxy_of_the_group_takes_is_an_error(group: Group) -> None:
    first, second = group.servers
    for one in group.servers:
        group.machines[one].refused.add("crt_none")
    group.secure()
    group.bind(ssl_enabled=True)
    pair = next(iter(group.serials))
    for one in group.servers:
        group.machines[one].refused.add(pair)
    group.look_at()
    group.configure(first)
    assert group.look_at().status is BindingStatus.CONFIGURING, "the other may take it"
    group.configure(second)
    row = group.look_at()
    assert row.status is BindingStatus.ERROR
    assert row.error_message == "edge 1: The key is too new for this proxy."
