"""A target whose application is down gets nothing from a real proxy while another one answers."""

from pathlib import Path
from typing import Any

import pytest

from nameplate.core import health
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import database_now
from nameplate.models import Binding, Organization
from nameplate.usecases.serving import bindings
from tests.databases import sessions_over
from tests.e2e.test_moves import KINDS, take_over
from tests.models import world as rows
from tests.servers.origin import Origin
from tests.usecases.serving.group_rig import Group, grouped
from tests.usecases.serving.test_departures import shown

pytestmark = pytest.mark.usefixtures("unpaced")
HOST = "acme.com"


def beside(group: Group, origin: Origin) -> int:
    """Give the host a second target."""
    with group.world.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, group.ids[Organization])
        rows.application(
            session,
            owner,
            name="Next",
            upstream_host=origin.upstream.host,
            upstream_port=origin.port,
        )
        row = bindings.add(
            session, group.world.tools, group.actor, application="Next", domain=HOST,
            traffic_weight=50, now=database_now(session), ssl_enabled=False,
        )  # fmt: skip
        return row.id


def look(group: Group, *targets: int, times: int = 1) -> None:
    for _ in range(times):
        for one in targets:
            group.ids[Binding] = one
            group.look_at()


def seen(server: Any, count: int = 30) -> set[int | None]:
    """Return the targets that visitors get."""
    return {server.look("http", HOST).origin for _ in range(count)}


@pytest.mark.parametrize("name", list(KINDS))
def test_a_target_that_is_down_gets_nothing(
    name: str, migrated_sqlite_url: str, tmp_path: Path
) -> None:
    group = grouped(sessions_over(migrated_sqlite_url))
    only = group.servers[0]
    with Origin("one") as one, KINDS[name](tmp_path) as server:
        take_over(group, {only: server}, one)
        two = Origin("two")
        try:
            first = group.bind(
                server_group=None, server=shown(only), traffic_weight=50, force_https=False
            ).id
            second = beside(group, two)
            look(group, first, second)
            group.configure(only)
            look(group, first, second, times=2)
            assert group.binding().status is BindingStatus.ACTIVE, group.binding().error_message
            assert seen(server) == {one.port, two.port}
        finally:
            two.stop()
        look(group, second, times=health.BAD)
        assert group.binding().held_back_at is not None
        group.configure(only)
        assert seen(server) == {one.port}
