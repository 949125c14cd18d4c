"""One host on two real proxies of one group: both serve it, and DNS follows those that answer."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nameplate.adapters.proxy.probe import HttpProber
from nameplate.core import certificates as x509
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus
from nameplate.models import Application, Server
from nameplate.usecases.placements import MAX_FAILURES
from tests.core.pki import Pki, pem
from tests.databases import sessions_over
from tests.servers.caddy import Caddy
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin
from tests.usecases.serving.group_rig import grouped

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture
def proxies(tmp_path: Path) -> Iterator[tuple[Nginx, Caddy]]:
    for name in ("nginx", "caddy"):
        (tmp_path / name).mkdir()
    with ExitStack() as stack:
        yield (
            stack.enter_context(Nginx(tmp_path / "nginx")),
            stack.enter_context(Caddy(tmp_path / "caddy")),
        )


def test_a_host_is_served_by_both_and_dns_leads_past_one_that_is_down(
    migrated_sqlite_url: str, proxies: tuple[Nginx, Caddy]
) -> None:
    nginx, caddy = proxies
    group = grouped(sessions_over(migrated_sqlite_url))
    first, second = group.servers
    adapters: dict[int, Any] = {first: nginx.adapter, second: caddy.adapter}
    group.world.tools = replace(
        group.world.tools, proxy=lambda server: adapters[server.id], prober=HttpProber(timeout=5)
    )
    pki = Pki()
    party = pki.leaf("acme.com")
    facts = x509.facts(pem(party.certificate).encode())
    with Origin("shop") as origin:
        with group.world.sessions.begin(PLATFORM) as session:
            app = session.get_one(Application, group.ids[Application])
            app.upstream_host, app.upstream_port = origin.upstream.host, origin.upstream.port
            for number, kind, proxy in ((first, "nginx", nginx), (second, "caddy", caddy)):
                session.get_one(Server, number).proxy = {
                    "type": kind, "http_port": proxy.http_port, "https_port": proxy.https_port,
                    "probe_address": "127.0.0.1",
                }  # fmt: skip
        group.secure(pki.chain(party), party.secret.reveal(), facts.serial)
        group.bind(ssl_enabled=True)
        assert group.settle().status is BindingStatus.ACTIVE, group.binding().error_message
        root = pem(pki.root.certificate)
        assert [_status(one.https_port, root) for one in proxies] == [b"200", b"200"]
        assert group.binding().seen_serial == facts.serial
        assert group.led_to() == group.addresses(first, second)

        caddy.server.stop()
        group.look_at(MAX_FAILURES - 1)
        assert group.led_to() == group.addresses(first, second)
        group.look_at()
        assert group.led_to() == group.addresses(first)
        assert _status(nginx.https_port, root) == b"200"

        caddy.start_again()
        group.look_at()
        assert group.led_to() == group.addresses(first, second)

        nginx.stop()
        group.look_at(MAX_FAILURES)
        assert group.led_to() == group.addresses(second)
        caddy.server.stop()
        group.look_at(MAX_FAILURES + 1)
        assert group.led_to() == group.addresses(second), "the last one never leaves"


def _status(port: int, root: str) -> bytes:
    """Return the status of an answer over a connection whose certificate is trusted."""
    trusting = ssl.create_default_context(cadata=root)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as raw,
        trusting.wrap_socket(raw, server_hostname="acme.com") as secure,
    ):
        secure.sendall(b"GET / HTTP/1.1\r\nHost: acme.com\r\nConnection: close\r\n\r\n")
        return secure.recv(64).split()[1]
