"""A renewed certificate counts as deployed when it is seen everywhere; the former one is kept until then."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.usecases.serving.renewal_rig import DAY, Renewals, renewals

from nameplate.core.actor import PLATFORM
from nameplate.core.deployment import GRACE, DeploymentState
from nameplate.core.errors import Unavailable
from nameplate.db import Sessions
from nameplate.models import Binding, Certificate, Server
from nameplate.usecases.certificates import deployments, rollout

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture
def unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    from nameplate.usecases.serving import pacing

    monkeypatch.setattr(pacing, "QUICK", 600.0)


@pytest.fixture
def rig(sessions: Sessions) -> Renewals:
    return renewals(sessions)


def state(rig: Renewals) -> DeploymentState:
    with rig.world.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, rig.certificate_id)
        bound = deployments.presenters(session, [row.id])[row.id]
        return deployments.of(row, bound, datetime.now(UTC)).state


def test_the_first_generation_is_deployed_when_it_is_seen(rig: Renewals) -> None:
    row = rig.row()
    assert row.deployed_at is not None
    assert state(rig) is DeploymentState.DEPLOYED
    assert len(rig.events("deployed")) == 1


def test_one_server_first_and_the_others_when_it_is_seen_there(rig: Renewals) -> None:
    first = rig.served(0)
    new = rig.renew()
    assert rig.configure(1) is None
    assert rig.configure(0) is None
    assert [rig.served(0), rig.served(1)] == [new, first]
    assert state(rig) is DeploymentState.DEPLOYING
    rig.probe(1)
    assert rig.binding(1).health_status.value == "healthy"
    assert rig.configure(1) is None
    assert rig.served(1) == first, "nobody has seen the new one"
    rig.change(Server, rig.servers[1], next_action_at=None)
    rig.probe(0)
    with rig.world.sessions.begin(PLATFORM) as session:
        assert session.get_one(Server, rig.servers[1]).next_action_at is not None, "its turn"
    assert rig.row().former_serial == "01"
    rig.configure(1)
    assert rig.served(1) == new
    rig.probe(1)
    row = rig.row()
    assert state(rig) is DeploymentState.DEPLOYED
    assert row.deployed_at is not None
    assert (row.former_bundle, row.former_private_key, row.former_generation) == (None,) * 3
    told = rig.events("deployed")[-1].after
    assert {"names", "issuer", "expires_at", "link", "serial_number"} >= {"names"} & told.keys()
    assert told["names"] == "acme.com, www.acme.com"
    assert told["link"].startswith("/v1/certificates/crt_")


def test_one_server_is_not_delayed(sessions: Sessions) -> None:
    rig = renewals(sessions, servers=1)
    new = rig.renew()
    rig.configure(0)
    assert rig.served(0) == new
    rig.probe(0)
    assert rig.row().deployed_at is not None


def test_a_server_that_is_down_keeps_the_former_one_and_is_named(rig: Renewals) -> None:
    first = rig.served(1)
    rig.machines[rig.servers[1]].failure = Unavailable("proxy_unreachable", "Nobody listens.")
    rig.renew(ago=2 * GRACE)
    rig.configure(0)
    rig.probe(0)
    assert rig.configure(1) == "proxy_unreachable"
    assert rig.served(1) == first
    row = rig.settle()
    assert state(rig) is DeploymentState.DEPLOYED_PARTIAL
    assert "edge 2 (www.acme.com): The proxy cannot be configured: Nobody listens." in (
        row.deployment_trouble or ""
    )
    assert row.former_serial == "01"
    rig.settle()
    (told,) = rig.events("deployed_partial")
    assert told.after["whose_turn"] == "operator"
    assert {"names", "issuer", "expires_at", "reason", "fix", "link"} - {
        "issuer"
    } <= told.after.keys()
    rig.machines[rig.servers[1]].failure = None
    rig.configure(1)
    rig.probe(1)
    row = rig.row()
    assert (row.deployment_trouble, row.former_serial) == (None, None)
    assert state(rig) is DeploymentState.DEPLOYED


def test_a_proxy_that_was_rolled_back_is_told_of(rig: Renewals) -> None:
    first = rig.served(0)
    rig.renew(ago=5 * GRACE)
    for place in (0, 1, 0):
        rig.configure(place)
        rig.probe(place)
    assert rig.row().deployed_at is not None
    machine = rig.machines[rig.servers[0]]
    machine.serves = dict.fromkeys(machine.serves, first)
    rig.probe(0)
    row = rig.row()
    assert row.deployed_at is None
    assert row.next_action_at is not None
    rig.settle()
    assert state(rig) is DeploymentState.DEPLOYED_PARTIAL
    assert len(rig.events("deployed_partial")) == 1


def test_a_binding_that_ends_holds_nothing_up(rig: Renewals) -> None:
    rig.renew(ago=2 * GRACE)
    rig.configure(0)
    rig.probe(0)
    rig.settle()
    rig.change(Binding, rig.bindings[1], deleted_at=datetime.now(UTC))
    assert rig.settle().deployed_at is not None
    assert state(rig) is DeploymentState.DEPLOYED


@pytest.mark.parametrize("wanted", list(DeploymentState))
def test_lists_are_filtered_by_the_same_rule(rig: Renewals, wanted: DeploymentState) -> None:
    if wanted is DeploymentState.UNBOUND:
        for one in rig.bindings:
            rig.change(Binding, one, deleted_at=datetime.now(UTC))
    elif wanted is not DeploymentState.DEPLOYED:
        is_fresh = wanted is DeploymentState.DEPLOYING
        rig.renew(ago=timedelta(0) if is_fresh else 2 * GRACE)
    assert state(rig) is wanted
    with rig.world.sessions.begin(PLATFORM) as session:
        for state_ in DeploymentState:
            query = Certificate.visible(PLATFORM).where(
                deployments.is_in(state_, datetime.now(UTC))
            )
            assert (session.scalars(query).first() is not None) is (state_ is wanted)


def test_the_former_key_is_sealed_for_its_own_place(rig: Renewals) -> None:
    rig.renew()
    row = rig.row()
    assert row.former_private_key is not None
    opened = rig.world.tools.keyring.open(row.former_private_key, rollout.place(row))
    assert opened.reveal() == "key 1"


def test_what_is_kept_is_what_servers_have(rig: Renewals) -> None:
    """A second renewal before the first was seen everywhere does not lose the one that serves."""
    rig.renew()
    rig.renew()
    assert rig.row().former_serial == "01"
    rig.change(Certificate, rig.certificate_id, former_expires_at=datetime.now(UTC) - DAY)
    rig.renew()
    assert rig.row().former_serial == "03"


def test_nothing_is_kept_that_is_over_or_revoked(rig: Renewals) -> None:
    rig.change(Certificate, rig.certificate_id, revoked_at=datetime.now(UTC))
    rig.renew()
    assert rig.row().former_serial is None
    rig.change(Certificate, rig.certificate_id, expires_at=datetime.now(UTC) - DAY)
    rig.renew()
    assert rig.row().former_serial is None
