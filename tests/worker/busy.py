"""Organizations whose every step is answered in memory, for running workers to be busy with."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.usecases.offline import Offline

from nameplate.adapters.proxy.memory import MemoryProxy
from nameplate.core.actor import PLATFORM, Actor
from nameplate.db import Sessions, database_now
from nameplate.models import Server
from nameplate.ports.prober import ProbeResult, ProbeTarget
from nameplate.ports.proxy import Proxy
from nameplate.usecases.claims import domains, verifications
from nameplate.usecases.serving import applications, bindings, servers
from nameplate.usecases.tools import Tools
from nameplate.worker.loop import Worker


class Answering:
    """A prober to which every application answers."""

    def look_many(self, targets: Sequence[ProbeTarget]) -> Sequence[ProbeResult]:
        return [
            ProbeResult(one, connected=True, serial=one.expected_serial, status=200)
            for one in targets
        ]


@dataclass
class Busy:
    """A world of `Offline` with proxies in memory and applications that answer."""

    sessions: Sessions
    proxies: dict[int, MemoryProxy] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.offline = Offline(self.sessions)
        prober: Any = Answering()
        self.tools: Tools = replace(self.offline.tools, proxy=self._proxy, prober=prober)

    def _proxy(self, server: Server) -> Proxy:
        return self.proxies.setdefault(server.id, MemoryProxy())

    def server(self, name: str = "edge") -> int:
        """Add a server of the platform."""
        with self.sessions.begin(PLATFORM) as session:
            return servers.add(
                session, self.tools, PLATFORM, now=database_now(session),
                name=name, address=f"{name}.example.net", proxy={"type": "memory"},
            ).id  # fmt: skip

    def organization(self, name: str) -> Actor:
        """Add an organization with one application."""
        actor = self.offline.organization(name)
        with self.sessions.begin(PLATFORM) as session:
            applications.add(
                session, PLATFORM, name="shop", organization=name,
                upstream_host="127.0.0.1", upstream_port=8000,
            )  # fmt: skip
        return actor

    def claim(self, actor: Actor, name: str) -> int:
        """Claim a name whose proof is published."""
        with self.sessions.begin(actor) as session:
            row = domains.add(session, self.tools, actor, name=name)
            for proof in verifications.page(session, actor, limit=5, domain=name):
                self.offline.method.published[name] = proof.verification_token
            return row.id

    def bind(self, actor: Actor, name: str, server: str = "edge", **settings: Any) -> int:
        """Bind the application to a name, without a certificate."""
        with self.sessions.begin(actor) as session:
            return bindings.add(
                session, self.tools, actor, application="shop", domain=name, server=server,
                now=database_now(session), **{"ssl_enabled": False, **settings},
            ).id  # fmt: skip


def until(seen: Callable[[], bool], seconds: float) -> float | None:
    """Return after how many seconds something is so, or None when it is not."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if seen():
            return time.monotonic() - began
        time.sleep(0.02)
    return None


@contextmanager
def going(*workers: Worker) -> Iterator[None]:
    """Have workers run meanwhile."""
    threads = [threading.Thread(target=worker.run) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.stop()
        for thread in threads:
            thread.join(15)
