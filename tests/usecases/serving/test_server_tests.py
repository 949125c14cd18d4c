"""Trying a server: what is found is told, and a tenant is not told what listens where."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from tests.models import world as rows
from tests.servers.process import free_port
from tests.usecases.offline import Offline

from nameplate.adapters.proxy.memory import MemoryProxy
from nameplate.adapters.proxy.probe import HttpProber
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import NotFound
from nameplate.db import Sessions
from nameplate.models import Organization, Server
from nameplate.ports.proxy import Collision
from nameplate.usecases.serving import server_tests
from nameplate.usecases.tools import Tools


@dataclass
class Names:
    """A resolver that knows these names."""

    known: dict[str, tuple[str, ...]]

    def addresses(self, name: str) -> tuple[str, ...]:
        return self.known.get(name, ())


@pytest.fixture
def tools(sessions: Sessions) -> Tools:
    resolver = cast("Any", Names({"edge.example.net": ("192.0.2.7",)}))
    return replace(
        Offline(sessions).tools,
        resolver=resolver,
        prober=HttpProber(),
        proxy=lambda _: cast("Any", None),
    )


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as there:
        yield there.getsockname()[1]


def proxied(sessions: Sessions, http: int, https: int) -> None:
    with sessions.begin(PLATFORM) as session:
        proxy = {"type": "memory", "http_port": http, "https_port": https}
        rows.server(session, None, address="127.0.0.1", proxy=proxy)


class Colliding(MemoryProxy):
    """A proxy whose operator has something of their own."""

    def collisions(self) -> list[Collision]:
        return [
            Collision("A default server.", "Remove it.", is_harmless=True),
            Collision("Late.", "Move."),
        ]


def test_what_meets_the_operators_own_configuration_is_told(
    sessions: Sessions, tools: Tools
) -> None:
    proxied(sessions, free_port(), free_port())
    tools = replace(tools, proxy=lambda _: Colliding())
    found = server_tests.run(sessions, tools, PLATFORM, "edge")
    told = [(one.ok, one.message, one.fix) for one in found if one.name == "collision"]
    assert told == [(True, "A default server.", "Remove it."), (False, "Late.", "Move.")]


def test_an_address_that_does_not_resolve_is_told(sessions: Sessions, tools: Tools) -> None:
    with sessions.begin(PLATFORM) as session:
        rows.server(session, None, name="right", address="edge.example.net")
        rows.server(session, None, name="wrong", address="egde.example.net")
    (right,) = server_tests.run(sessions, tools, PLATFORM, "right")
    assert (right.ok, right.message) == (True, "edge.example.net resolves to 192.0.2.7.")
    (wrong,) = server_tests.run(sessions, tools, PLATFORM, "wrong")
    assert (wrong.ok, wrong.name) == (False, "address")
    assert "egde.example.net does not resolve" in wrong.message
    assert wrong.fix.startswith("Publish A or AAAA records for egde.example.net")


def test_a_closed_port_is_told(sessions: Sessions, tools: Tools, listening: int) -> None:
    closed = free_port()
    proxied(sessions, listening, closed)
    found = {one.name: one for one in server_tests.run(sessions, tools, PLATFORM, "edge")}
    assert found["http"].ok
    assert not found["https"].ok
    assert f"127.0.0.1 does not accept connections on port {closed}" in found["https"].message
    assert found["proxy"].ok


def test_what_the_proxy_refused_is_told_and_tried_again(sessions: Sessions, tools: Tools) -> None:
    proxied(sessions, free_port(), free_port())
    with sessions.begin(PLATFORM) as session:
        row = session.query(Server).one()
        row.trouble_code, row.trouble_message = "proxy_refused", "nginx rejected it"
        row.next_action_at = None
    found = {one.name: one for one in server_tests.run(sessions, tools, PLATFORM, "edge")}
    assert (found["proxy"].ok, found["proxy"].message) == (False, "nginx rejected it")
    with sessions.begin(PLATFORM) as session:
        assert session.query(Server).one().next_action_at is not None


def test_a_tenant_learns_nothing_about_ports(
    sessions: Sessions, tools: Tools, listening: int
) -> None:
    with sessions.begin(PLATFORM) as session:
        acme: Organization = rows.organization(session)
        globex = rows.organization(session, slug="globex", name="Globex")
        proxy = {"type": "memory", "http_port": listening}
        rows.server(session, acme, address="127.0.0.1", proxy=proxy)
    found = server_tests.run(sessions, tools, Actor(acme.id), "edge")
    assert [one.name for one in found] == ["address"]
    with pytest.raises(NotFound):
        server_tests.run(sessions, tools, Actor(globex.id), "edge")
