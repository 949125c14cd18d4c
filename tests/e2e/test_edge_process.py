"""The edge's own port is served by a process of its own, for as long as `nameplate serve` runs."""

import http.client
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from nameplate.adapters.keyring import FileKeyRing
from nameplate.core.encryption import KeyRing
from nameplate.usecases.certificates import reachability
from nameplate.usecases.operations import schema
from tests.e2e.installation import Installation
from tests.servers.process import free_port

SOON = 20.0
"""Seconds for a process to come or to go on a busy machine."""


class Served:
    """An installation whose edge has a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        (folder / "home").mkdir()
        schema.upgrade(f"sqlite:///{folder / 'home' / 'nameplate.db'}")
        self.world = Installation(folder, {"NAMEPLATE_EDGE_PORT": str(self.port)}, workers=1)
        self.parent = self.world.serve_pid

    def keyring(self) -> KeyRing:
        """Return the ring of the installation, which parent and child read."""
        return FileKeyRing(self.world.folder / "home" / "keyring")

    def children(self) -> list[int]:
        """Return the processes that serve the edge's port, of this parent or of none."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                environment = (entry / "environ").read_bytes().split(b"\0")
                ours = b"NAMEPLATE_EDGE_PORT=%d" % self.port in environment
                if b"nameplate.edge_process" in words and ours:
                    found.append(int(entry.name))
        return found

    def ask(
        self, path: str = "/edge/ask?domain=a.example", *, port: int | None = None, **headers: str
    ) -> tuple[int, str]:
        """Ask the edge's port; whoever asks while no process runs waits for the next one."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=SOON)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.world.stop()
    assert until(lambda: not made.children()), "a process has outlived its parent"


def until(true: Callable[[], object]) -> bool:
    deadline = time.monotonic() + SOON
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_it_is_started_again_and_ends_with_its_parent(served: Served) -> None:
    assert until(lambda: served.ask()[0] == 404), "it answers when its hosts are loaded"
    (first,) = served.children()
    assert first != served.parent

    os.kill(first, signal.SIGKILL)
    assert served.ask()[0] in {404, 503}, "a connection waits for the next process"
    assert until(lambda: served.ask()[0] == 404)
    (second,) = served.children()
    assert second != first
    assert served.ask("/healthz", port=served.world.port)[0] == 200, "the API has not noticed"
    assert "server_process_ended" in served.world.logs()

    served.world.kill_serve()  # so that it can say nothing to its child
    assert until(lambda: not served.children())
    with socket.create_server(("127.0.0.1", served.port)):
        pass


def test_its_port_has_challenges_and_nothing_else_of_the_api(served: Served) -> None:
    host = "shop.example.com"
    key = served.keyring().primary
    token = f"nameplate-0123456789abcdef-{key}"
    expected = reachability.answer(served.keyring(), host, token)
    path = reachability.PATH

    assert served.ask(path + token, Host=f"Shop.Example.com.:{served.port}") == (200, expected)
    assert served.ask(path + token, Host="other.example.com")[1] != expected
    for wrong in ("nobody-knows-it", "a/b", "", "%00"):
        assert served.ask(path + wrong, Host=host)[0] == 404, wrong
    assert served.ask("/healthz")[0] == 404
    assert served.ask("/v1/domains")[0] == 404
