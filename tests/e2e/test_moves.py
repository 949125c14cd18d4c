"""An application moves from one real proxy to another, and nobody who comes meanwhile notices."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nameplate.adapters.proxy.probe import HttpProber
from nameplate.core import certificates as x509
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus
from nameplate.core.pointing import TTL
from nameplate.models import Application, Server
from tests.adapters.proxy.test_zero_loss import Visitors
from tests.core.pki import Pki, pem
from tests.databases import sessions_over
from tests.servers.caddy import Caddy
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin
from tests.servers.traefik import Traefik
from tests.usecases.serving.group_rig import Group, grouped
from tests.usecases.serving.test_departures import later, led, shown
from tests.usecases.serving.test_places import move

KINDS: dict[str, Any] = {"nginx": Nginx, "caddy": Caddy, "traefik": Traefik}
HOST = "acme.com"


pytestmark = pytest.mark.usefixtures("unpaced")


@contextmanager
def coming(server: Any) -> Iterator[Visitors]:
    """Have visitors come to a server with HTTPS until the block ends."""
    found, done = Visitors(server, HOST), threading.Event()
    thread = threading.Thread(target=found.loop, args=("https", done))
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def take_over(group: Group, servers: dict[int, Any], origin: Origin) -> None:
    """Put real proxies in the place of the rig's, and an application behind them."""
    group.world.tools = replace(
        group.world.tools,
        proxy=lambda server: servers[server.id].adapter,
        prober=HttpProber(timeout=10),
    )
    with group.world.sessions.begin(PLATFORM) as session:
        app = session.get_one(Application, group.ids[Application])
        app.upstream_host, app.upstream_port = origin.upstream.host, origin.upstream.port
        for number, server in servers.items():
            session.get_one(Server, number).proxy = {
                "type": type(server).__name__.lower(), "http_port": server.http_port,
                "https_port": server.https_port, "probe_address": "127.0.0.1",
            }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"), [("nginx", "caddy"), ("caddy", "traefik"), ("traefik", "nginx")]
)
def test_nobody_is_lost_when_an_application_moves(
    old: str, new: str, migrated_sqlite_url: str, tmp_path: Path
) -> None:
    group = grouped(sessions_over(migrated_sqlite_url))
    first, second = group.servers
    pki = Pki()
    party = pki.leaf(HOST)
    for name in (old, new):
        (tmp_path / name).mkdir()
    with (
        Origin("shop") as origin,
        KINDS[old](tmp_path / old) as before,
        KINDS[new](tmp_path / new) as after,
    ):
        take_over(group, {first: before, second: after}, origin)
        serial = x509.facts(pem(party.certificate).encode()).serial
        group.secure(pki.chain(party), party.secret.reveal(), serial)
        group.bind(server_group=None, server=shown(first), ssl_enabled=True)
        assert group.settle().status is BindingStatus.ACTIVE, group.binding().error_message

        with coming(before) as cached:
            move(group, server=shown(second))
            group.configure(first)
            assert group.led_to() == group.addresses(first), "the new one serves nothing yet"
            assert group.settle().status is BindingStatus.ACTIVE, group.binding().error_message
            group.configure(first)
            assert group.led_to() == group.addresses(second)
            with coming(after) as fresh:  # who asks DNS from now on
                led(group)
                group.configure()
                group.configure()
                seen = len(cached.seen), len(fresh.seen)
                cached.wait(seen[0] + 20)
                fresh.wait(seen[1] + 20)
        later(group, TTL)
        with coming(after) as last:
            group.configure()
            last.wait(20)
        assert [one.lost for one in (cached, fresh, last)] == [[], [], []]
        assert group.serving().reason == "probed"
        assert before.look("https", HOST).status in {None, 404}, "it has left"
