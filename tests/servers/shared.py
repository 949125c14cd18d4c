"""One server for a whole test run: whichever process needs it first starts it, the run ends it.

A server is kept by a small process of its own, which ends it as soon as the run lets go of its
lock. The system does that for a run that crashes or is killed, so no server is ever left behind.
"""

import contextlib
import fcntl
import importlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, Self

from tests.servers.process import ServerMissing

SECONDS = 60
"""How long a server may take to start, and all of them to end."""

_keepers: dict[Path, list[subprocess.Popen[bytes]]] = {}


class Shareable(AbstractContextManager[Any], Protocol):
    """A server that runs from its making until the end of its `with`, in the folder it is given."""

    def __init__(self, folder: Path) -> None: ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """What a test needs to reach it; must fit into JSON."""
        ...


class Run:
    """The servers of one test run, owned by the process that controls the run."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nameplate-servers-"))
        self.folder.chmod(0o711)  # servers run as other users and must get through
        self._alive = (self.folder / "alive").open("w")
        fcntl.flock(self._alive, fcntl.LOCK_EX)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._alive.close()
        deadline = time.monotonic() + SECONDS
        while any(self.folder.glob("*.json")) and time.monotonic() < deadline:
            time.sleep(0.02)
        for keeper in _keepers.pop(self.folder, []):
            keeper.wait(SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)


def shared(folder: Path, kind: type[Shareable]) -> dict[str, Any]:
    """Return the facts of the run's one server of this kind, started now if nobody did before.

    Raises ServerMissing when its program is not installed, RuntimeError when it does not start.
    """
    told = folder / f"{kind.__name__}.json"
    with (folder / f"{kind.__name__}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            _start_keeper(folder, kind, told)
    answer = json.loads(told.read_text())
    if "missing" in answer:
        raise ServerMissing(answer["missing"])
    if "failed" in answer:
        raise RuntimeError(answer["failed"])
    facts: dict[str, Any] = answer["facts"]
    return facts


def unprivileged(*names: str) -> str | None:
    """Return the first existing user of `names` when running as root, else None: stay who we are."""
    if os.geteuid() != 0:
        return None
    for name in (*names, "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise ServerMissing(f"no user to run the server as: one of {', '.join(names)}, nobody")


def _start_keeper(folder: Path, kind: type[Shareable], told: Path) -> None:
    keeper = subprocess.Popen(
        [sys.executable, "-m", __name__, f"{kind.__module__}:{kind.__qualname__}", str(folder)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the run; the keeper follows by the lock
    )
    _keepers.setdefault(folder, []).append(keeper)
    deadline = time.monotonic() + SECONDS
    while not told.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the keeper of {kind.__name__} ended without a word")
        time.sleep(0.02)


def _keep(place: str, folder: Path) -> None:
    """Run the server named `module:Class` until the run in `folder` is over."""
    module, _, name = place.partition(":")
    kind: type[Shareable] = getattr(importlib.import_module(module), name)
    own, told = folder / name, folder / f"{name}.json"
    own.mkdir()
    try:
        with kind(own) as server:
            _tell(told, {"facts": dict(server.facts)})
            _wait_for_end(folder)
    except ServerMissing as missing:
        _tell(told, {"missing": str(missing)})
        _wait_for_end(folder)
    except Exception:
        _tell(told, {"failed": traceback.format_exc()})
        _wait_for_end(folder)
    shutil.rmtree(own, ignore_errors=True)
    told.unlink()
    if not any(folder.glob("*.json")):
        shutil.rmtree(folder, ignore_errors=True)


def _tell(path: Path, answer: Mapping[str, Any]) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(answer))
    draft.rename(path)


def _wait_for_end(folder: Path) -> None:
    with (folder / "alive").open() as alive:
        fcntl.flock(alive, fcntl.LOCK_SH)


if __name__ == "__main__":
    _keep(sys.argv[1], Path(sys.argv[2]))
