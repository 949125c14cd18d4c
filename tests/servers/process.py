"""Start a server program on loopback, wait until it answers, end it by its process id."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class ServerMissing(Exception):
    """The program of this server is not installed."""


def program(*names: str) -> str:
    """Return the path of the first of `names` that is installed, looking in sbin too."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/lib/postgresql/15/bin"
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    raise ServerMissing(f"{names[0]} is not installed: run `make servers`")


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a loopback port that is free for TCP and UDP at this moment."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                try:
                    udp.bind(("127.0.0.1", port))
                except OSError:
                    continue
            return port


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something accepts TCP connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=0.5):
        return True
    return False


class Server:
    """A child process with its output in a file, ended as a process group."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        ready: Callable[[], bool],
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        seconds: float = 30,
    ) -> None:
        """Start `command` in `folder` and return once `ready()` is true, or raise with its output."""
        self.log = folder / f"{Path(command[0]).name}.log"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else {**os.environ, **env},
                user=user,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = self.log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{command[0]} did not start:\n{tail}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def stop(self, seconds: float = 10) -> None:
        """End the process and its children: TERM first, KILL when it does not listen."""
        for sig in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sig)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                return
