"""A real vantage on loopback, before name servers that the test scripts."""

import socket
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from tests.adapters.resolver.test_authoritative import LOOPBACK
from tests.servers.scripted_dns import Script, ScriptedDns

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.vantage.http import HttpVantages
from nameplate.core.secret import Secret
from nameplate.listener import ServerThread, listen
from nameplate.vantage import VantageApp

SECRET = Secret("a-secret-of-at-least-32-characters")


class VantageServer:
    """One vantage that sees what a scripted name server of `zone` says."""

    def __init__(
        self,
        stack: ExitStack,
        script: Script,
        *,
        name: str = "fra",
        zone: str = "com",
        secret: Secret = SECRET,
        late: timedelta = timedelta(0),
    ) -> None:
        self.name = name
        self.dns = stack.enter_context(ScriptedDns(script))
        known = {zone: [("ns1", "127.0.0.1", self.dns.port)]}
        resolver = AuthoritativeResolver(LOOPBACK, overrides=known, seconds=2)
        self.app = VantageApp(resolver, secret, name, lambda: datetime.now(UTC) + late)
        listener = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = ServerThread(self.app, listener, name=f"vantage-{name}")
        server.start()
        stack.callback(server.stop)


def nobody() -> str:
    """Return a URL at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def asking(
    servers: Iterable[VantageServer], *, dead: int = 0, secret: Secret = SECRET
) -> HttpVantages:
    """Return what asks these vantages, and some that do not answer."""
    urls = {one.name: one.url for one in servers}
    urls |= {f"dead{number}": nobody() for number in range(dead)}
    return HttpVantages(urls, secret, lambda: datetime.now(UTC), private=["corp.example"])
