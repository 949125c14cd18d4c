"""A fresh Debian that boots with systemd and has a network of its own, with nothing in it but itself.

The machine's own way to the package registries is lent to it while it is set up, never afterwards.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from tests.servers.process import Server, program

SUITE = "bookworm"
_BASE = "ca-certificates,dbus,iproute2,systemd-sysv"
_TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
_LENT = ("/etc/resolv.conf", "/etc/pip.conf", _TRUSTED)
_CLONE_NEWNET = 0x40000000


class Debian:
    """A Debian of that suite below `root`: first a tree that packages are put into, then a machine."""

    def __init__(self, root: Path) -> None:
        """Fetch and unpack the base system."""
        self.root = root
        self._boot: Server | None = None
        self._pid = 0
        _run([program("debootstrap"), "--variant=minbase", f"--include={_BASE}", SUITE, str(root)])
        for lent in filter(os.path.exists, _LENT):
            shutil.copyfile(lent, f"{root}{lent}")

    def write(self, path: str, text: str) -> None:
        """Write a file, its folder too when it is missing."""
        file = Path(f"{self.root}{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def install(self, command: str, folder: str = "/") -> str:
        """Run a command that fetches packages, before the machine boots; return what it prints."""
        clean = {
            "PATH": os.environ["PATH"],
            "DEBIAN_FRONTEND": "noninteractive",
            "HOME": "/root",
            "NODE_EXTRA_CA_CERTS": _TRUSTED,  # npm brings its own and knows no registry's mirror
        }
        inside = ["chroot", str(self.root), "sh", "-c", f"cd {folder} && {command}"]
        return _run(inside, env=clean)

    def boot(self, *addresses: str) -> None:
        """Start systemd, and let the machine have these addresses beside loopback."""
        quiet = ["--register=no", "--keep-unit", "--console=pipe"]
        nspawn = [
            program("systemd-nspawn"),
            "-D",
            str(self.root),
            "--private-network",
            *quiet,
            "-b",
        ]
        self._boot = Server(nspawn, self.root.parent, ready=lambda: True)
        ends = time.monotonic() + 90
        while not self._is_up(self._boot.process.pid):
            assert time.monotonic() < ends, self._boot.log.read_text()[-3000:]
            time.sleep(0.3)
        for address in addresses:
            self.run(f"ip address add {address}/32 dev lo")

    def _is_up(self, nspawn: int) -> bool:
        children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
        self._pid = int(children[0]) if children else 0
        if self._pid == 0:
            return False
        done = self._inside("systemctl is-system-running")
        return done.stdout.strip() in {"running", "degraded"}

    def _inside(
        self, command: str, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", "-t", str(self._pid), "-m", "-u", "-i", "-n", "-p", "-r", "-w"]
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.run(
            [*enter, "bash", "-c", command],
            env={"PATH": path, "HOME": "/root", "COLUMNS": "100", **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=200,
            check=False,
        )

    def run(self, command: str, variables: Mapping[str, str] | None = None) -> str:
        """Run a command as root types it there, and return what a person sees."""
        done = self._inside(command, variables)
        assert done.returncode == 0, (command, done.stdout, self.journal())
        return done.stdout

    def journal(self) -> str:
        """Return what its services have said last."""
        return self._inside("journalctl --no-pager --lines 60").stdout

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """Put the calling thread, and what it starts, into the machine's network."""
        libc = ctypes.CDLL(None, use_errno=True)
        own, its_own = Path("/proc/thread-self/ns/net"), Path(f"/proc/{self._pid}/ns/net")
        with own.open() as ours, its_own.open() as its:
            if libc.setns(its.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(ours.fileno(), _CLONE_NEWNET)

    def stop(self) -> None:
        """Switch it off."""
        if self._boot is None:
            return
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGRTMIN + 4)  # systemd: power off
        ends = time.monotonic() + 30
        while self._boot.process.poll() is None and time.monotonic() < ends:
            time.sleep(0.2)
        self._boot.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _run(command: list[str], env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, (command, done.stdout[-3000:])
    return done.stdout
