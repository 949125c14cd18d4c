"""Server groups: whose they are, which servers they take, and what happens when they change."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.models import world as rows
from tests.proof import prove
from tests.usecases.serving.group_rig import CADDY, Group, grouped

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NameplateError, NotFound, NotPermitted
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus, DomainStatus
from nameplate.db import Sessions, database_now
from nameplate.models import Binding, Domain, Server, ServerGroup
from nameplate.usecases.serving import bindings, server_groups, servers

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture
def group(migrated_sqlite_url: str) -> Group:
    return grouped(sessions_over(migrated_sqlite_url))


def shown(prefix: Prefix, number: int) -> str:
    return ids.show(prefix, number)


def join(group: Group, **columns: Any) -> None:
    with group.world.sessions.begin(PLATFORM) as session:
        made = group.server(session, **columns)
    group.join(made)


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"proxy": None}, "server_not_groupable"),
        ({"proxy": {"type": "cloudflare", "account": "cf"}}, "server_not_groupable"),
        ({"address": "edge.example.net"}, "server_not_groupable"),
    ],
)
def test_a_server_that_cannot_share_hosts_is_refused(
    group: Group, columns: dict[str, Any], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        join(group, **columns)
    assert refused.value.code == code


def test_a_member_stays_fit_for_its_group(group: Group) -> None:
    tools = group.world.tools
    shown_server = shown(Prefix.SERVER, group.servers[0])
    with group.world.sessions.begin(PLATFORM) as session, pytest.raises(Invalid) as refused:
        servers.update(
            session, tools, PLATFORM, shown_server, database_now(session), address="a.example.net"
        )
    assert refused.value.code == "server_not_groupable"


def test_a_server_is_in_one_group_at_most_and_a_group_is_bounded(group: Group) -> None:
    with group.world.sessions.begin(PLATFORM) as session:
        now = database_now(session)
        server_groups.add(session, PLATFORM, name="asia")
        first = shown(Prefix.SERVER, group.servers[0])
        server_groups.join(session, PLATFORM, "eu", first, now)  # it is there already
        with pytest.raises(Conflict) as refused:
            server_groups.join(session, PLATFORM, "asia", first, now)
        assert refused.value.code == "server_grouped"
        for _ in range(server_groups.MAX_SERVERS - 2):
            made = group.server(session)
            server_groups.join(session, PLATFORM, "eu", shown(Prefix.SERVER, made), now)
        with pytest.raises(Conflict) as refused:
            server_groups.join(
                session, PLATFORM, "eu", shown(Prefix.SERVER, group.server(session)), now
            )
        assert refused.value.code == "server_group_full"


def _says(act: Any) -> tuple[type[NameplateError], str, str]:
    with pytest.raises(NameplateError) as refused:
        act()
    return type(refused.value), refused.value.code, refused.value.detail


def test_a_group_of_another_organization_is_like_a_missing_one(sessions: Sessions) -> None:
    """On all databases: what PostgreSQL hides, the session's guard hides elsewhere."""
    with sessions.begin(PLATFORM) as session:
        acme, globex = rows.organization(session), rows.organization(session)
        shared = rows.server_group(session, None, name="shared")
        theirs = rows.server_group(session, globex, name="theirs")
        machine = rows.server(session, globex, proxy=CADDY, server_group_id=theirs.id)
        common = rows.server(session, None, name="common", proxy=CADDY, server_group_id=shared.id)
        own = rows.server(session, acme, name="own", proxy=CADDY)
        app = rows.application(session, acme, upstream_host="10.0.0.1", upstream_port=80)
        claim = rows.domain(session, acme, status=DomainStatus.PENDING_VERIFICATION)
        prove(session, claim, datetime.now(UTC), subtree=True)
    actor = Actor(acme.id)
    missing = shown(Prefix.SERVER_GROUP, 987_654)
    foreign = shown(Prefix.SERVER_GROUP, theirs.id)
    mine = shown(Prefix.SERVER, own.id)
    with sessions.begin(actor) as session:
        now = database_now(session)

        def asked(reference: str) -> list[tuple[type[NameplateError], str, str]]:
            return [
                _says(lambda: server_groups.get(session, actor, reference)),
                _says(lambda: server_groups.update(session, actor, reference, name="x")),
                _says(lambda: server_groups.remove(session, actor, reference, now, force=True)),
                _says(lambda: server_groups.restore(session, actor, reference, now)),
                _says(lambda: server_groups.join(session, actor, reference, mine, now)),
                _says(lambda: server_groups.leave(session, actor, reference, mine, now)),
                _says(lambda: _bind(session, actor, server_group=reference)),
            ]

        assert asked(foreign) == asked(missing) == asked("theirs")
        assert {kind for kind, _, _ in asked(foreign)} == {NotFound}
        assert [one.name for one in server_groups.page(session, actor, limit=9)] == ["shared"]
        for act in (
            lambda: server_groups.update(session, actor, "shared", name="mine"),
            lambda: server_groups.remove(session, actor, "shared", now),
            lambda: server_groups.join(session, actor, "shared", mine, now),
            lambda: server_groups.leave(
                session, actor, "shared", shown(Prefix.SERVER, common.id), now
            ),
        ):
            assert _says(act)[:2] == (NotPermitted, "server_group_shared")
        made = server_groups.add(session, actor, name="mine")
        assert made.organization_id == acme.id
        place = shown(Prefix.SERVER_GROUP, made.id)
        server_groups.join(session, actor, place, mine, now)
        lent = shown(Prefix.SERVER, common.id)
        assert _says(lambda: server_groups.join(session, actor, place, lent, now))[1] == (
            "server_of_other_owner"
        )
        hidden = shown(Prefix.SERVER, machine.id)
        assert _says(lambda: server_groups.join(session, actor, place, hidden, now))[0] is NotFound
        row = _bind(session, actor, server_group=place)
        assert (row.server_id, row.server_group_id) == (None, made.id)
        moved = bindings.update(
            session, actor, shown(Prefix.BINDING, row.id), now=now, server_group="shared"
        )
        assert moved.server_group_id == shared.id
    with sessions.begin(PLATFORM) as session:  # and row by row, whatever a use case would do
        row = session.get_one(Binding, row.id)
        row.server_group_id = theirs.id
        with pytest.raises(NotPermitted):
            session.flush()
        session.rollback()
    assert app.id


