"""A binding that moves is served where it was until it was seen elsewhere, and visitors come there."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.usecases.serving.group_rig import Group, grouped
from tests.usecases.serving.test_places import move

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus, RecordStatus
from nameplate.core.pointing import TTL
from nameplate.db import database_now
from nameplate.edge.snapshot import Snapshot
from nameplate.models import (
    Application,
    Binding,
    BindingPlacement,
    Domain,
    Organization,
    Record,
    Server,
)
from nameplate.usecases.serving import bindings, departures, hosts, servers

pytestmark = pytest.mark.usefixtures("unpaced")
HOST = "acme.com"


@pytest.fixture
def group(migrated_sqlite_url: str) -> Group:
    """Return a rig whose binding is served by the first server alone."""
    found = grouped(sessions_over(migrated_sqlite_url))
    found.bind(server_group=None, server=shown(found.servers[0]))
    assert found.settle().status is BindingStatus.ACTIVE
    return found


@dataclass
class Resolver:
    """Ordinary resolution that knows some names."""

    known: dict[str, list[str]]

    def addresses(self, name: str) -> tuple[str, ...]:
        return tuple(self.known.get(name, ()))


def shown(server: int) -> str:
    return ids.show(Prefix.SERVER, server)


def serving(group: Group) -> list[bool]:
    """Tell of each server whether its proxy serves the host."""
    return [HOST in group.machines[one].serves for one in group.servers]


def led(group: Group) -> None:
    """Have every name server answer with the records as they are."""
    with group.world.sessions.begin(PLATFORM) as session:
        for row in session.scalars(Record.visible(PLATFORM)):
            row.status, row.propagated = RecordStatus.ACTIVE, True


def later(group: Group, seconds: float) -> None:
    """Let time pass for what a server is being left by."""
    with group.world.sessions.begin(PLATFORM) as session:
        for at in session.scalars(sa.select(BindingPlacement)):
            for name in ("leaving_since", "led_over_at", "leaves_at"):
                moment = getattr(at, name)
                if moment is not None:
                    setattr(at, name, moment - timedelta(seconds=seconds))


def test_the_old_server_serves_until_dns_leads_to_the_new_one(group: Group) -> None:
    first, second = group.servers
    group.down.add(second)
    move(group, server=shown(second))
    group.look_at()
    group.configure()
    group.look_at(2)
    assert serving(group) == [True, True]
    assert group.led_to() == group.addresses(first), "nobody has seen the new one serve"
    said = group.serving()
    assert (said.status, said.reason) == (True, "moving")
    assert "edge 1 continues to serve it" in said.message

    group.down.clear()
    group.look_at(2)
    group.configure(first)
    assert group.binding().status is BindingStatus.ACTIVE
    assert group.led_to() == group.addresses(second)
    group.configure(first)
    assert serving(group) == [True, True], "no name server answers with the new one yet"
    assert "DNS is being led there" in group.serving().message

    led(group)
    group.configure(first)
    assert serving(group) == [True, True], "caches lead to the old one"
    assert "It stops at" in group.serving().message
    later(group, TTL)
    group.configure(first)
    assert serving(group) == [False, True]
    assert group.serving().reason == "probed"
    with group.world.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(BindingPlacement)).all() == []


@pytest.mark.parametrize("ending", ["disabled", "removed", "released", "suspended"])
def test_what_may_be_served_no_more_leaves_at_once(group: Group, ending: str) -> None:
    first, second = group.servers
    move(group, server=shown(second))
    group.configure()
    assert serving(group)[0]
    with group.world.sessions.begin(PLATFORM) as session:
        _end(session, group, ending)
    group.configure()
    assert serving(group) == [False, False]
    group.configure()
    with group.world.sessions.begin(PLATFORM) as session:
        left = session.get(BindingPlacement, (group.ids[Binding], first))
        assert left is None


def _end(session: Any, group: Group, ending: str) -> None:
    if ending == "disabled":
        session.get_one(Binding, group.ids[Binding]).disable("Disabled by its owner.")
    elif ending == "removed":
        now = group.binding().updated_at
        bindings.remove(session, PLATFORM, HOST, now)
    elif ending == "released":
        session.get_one(Domain, group.ids[Domain]).holding_name = None
    else:
        session.get_one(Organization, group.ids[Organization]).is_active = False


def test_a_server_is_left_at_last_whatever_is_seen(group: Group) -> None:
    first, second = group.servers
    group.down.add(second)
    move(group, server=shown(second))
    group.look_at()
    group.configure()
    later(group, departures.LONGEST.total_seconds())
    group.configure(first)
    assert serving(group) == [False, True]
    assert group.led_to() == group.addresses(second)


def test_back_again_before_it_was_seen_elsewhere(group: Group) -> None:
    first, second = group.servers
    move(group, server=shown(second))
    group.configure()
    move(group, server=shown(first))
    group.look_at()
    group.configure()
    assert group.look_at(2).served_server_id == first
    assert serving(group) == [True, False]
    assert group.led_to() == group.addresses(first)
    assert group.serving().reason == "probed"


def test_owners_who_keep_their_records_are_waited_for(group: Group) -> None:
    first, second = group.servers
    with group.world.sessions.begin(PLATFORM) as session:
        session.get_one(Domain, group.ids[Domain]).dns_account_id = None
    led_to = [f"192.0.2.{first}"]
    resolver: Any = Resolver({HOST: led_to})
    group.world.tools = replace(group.world.tools, resolver=resolver)
    move(group, server=shown(second))
    group.settle()
    group.configure(first)
    group.configure(first)
    later(group, TTL)
    group.configure(first)
    assert serving(group) == [True, True], "the name leads to the old server"
    led_to[:] = [f"192.0.2.{second}"]
    group.configure(first)
    later(group, TTL)
    group.configure(first)
    assert serving(group) == [False, True]


def test_a_change_reaches_the_server_that_is_left(group: Group) -> None:
    first, second = group.servers
    group.down.add(second)
    move(group, server=shown(second))
    group.configure()
    move(group, force_https=False)
    before = group.at(first).served_digest
    group.configure(first)
    assert group.at(first).served_digest != before


def test_a_server_that_serves_on_is_in_use(group: Group) -> None:
    first, second = group.servers
    move(group, server=shown(second))
    with group.world.sessions.begin(PLATFORM) as session, pytest.raises(Conflict) as refused:
        servers.remove(session, PLATFORM, shown(first), group.binding().updated_at)
    assert refused.value.code == "in_use"
    with group.world.sessions.begin(PLATFORM) as session:
        servers.remove(
            session, PLATFORM, shown(first), session.get_one(Server, first).updated_at, force=True
        )
    assert group.led_to() == group.addresses(second)


def edge(group: Group) -> tuple[bool, bool]:
    """Tell whether `ask` and `route` say yes for the host."""
    with group.world.sessions.begin(PLATFORM) as session:
        snapshot = Snapshot.of(hosts.everything(session)[2])
    return snapshot.ask(HOST), snapshot.route(HOST) is not None


def told(group: Group) -> set[str]:
    """Return the kinds of rows whose changes the edge would be told of, and make them old."""
    with group.world.sessions.begin(PLATFORM) as session:
        now = database_now(session)
        found = {one.kind for one in hosts.changes(session, now)[1]}
        for kind in (Organization, Application, Domain, Binding):
            session.execute(sa.update(kind).values(updated_at=now - timedelta(hours=1)))
        return found


@pytest.fixture
def secured(group: Group) -> Group:
    """Return the rig with a host that certificates are obtained for."""
    with group.world.sessions.begin(PLATFORM) as session:
        session.get_one(Binding, group.ids[Binding]).ssl_enabled = True
    return group


def test_the_edge_says_yes_for_as_long_as_the_old_server_serves(secured: Group) -> None:
    first, second = secured.servers
    assert edge(secured) == (True, True)
    told(secured)
    secured.down.add(second)
    move(secured, server=shown(second))
    assert secured.binding().status is BindingStatus.PENDING
    assert edge(secured) == (True, True)
    assert "binding" in told(secured)
    with secured.world.sessions.begin(PLATFORM) as session:
        session.get_one(Binding, secured.ids[Binding]).fail("Nobody answers there.")
    assert edge(secured) == (True, True)
    told(secured)
    later(secured, departures.LONGEST.total_seconds())
    secured.configure(first)
    assert edge(secured) == (False, False)
    assert "binding" in told(secured)


@pytest.mark.parametrize("ending", ["disabled", "removed", "released", "suspended"])
def test_the_edge_says_no_at_once_for_what_may_be_served_no_more(
    secured: Group, ending: str
) -> None:
    move(secured, server=shown(secured.servers[1]))
    with secured.world.sessions.begin(PLATFORM) as session:
        _end(session, secured, ending)
    assert edge(secured) == (False, False)


def test_the_edge_says_no_when_the_old_server_is_removed(secured: Group) -> None:
    first, second = secured.servers
    move(secured, server=shown(second))
    told(secured)
    with secured.world.sessions.begin(PLATFORM) as session:
        now = session.get_one(Server, first).updated_at
        servers.remove(session, PLATFORM, shown(first), now, force=True)
    assert edge(secured) == (False, False)
    assert "binding" in told(secured)


def test_a_binding_that_never_served_is_not_asked_for_while_it_is_pending(secured: Group) -> None:
    with secured.world.sessions.begin(PLATFORM) as session:
        session.get_one(Binding, secured.ids[Binding]).status = BindingStatus.PENDING
    assert edge(secured) == (False, False)
