"""Servers that agents configure: what they get, and what is believed of what they say."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.databases import sessions_over
from tests.usecases.serving.agent_rows import HOSTS, AgentRows

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.conditions import Condition
from nameplate.core.errors import NotFound, NotPermitted
from nameplate.core.ids import show
from nameplate.core.lifecycle import BindingStatus, HealthStatus
from nameplate.core.turns import Turn
from nameplate.core.value_codec import encoded
from nameplate.models import ApiToken, Binding, Certificate, Domain, Organization, Server
from nameplate.ports.agents import AgentDirectLook, AgentLook, AgentReport
from nameplate.ports.prober import Failure
from nameplate.usecases.claims import facts, served_conditions
from nameplate.usecases.serving import agents
from nameplate.usecases.tenants import tokens

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture
def world(migrated_sqlite_url: str) -> AgentRows:
    return AgentRows(sessions_over(migrated_sqlite_url))


def test_from_a_binding_to_health_on_every_database(migrated_url: str) -> None:
    world = AgentRows(sessions_over(migrated_url))
    server = world.reconcile()
    assert server.trouble_code == "agent_missing"
    assert server.offered_revision == 1
    token, secret = world.tokens[0]
    known = tokens.agents(world.sessions, secret.reveal())
    assert known is not None
    assert (known.server_id, known.is_live) == (server.id, True)
    assert tokens.standing(world.sessions, [token, 10_000]) == {token: 1}
    world.report()
    server = world.reconcile()
    assert (server.trouble_code, server.configured_at is not None) == (None, True)
    binding = world.read(Binding, world.bindings[0])
    assert (binding.served_server_id, binding.seen_serial) == (server.id, None)
    assert world.probe().status is BindingStatus.CONFIGURING, "nobody has seen it yet"
    world.report(looks=(world.seen(),))
    binding = world.probe()
    assert (binding.status, binding.health_status) == (BindingStatus.ACTIVE, HealthStatus.HEALTHY)
    certificate = world.read(Certificate, binding.ssl_certificate_id or 0)
    assert certificate.deployed_at is not None, "seen at every binding"
    world.reconcile()
    world.report(1, looks=(world.seen(1),))
    assert world.reconcile().offered_revision == world.state().revision
    world.sessions.dispose()


def test_an_agent_may_write_a_serial_number_as_it_likes(world: AgentRows) -> None:
    world.change(
        Certificate, world.read(Binding, world.bindings[0]).ssl_certificate_id, serial_number="04d2"
    )
    world.reconcile()
    world.report()
    world.reconcile()
    world.report(looks=(world.seen(serial="4D2"),))
    binding = world.probe()
    assert (binding.status, binding.seen_serial) == (BindingStatus.ACTIVE, "04d2")
    assert world.read(Certificate, binding.ssl_certificate_id or 0).deployed_at is not None


def test_a_server_gets_its_own_hosts_and_keys_alone(world: AgentRows) -> None:
    for number, host in enumerate(HOSTS):
        state = world.state(number)
        assert [route.hostname for route in state.routes] == [host]
        assert [check.hostname for check in state.checks] == [host]
        (pair,) = [route.key_pair for route in state.routes]
        assert pair is not None
        assert "PRIVATE KEY" in pair.private_key.reveal()


def test_a_suspended_organization_s_keys_leave_the_state(world: AgentRows) -> None:
    with world.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Binding, world.bindings[0]).organization_id
        session.get_one(Organization, owner).is_active = False
    assert world.state().routes == ()
    assert len(world.state(1).routes) == 1


def test_what_does_not_describe_the_rows_is_not_believed(world: AgentRows) -> None:
    world.reconcile()
    world.report(fingerprint="0" * 64)
    server = world.reconcile()
    assert server.configured_at is None
    assert server.offered_revision == 2, "it is offered again, under another revision"
    world.report(revision=1)
    assert world.reconcile().configured_at is None
    world.report()
    assert world.reconcile().configured_at is not None


def test_an_agent_says_nothing_of_another_server_s_bindings(world: AgentRows) -> None:
    world.report(looks=(world.seen(1), world.seen(0, id="bnd_none"), world.seen(0)))
    assert world.read(Binding, world.bindings[1]).agent_look is None
    assert world.read(Binding, world.bindings[0]).agent_look is not None


def test_what_the_proxy_refuses_is_its_owner_s_alone(world: AgentRows) -> None:
    world.reconcile()
    name = show("bnd", world.bindings[0])
    world.report(refused={name: "nginx rejects\nthis host", show("bnd", world.bindings[1]): "no"})
    server = world.reconcile()
    binding = world.read(Binding, world.bindings[0])
    assert (server.trouble_code, binding.status) == (None, BindingStatus.ERROR)
    assert binding.error_message == "nginx rejects this host"
    assert world.read(Binding, world.bindings[1]).status is BindingStatus.CONFIGURING
    world.change(Binding, world.bindings[0], status=BindingStatus.CONFIGURING)
    assert world.reconcile().offered_revision == 3, "tried again under a revision of its own"


def test_a_proxy_that_fails_is_told_with_its_reason(world: AgentRows) -> None:
    world.reconcile()
    world.report(code="proxy_down", message="nginx does not run.\x07")
    server = world.reconcile()
    assert (server.trouble_code, server.trouble_message) == ("proxy_down", "nginx does not run.")
    world.report(code="Strange code")
    assert world.reconcile().trouble_code == "proxy_refused"
    world.report()
    assert world.reconcile().trouble_code is None


def test_silence_is_said_and_ends(world: AgentRows) -> None:
    world.reconcile()
    world.report()
    world.reconcile()
    world.report(looks=(world.seen(),))
    world.probe()
    gone = datetime.now(UTC) - agents.SILENT - timedelta(seconds=1)
    world.change(Server, world.servers[0], agent_seen_at=gone)
    server = world.reconcile()
    assert server.trouble_code == "agent_silent"
    binding = world.probe()
    assert (binding.status, binding.health_status) == (BindingStatus.ACTIVE, HealthStatus.UNKNOWN)
    assert "has not reported since" in (binding.error_message or "")
    world.report()
    assert world.reconcile().trouble_code is None
    binding = world.probe()
    assert (binding.health_status, binding.error_message) == (HealthStatus.HEALTHY, None)


def test_a_bad_look_counts_once(world: AgentRows) -> None:
    world.reconcile()
    world.report()
    world.reconcile()
    bad = world.seen(status=None, serial=None, failure=Failure.TLS_FAILED, message="no certificate")
    world.report(looks=(bad,))
    assert world.probe().attempts == 1
    assert world.probe().attempts == 1
    world.report(looks=(bad,))
    assert world.probe().attempts == 2


def test_what_an_agent_cannot_close_is_told_as_still_served(world: AgentRows) -> None:
    world.reconcile()
    world.report()
    world.reconcile()
    world.change(Binding, world.bindings[0], status=BindingStatus.DISABLED)
    assert world.reconcile().still_served is None, "the agent is asked first"
    name = show("bnd", world.bindings[0])
    world.report(code="proxy_refused", message="no", still_served=(name,))
    assert world.reconcile().still_served == [HOSTS[0]]
    world.report(code="proxy_refused", message="no")
    assert world.reconcile().still_served is None, "it has closed it, whatever else is wrong"
    assert world.read(Binding, world.bindings[0]).served_server_id is None


def test_reports_are_bounded(world: AgentRows) -> None:
    many = {f"bnd_{number}": "x" * 10_000 for number in range(10_000)}
    world.report(refused=many, message="y" * 10_000, version="z" * 100)
    kept = world.read(Server, world.servers[0]).agent_report
    assert len(kept.report.refused) == 5000
    assert {len(one) for one in kept.report.refused.values()} == {500}
    assert (len(kept.report.message), len(kept.report.version)) == (500, 40)


def test_an_agent_s_token_opens_nothing_else(world: AgentRows) -> None:
    _, secret = world.tokens[0]
    assert tokens.accepted(world.sessions, secret.reveal()) is None
    known = tokens.agents(world.sessions, secret.reveal())
    assert known is not None
    assert (known.server_id, known.is_live) == (world.servers[0], True)
    assert tokens.agents(world.sessions, "np_1_2_3") is None


def test_a_token_dies_with_its_server_and_owner(world: AgentRows) -> None:
    for number, (token, secret) in enumerate(world.tokens):
        assert tokens.standing(world.sessions, [token]) == {token: 0}
        world.change(Server, world.servers[number], deleted_at=datetime.now(UTC))
        known = tokens.agents(world.sessions, secret.reveal())
        assert known is not None
        assert not known.is_live
        assert tokens.standing(world.sessions, [token]) == {}


def test_who_may_add_a_token_for_an_agent(world: AgentRows) -> None:
    now, random = datetime.now(UTC), world.tools.random
    with world.sessions.begin(PLATFORM) as session:
        binding = session.get_one(Binding, world.bindings[0])
        own = Server(organization_id=binding.organization_id, name="own", address="192.0.2.9")
        other = session.get_one(Binding, world.bindings[1]).organization_id
        session.add(own)
        session.flush()
        mine, shared = show("srv", own.id), show("srv", world.servers[0])
        owner = binding.organization_id
    plain, may = Actor(owner, "t"), Actor(owner, "t", may_export_keys=True)
    refused = ((plain, mine, NotPermitted), (may, shared, NotPermitted))
    stranger = Actor(other, "t", may_export_keys=True)
    for actor, server, kind in (*refused, (stranger, mine, NotFound)):
        with pytest.raises(kind), world.sessions.begin(actor) as session:
            tokens.add(session, actor, name="a", now=now, random=random, server=server)
    with world.sessions.begin(may) as session:
        row, _ = tokens.add(session, may, name="a", now=now, random=random, server=mine)
        assert (row.organization_id, row.may_export_keys) == (owner, False)
    with world.sessions.begin(PLATFORM) as session:
        row, _ = tokens.add(session, PLATFORM, name="a", now=now, random=random, server=mine)
        assert row.organization_id == owner
        row, _ = tokens.add(session, PLATFORM, name="a", now=now, random=random, server=shared)
        assert session.get_one(ApiToken, row.id).organization_id is None


def test_a_worker_s_server_has_no_state(world: AgentRows) -> None:
    world.change(Server, world.servers[0], proxy={"type": "caddy", "admin_url": "http://a"})
    assert agents.states(world.sessions, world.tools, [world.servers[0], 10_000]) == {}
    assert AgentReport("1").code is None


def test_a_suspended_host_says_what_the_operator_says(world: AgentRows) -> None:
    world.tools = replace(world.tools, suspended_answer=410)
    world.reconcile()
    world.report()
    served = world.reconcile().configured_fingerprint
    with world.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Binding, world.bindings[0]).organization_id
        session.get_one(Organization, owner).is_active = False
    (said,) = world.state().routes
    assert (said.hostname, said.path, said.answer) == (HOSTS[0], "/", 410)
    assert said.key_pair is not None, "over HTTPS too"
    before = world.read(Server, world.servers[0]).offered_revision
    assert world.reconcile().offered_revision == before + 1, "the agent is told"
    world.report(refused={said.id: "no"})
    server = world.reconcile()
    assert server.trouble_code is None, "it answers nothing then, and nothing else is wrong"
    assert server.configured_fingerprint not in {None, served}
    assert world.read(Binding, world.bindings[0]).served_server_id is None


def test_a_replayed_report_takes_nothing_back(world: AgentRows) -> None:
    """Whoever has an old report can say it again: it describes no state that is offered now."""
    world.reconcile()
    old = world.state()
    world.report()
    world.reconcile()
    certificate = world.read(Binding, world.bindings[0]).ssl_certificate_id
    world.change(Certificate, certificate, generation=2, serial_number="ff")
    world.reconcile()
    agents.report(world.sessions, world.servers[0], AgentReport("1", old.revision, old.fingerprint))
    assert world.reconcile().configured_fingerprint == old.fingerprint
    assert world.read(Binding, world.bindings[0]).served_serial != "ff"
    world.report()
    done = world.reconcile().configured_fingerprint
    assert done != old.fingerprint
    agents.report(world.sessions, world.servers[0], AgentReport("1", old.revision, old.fingerprint))
    assert world.reconcile().configured_fingerprint == done
    assert world.read(Binding, world.bindings[0]).served_serial == "ff"


def test_what_a_hostile_agent_says_is_kept_in_form_or_not_at_all(world: AgentRows) -> None:
    world.reconcile()
    giant, number = "f" * 100_000, show("bnd", world.bindings[0])
    look = world.seen(
        serial=giant, fingerprint="a\0b", status=10**30, seconds=10.0**300, age=-(10.0**300),
        direct=AgentDirectLook(status=-(10**30), seconds=-(10.0**300)),
    )  # fmt: skip
    world.report(
        fingerprint=giant, revision=10**30, refused={"a\0": "x", giant: "y", number: "z\0\x1b[31m"},
        still_served=("../..", number), looks=(look,),
    )  # fmt: skip
    told = world.read(Server, world.servers[0]).agent_report.report
    assert (told.fingerprint, told.revision < 2**63) == ("", True)
    assert dict(told.refused) == {number: "z  [31m"}
    assert told.still_served == (number,)
    last = world.read(Binding, world.bindings[0]).agent_look
    kept = last.look
    assert (kept.serial, kept.fingerprint, kept.status, kept.seconds) == (None, None, None, 3600.0)
    assert kept.direct == AgentDirectLook(), "nor what it says of the application"
    assert abs(last.at - datetime.now(UTC)) < timedelta(minutes=1), "no look is of tomorrow"
    world.probe()
    assert world.reconcile().configured_at is None, "nobody has made the proxy serve that"


def test_half_the_servers_away_and_the_others_serve_on(world: AgentRows) -> None:
    """The condition of who is concerned names the server and the reason; nobody else hears of it."""
    for number in (0, 1):
        world.reconcile(number)
        world.report(number)
        world.reconcile(number)
        world.report(number, looks=(world.seen(number),))
        world.probe(number)
    gone = datetime.now(UTC) - agents.SILENT - timedelta(seconds=1)
    world.change(Server, world.servers[0], agent_seen_at=gone)
    away, there = world.reconcile(0), world.reconcile(1)
    assert (away.trouble_code, there.trouble_code) == ("agent_silent", None)
    for number in (0, 1):
        world.probe(number)
    told = condition(world, 0)
    assert (told.status, told.reason, told.turn) == (None, "agent_silent", Turn.OPERATOR)
    assert away.name in told.message
    assert "has not reported since" in told.message
    assert condition(world, 1).status
    world.report(1, looks=(world.seen(1),))
    assert world.probe(1).health_status is HealthStatus.HEALTHY
    world.report(0)
    world.reconcile(0)
    world.probe(0)
    assert condition(world, 0).status, "as soon as it is back"


def test_a_full_disk_at_one_agent_is_said_with_its_server(world: AgentRows) -> None:
    world.reconcile(0)
    world.report(0, code="copy_unwritable", message="No space left on device.")
    full = world.reconcile(0)
    world.reconcile(1)
    world.report(1)
    assert world.reconcile(1).configured_at is not None
    told = condition(world, 0)
    assert told.message == f"The server {full.name} cannot be configured: No space left on device."
    assert told.turn is Turn.OPERATOR


@pytest.mark.parametrize("skew", [timedelta(days=-400), timedelta(days=400)])
def test_a_wrong_clock_anywhere_but_in_the_database_changes_nothing(
    world: AgentRows, skew: timedelta
) -> None:
    """What travels has no times, only ages, and silence is counted by the database."""
    world.tools = replace(world.tools, clock=lambda: datetime.now(UTC) + skew)
    world.reconcile()
    world.report()
    assert world.reconcile().trouble_code is None
    world.report(looks=(world.seen(age=skew.total_seconds()),))
    assert world.probe().health_status is HealthStatus.HEALTHY
    server = world.read(Server, world.servers[0])
    assert agents.is_there(server, datetime.now(UTC))
    written = json.dumps([encoded(world.state()), encoded(server.agent_report.report)])
    assert not re.search(r"20\d\d-\d\d-\d\d", written.replace(server.name, ""))


def condition(world: AgentRows, number: int) -> Condition:
    """Return what the owner of a binding is told of its serving."""
    with world.sessions.begin(PLATFORM) as session:
        binding = session.get_one(Binding, world.bindings[number])
        domain = session.get_one(Domain, binding.organization_domain_id)
        known = facts.read(session, [domain], datetime.now(UTC))[domain.id]
        return served_conditions.serving(known)


def test_an_agent_looks_at_each_target_and_the_bad_one_is_left_out(world: AgentRows) -> None:
    other = world.share()
    world.reconcile()
    first, second = world.state().checks
    assert (first.upstream, second.upstream) == ("10.0.0.1:8080", "10.0.0.2:8080")
    world.bindings[0] = other
    world.report()
    world.reconcile()
    good, bad = AgentDirectLook(status=200, seconds=0.2), AgentDirectLook(Failure.TIMEOUT)
    world.report(looks=(world.seen(direct=good),))
    assert world.probe().health_memory.is_reached
    for count in range(1, 4):
        world.report(looks=(world.seen(direct=bad),))
        row = world.probe()
        assert (row.health_memory.target_bad, row.failing_since is None) == (count, False)
        assert world.probe().health_memory.target_bad == count, "a bad look counts once"
    assert row.held_back_at is not None
    assert [one.weight for one in world.state().routes] == [100, 0]
    world.report(looks=(world.seen(direct=good),))
    assert world.probe().health_status is HealthStatus.DEGRADED
    assert world.probe().held_back_at is not None, "the same look does not count twice"
    world.report(looks=(world.seen(direct=good),))
    row = world.probe()
    assert (row.health_status, row.held_back_at) == (HealthStatus.HEALTHY, None)
    assert [one.weight for one in world.state().routes] == [100, 100]


def test_of_others_bindings_no_look_is_believed(world: AgentRows) -> None:
    """An agent that is taken over leaves nobody else's target out."""
    world.share()
    world.reconcile()
    bad = AgentDirectLook(Failure.TIMEOUT)
    look = AgentLook(show("bnd", world.bindings[0]), status=200, direct=bad)
    world.report(1, looks=(look,))
    assert world.read(Binding, world.bindings[0]).agent_look is None