def _bind(session: Any, actor: Actor, **given: Any) -> Binding:
    return bindings.add(
        session, _NO_TOOLS, actor, application="Shop", domain="acme.com", ssl_enabled=False,
        now=database_now(session), **given,
    )  # fmt: skip


class _Tools:
    special_use = False


_NO_TOOLS: Any = _Tools()


def test_a_group_in_use_is_removed_by_force_only_and_nothing_is_served_wider(
    group: Group,
) -> None:
    group.bind()
    group.settle()
    first, second = group.servers
    with group.world.sessions.begin(PLATFORM) as session:
        now = database_now(session)
        with pytest.raises(Conflict) as refused:
            server_groups.remove(session, PLATFORM, "eu", now)
        assert refused.value.code == "in_use"
        with pytest.raises(Conflict):
            servers.remove(session, PLATFORM, shown(Prefix.SERVER, first), now)
        server_groups.leave(session, PLATFORM, "eu", shown(Prefix.SERVER, second), now)
        with pytest.raises(Conflict) as refused:
            server_groups.leave(session, PLATFORM, "eu", shown(Prefix.SERVER, first), now)
        assert refused.value.code == "in_use"
        server_groups.remove(session, PLATFORM, "eu", now, force=True)
        assert session.get_one(Server, first).server_group_id is None
    row = group.look_at()
    assert row.status is BindingStatus.ERROR
    assert row.error_message == "The server group was removed or has no server with a proxy."
    group.configure()
    assert [group.machines[one].serves for one in group.servers] == [{}, {}]
    assert group.led_to() == []


def test_what_is_on_no_server_is_said_to_be_so(group: Group) -> None:
    group.bind()
    group.settle()
    with group.world.sessions.begin(PLATFORM) as session:
        session.get_one(Binding, group.ids[Binding]).server_group_id = None
    assert group.serving().reason == "not_placed"
    row = group.look_at()
    assert row.status is BindingStatus.ERROR
    assert row.error_message == ("The binding is on no server and no server group. Move it to one.")
    group.configure()
    assert [group.machines[one].serves for one in group.servers] == [{}, {}]


def test_a_removed_group_comes_back_without_servers(group: Group) -> None:
    with group.world.sessions.begin(PLATFORM) as session:
        now = database_now(session)
        server_groups.remove(session, PLATFORM, "eu", now)
        row = server_groups.restore(session, PLATFORM, "eu", now)
        assert list(server_groups.members(session, row)) == []
        with pytest.raises(Invalid) as refused:
            server_groups.serving(session, row)
        assert refused.value.code == "server_group_empty"
    assert isinstance(row, ServerGroup)
    assert group.ids[Domain]
