"""Where a binding is placed: on a server, on a group, and from one to the other."""

from typing import Any

import pytest
from tests.databases import sessions_over
from tests.models import world as rows
from tests.usecases.serving.group_rig import CADDY, Group, grouped

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import database_now
from nameplate.models import Application, Binding, Organization, Server, ServerGroup
from nameplate.usecases.serving import bindings

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture
def group(migrated_sqlite_url: str) -> Group:
    return grouped(sessions_over(migrated_sqlite_url))


def move(group: Group, **to: Any) -> None:
    with group.world.sessions.begin(group.actor) as session:
        binding = ids.show(Prefix.BINDING, group.ids[Binding])
        bindings.update(session, group.actor, binding, now=database_now(session), **to)


def test_without_a_word_it_goes_to_the_only_group(group: Group) -> None:
    row = group.bind(server_group=None)
    assert (row.server_id, row.server_group_id) == (None, group.ids[ServerGroup])


def test_both_a_server_and_a_group_are_refused(group: Group) -> None:
    with pytest.raises(Invalid) as refused:
        group.bind(server=ids.show(Prefix.SERVER, group.servers[0]))
    assert refused.value.code == "placement_ambiguous"


def test_an_empty_group_takes_no_binding(group: Group) -> None:
    with group.world.sessions.begin(PLATFORM) as session:
        rows.server_group(session, None, name="empty")
    with pytest.raises(Invalid) as refused:
        group.bind(server_group="empty")
    assert refused.value.code == "server_group_empty"


def test_from_one_server_to_a_group_and_back(group: Group) -> None:
    first, second = group.servers
    group.bind(server_group=None, server=ids.show(Prefix.SERVER, first))
    assert group.settle().served_server_id == first
    assert group.led_to() == group.addresses(first)
    move(group, server_group="eu")
    assert group.led_to() == group.addresses(first), "the other one was not seen to serve yet"
    row = group.settle()
    assert (row.status, row.server_id, row.served_server_id) == (BindingStatus.ACTIVE, None, None)
    assert [set(group.machines[one].serves) for one in group.servers] == [{"acme.com"}] * 2
    assert [group.at(one).is_told for one in group.servers] == [True, True]
    assert group.led_to() == group.addresses(first, second)
    move(group, server=ids.show(Prefix.SERVER, second))
    row = group.settle()
    assert (row.status, row.server_group_id, row.served_server_id) == (
        BindingStatus.ACTIVE, None, second,
    )  # fmt: skip
    group.configure(first)
    assert [set(group.machines[one].serves) for one in group.servers] == [{"acme.com"}] * 2
    assert group.led_to() == group.addresses(second), "the first serves until visitors have left it"


def test_targets_of_one_route_are_in_one_place(group: Group) -> None:
    group.bind()
    with group.world.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, group.ids[Organization])
        other = rows.application(
            session, owner, name="Next", upstream_host="10.0.0.2", upstream_port=8080
        )
        assert other.id != group.ids[Application]
        with pytest.raises(Conflict) as refused:
            _beside(group, session, server=ids.show(Prefix.SERVER, group.servers[0]))
        assert refused.value.code == "route_elsewhere"
        row = _beside(group, session)
        assert row.server_group_id == group.ids[ServerGroup]


def _beside(group: Group, session: Any, **given: Any) -> Binding:
    return bindings.add(
        session, group.world.tools, group.actor, application="Next", domain="acme.com",
        traffic_weight=50, now=database_now(session), ssl_enabled=False, **given,
    )  # fmt: skip


def test_every_proxy_of_the_group_must_know_the_settings(group: Group) -> None:
    with group.world.sessions.begin(PLATFORM) as session:
        session.get_one(Server, group.servers[1]).proxy = {"type": "cloudflare"}
        assert session.get_one(Server, group.servers[0]).proxy == CADDY
    with pytest.raises(Invalid) as refused:
        group.bind(proxy_config={"strip_path": True})
    assert refused.value.code == "setting_unsupported"
    group.bind()
    with pytest.raises(Invalid) as refused:
        move(group, proxy_config={"strip_path": True})
    assert refused.value.code == "setting_unsupported"
