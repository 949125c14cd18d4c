"""An agent that is killed at any point of taking a state over: the old or the new one, never a part.

What it does to the machine are files, processes and signals; it is killed before each of these in turn.
"""

import json
import multiprocessing
import os
import signal
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from tests.servers.nginx import Nginx

from nameplate.agent.channel import read_state
from nameplate.agent.kept import KeptState
from nameplate.agent.serving import ServingProxy
from nameplate.core import tokens, value_codec
from nameplate.ports.agents import AgentState
from nameplate.ports.proxy import Proxy, Route, Upstream
from nameplate.testing.proxy import self_signed

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])
TOKEN = tokens.api_token("a1", bytes(range(24)))
SHOP, GONE, BLOG = "shop.example.test", "gone.example.test", "blog.example.test"
_OUTWARD = frozenset(
    {
        "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod",
        "os.truncate", "os.kill", "subprocess.Popen", "shutil.rmtree",
    }
)  # fmt: skip
_EVERY = 11
"""Of the points, so many go by between two at which `make test` kills; `make torture` takes each."""


def _acts(event: str, args: tuple[Any, ...]) -> bool:
    """Tell whether an audited event changes something outside the process."""
    if event == "open":
        flags = args[2] if isinstance(args[2], int) else 0
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) and "nameplate" in str(args[0])
    return event in _OUTWARD


def _take_over(document: bytes, copy: Path, adapter: Proxy, die_at: int, told: Connection) -> None:
    """Do what an agent does with a new state, and end by SIGKILL before the act of that number."""
    passed = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal passed
        if passed >= 0 and _acts(event, args):
            passed += 1
            if passed == die_at:
                passed = -1
                os.kill(os.getpid(), signal.SIGKILL)

    state = read_state(document)
    kept = KeptState(copy, TOKEN.secret)
    serving = ServingProxy(lambda _state: adapter)
    before = kept.read()
    assert before is not None
    serving.expect(before)
    sys.addaudithook(hook)
    kept.write(state)
    done = serving.apply(state)
    told.send((passed, None if done.error is None else done.error.detail))


@dataclass
class Machine:
    """An nginx that serves one state, and the agent's copy of it."""

    nginx: Nginx
    copy: Path
    old: AgentState
    new: AgentState

    def crash(self, die_at: int) -> tuple[int, str | None] | None:
        """Have an agent take the new state over; return how many points it passed, None when it died."""
        receiving, sending = FORKS.Pipe(duplex=False)
        document = json.dumps(value_codec.encoded(self.new)).encode()
        given = (document, self.copy, self.nginx.adapter, die_at, sending)
        process = FORKS.Process(target=_take_over, args=given)
        process.start()
        sending.close()
        process.join(60)
        if process.exitcode == -signal.SIGKILL:
            return None
        found: tuple[int, str | None] = receiving.recv()
        return found

    def seen(self) -> tuple[str, int | None, int | None]:
        """Return what visitors see of the three hosts."""
        look = self.nginx.look
        return (
            look("https", SHOP).serial, look("https", GONE).status, look("https", BLOG).status,
        )  # fmt: skip

    def take(self, state: AgentState) -> None:
        """Do as an agent does that was started again."""
        kept = KeptState(self.copy, TOKEN.secret)
        serving = ServingProxy(lambda _state: self.nginx.adapter)
        before = kept.read()
        serving.expect(before or state)
        kept.write(state)
        assert serving.apply(state).error is None

    def keys(self) -> set[str]:
        """Return the names of all files beside certificates, hidden ones too."""
        folder = self.nginx.folder / "managed" / "certs"
        return {one.name for one in folder.iterdir()}


def _route(number: int, host: str, upstream: Upstream) -> tuple[Route, str]:
    pair, serial = self_signed(host)
    return Route(f"bnd_{number}", host, "/", upstream, replace(pair, id=f"crt_{number}-{serial[:8]}")), serial  # fmt: skip


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, module_origin: Upstream) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("nameplate-crashes")
    for above in (folder, *folder.parents[:2]):
        above.chmod(0o755)
    shop, _ = _route(1, SHOP, module_origin)
    renewed, _ = _route(1, SHOP, module_origin)
    gone, _ = _route(2, GONE, module_origin)
    blog, _ = _route(3, BLOG, module_origin)
    proxy = {"type": "nginx"}
    old = AgentState("srv_1", 1, "f1", "127.0.0.1", proxy, (shop, gone))
    new = AgentState("srv_1", 2, "f2", "127.0.0.1", proxy, (renewed, blog))
    with Nginx(folder) as nginx:
        made = Machine(nginx, folder / "nameplate-copy" / "state", old, new)
        made.take(old)
        yield made


@pytest.fixture(scope="module")
def module_origin() -> Iterator[Upstream]:
    from tests.servers.origin import Origin

    with Origin("one") as origin:
        yield origin.upstream


def _check(machine: Machine, states: tuple[Any, Any], point: int) -> None:
    kept = KeptState(machine.copy, TOKEN.secret).read()
    assert kept in (machine.old, machine.new), f"point {point}: the copy is neither"
    for path in (*machine.nginx.folder.rglob("*"), *machine.copy.parent.rglob("*")):
        if path.is_file() and b"PRIVATE KEY" in path.read_bytes():
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode & 0o077 == 0, f"point {point}: others may read {path.name}: {mode:o}"
    deadline = time.monotonic() + 5
    while (seen := machine.seen()) not in states:  # workers of both may answer for a moment
        assert time.monotonic() < deadline, f"point {point}: half a state: {seen}"
        time.sleep(0.05)


def _campaign(machine: Machine, every: int) -> None:
    machine.take(machine.old)
    before = machine.seen()
    whole = machine.crash(0)
    assert whole is not None
    points, error = whole
    assert (points > 20, error) == (True, None)
    _settled(machine, before)
    after, wanted = machine.seen(), machine.keys()
    machine.take(machine.old)
    for point in range(1, points + 1, every):
        assert machine.crash(point) is None, f"point {point} was not reached"
        _check(machine, (before, after), point)
        machine.take(machine.new)
        assert machine.keys() == wanted, f"point {point}: something stayed behind"
        machine.take(machine.old)


def _settled(machine: Machine, before: Any) -> None:
    deadline = time.monotonic() + 5
    while machine.seen() == before:
        assert time.monotonic() < deadline, "the new state is not served"
        time.sleep(0.05)


def test_killed_at_some_points(machine: Machine) -> None:
    _campaign(machine, _EVERY)


@pytest.mark.torture
def test_killed_at_every_point(machine: Machine) -> None:
    _campaign(machine, 1)
