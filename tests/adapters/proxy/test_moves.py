"""An application moves from one real proxy to another and back, and no visitor notices.

Some visitors ask for the host's address each time; others have it in a cache, and go on to the server that is
left until the records' time to live has passed.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.usecases.serving.group_rig import Group, grouped
from tests.usecases.serving.test_departures import HOST, later, led, shown
from tests.usecases.serving.test_places import move

from nameplate.adapters.proxy.probe import HttpProber
from nameplate.core.actor import PLATFORM
from nameplate.core.pointing import TTL
from nameplate.models import Application, Server
from nameplate.testing.proxy import Visit, visit
from nameplate.usecases.serving import pacing

_EACH = 20
"""Visits of each kind that every step of a move sees at least."""
_PAUSE = 0.01
_MAX_STEPS = 20


@dataclass
class Place:
    """The platform, its two proxies, and where visitors are led."""

    group: Group
    running: dict[int, Any]
    asks_again: bool
    """A visitor whose connection was closed without an answer asks once more, as browsers do."""
    fresh: int = 0
    """The server that name servers answer with."""
    cached: int = 0
    """The server that resolvers remember."""
    seen: dict[str, list[Visit]] = field(default_factory=lambda: {"fresh": [], "cached": []})

    def visit(self, kind: str, done: threading.Event) -> None:
        """Visit again and again."""
        while not done.is_set():
            port = self.running[getattr(self, kind)].http_port
            found = visit(("127.0.0.1", port), HOST, scheme="http")
            if found.status is None and self.asks_again:
                found = visit(("127.0.0.1", port), HOST, scheme="http")
            self.seen[kind].append(found)
            done.wait(_PAUSE)

    def wait(self) -> None:
        """Return when enough have come of either kind."""
        before = {kind: len(found) for kind, found in self.seen.items()}
        deadline = time.monotonic() + 30
        while any(len(found) < before[kind] + _EACH for kind, found in self.seen.items()):
            assert time.monotonic() < deadline, "nobody came"
            time.sleep(0.01)

    def follow(self) -> None:
        """Have name servers answer with the records as they are."""
        (address,) = self.group.led_to()
        self.fresh = int(address.rpartition(".")[2])
        led(self.group)

    def move(self) -> None:
        """Move the binding to the other server, step by step."""
        left = self.fresh
        (to,) = set(self.running) - {left}
        move(self.group, server=shown(to))
        for _ in range(_MAX_STEPS):
            self.group.look_at()
            self.group.configure()
            self.follow()
            self.wait()
            if self.fresh == to:
                break
        assert self.fresh == to, self.group.binding().error_message
        self.group.configure(left)
        self.wait()
        later(self.group, TTL)
        self.cached = to
        self.wait()
        self.group.configure(left)
        self.wait()
        assert self.running[left].look("http", HOST).origin is None, "it is left at last"

    @contextmanager
    def visitors(self) -> Iterator[None]:
        """Have visitors of either kind come until the block ends."""
        done = threading.Event()
        threads = [
            threading.Thread(target=self.visit, args=(kind, done)) for kind in ("fresh", "cached")
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            done.set()
            for thread in threads:
                thread.join()


@pytest.fixture(params=["nginx traefik", "traefik crowded_nginx", "caddy nginx"])
def place(
    request: pytest.FixtureRequest,
    migrated_sqlite_url: str,
    origins: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    """Give a host that the first of two proxies serves alone."""
    monkeypatch.setattr(pacing, "QUICK", 600.0)
    sessions = sessions_over(migrated_sqlite_url)
    group = grouped(sessions)
    names = request.param.split()
    running = dict(zip(group.servers, map(request.getfixturevalue, names), strict=True))
    with sessions.begin(PLATFORM) as session:
        app = session.get_one(Application, group.ids[Application])
        app.upstream_host, app.upstream_port = "127.0.0.1", origins[0].port
        for number, server in running.items():
            session.get_one(Server, number).proxy = {
                "type": type(server).__name__.lower(), "http_port": server.http_port,
                "https_port": server.https_port, "probe_address": "127.0.0.1",
            }  # fmt: skip
            server.adapter.apply(server.adapter.render([]))
    group.world.tools = replace(
        group.world.tools,
        proxy=lambda server: running[server.id].adapter,
        prober=HttpProber(timeout=3),
    )
    first = group.servers[0]
    group.bind(server_group=None, server=shown(first))
    group.settle()
    made = Place(group, running, "caddy" in names, first, first)
    made.follow()
    assert made.fresh == first
    yield made
    sessions.dispose()


@pytest.mark.parametrize("count", [2, pytest.param(20, marks=pytest.mark.torture)])
def test_nobody_is_lost_while_an_application_moves_between_servers(
    place: Place, count: int
) -> None:
    with place.visitors():
        place.wait()
        for _ in range(count):
            place.move()
    lost = {
        kind: [one for one in found if (one.status, one.origin is None) != (200, False)]
        for kind, found in place.seen.items()
    }
    came = {kind: len(found) for kind, found in place.seen.items()}
    print(f"{count} moves, visits {came}, lost { {kind: len(one) for kind, one in lost.items()} }")
    assert not any(lost.values()), {kind: found[:3] for kind, found in lost.items()}
