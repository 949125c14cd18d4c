"""What `bench/acme.py` compares Nameplate with: certbot, lego, uacme and Caddy, each as it is used."""

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

from tests.servers.pebble import Pebble

THREADS = 8


class Bench(Protocol):
    """Where they do it."""

    folder: Path
    pebble: Pebble
    bundle: str


@dataclass(frozen=True, slots=True)
class Result:
    """How fast certificates came, and what each cost."""

    label: str
    count: int
    seconds: float
    cpu: float
    """Seconds of the processes that asked, without Pebble and the database."""
    memory: float = 0.0
    """MiB, the largest process."""

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    def show(self) -> None:
        print(
            f"{self.label:24} {self.rate:7.1f} certificates/s  {self.cpu / self.count * 1000:7.1f} ms CPU each"
            f"  {self.memory:6.0f} MiB",
            flush=True,
        )


class Peak:
    """The largest resident size of some processes, looked at ten times a second.

    What `wait4` says is that of the process they were forked from, when that was larger.
    """

    def __init__(self) -> None:
        self.largest = 0.0
        self._pids: set[int] = set()
        self._stopped = Event()
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def of(self, pid: int) -> Iterator[None]:
        self._pids.add(pid)
        yield
        self._pids.discard(pid)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stopped.wait(0.1):
            for pid in tuple(self._pids):
                with contextlib.suppress(OSError, IndexError):  # it has just ended
                    self.largest = max(self.largest, peak_of(pid))


def commands(
    bench: Bench,
    label: str,
    count: int,
    at_once: int,
    issue: Callable[[str, Path], list[str]],
    **env: str,
) -> Result:
    """Time `count` commands, each in a folder of its own (`at_once` of them)."""
    used: list[resource.struct_rusage] = []
    memory = Peak()

    def run(number: int) -> None:
        lane = bench.folder / f"{label}-{number % at_once}"
        lane.mkdir(exist_ok=True)
        command = issue(f"n{number}.{label}.com", lane)
        with (lane / "log").open("wb") as log:
            process = subprocess.Popen(command, env={**os.environ, **env}, stdout=log, stderr=log)
            with memory.of(process.pid):
                _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError((lane / "log").read_text()[-2000:])
        used.append(usage)

    def lane(first: int) -> None:
        for number in range(first, count + at_once, at_once):
            run(number)

    for number in range(at_once):
        run(number)  # registers the account
    used.clear()
    started = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lane, range(at_once, 2 * at_once)))
    seconds = time.perf_counter() - started
    cpu = sum(one.ru_utime + one.ru_stime for one in used)
    memory.stop()
    return Result(f"{label}, {at_once} at a time", count, seconds, cpu, memory.largest)


def certbot(bench: Bench, program: str) -> Result:
    def issue(name: str, lane: Path) -> list[str]:
        folders = [f"--{kind}-dir={lane / kind}" for kind in ("config", "work", "logs")]
        web = lane / "web"
        web.mkdir(exist_ok=True)
        return [
            program, "certonly", "--non-interactive", "--agree-tos", "--webroot", "-w", str(web),
            "--register-unsafely-without-email", "--server", bench.pebble.directory_url,
            *folders, "-d", name,
        ]  # fmt: skip

    return commands(bench, "certbot", 8, 2, issue, REQUESTS_CA_BUNDLE=bench.bundle)


def lego(bench: Bench, program: str) -> Result:
    def issue(name: str, lane: Path) -> list[str]:
        web = lane / "web"
        web.mkdir(exist_ok=True)
        return [
            program, "--server", bench.pebble.directory_url, "--accept-tos", "--email", "a@example.com",
            "--http", "--http.webroot", str(web), "--path", str(lane), "--domains", name, "run",
        ]  # fmt: skip

    return commands(bench, "lego", 64, THREADS, issue, LEGO_CA_CERTIFICATES=bench.bundle)


def uacme(bench: Bench, program: str) -> Result:
    """Run uacme, which trusts the system's authorities only: each command sees Pebble's as those."""
    hook = bench.folder / "hook.sh"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    mount = 'mount --bind "$0" /etc/ssl/certs/ca-certificates.crt && exec "$@"'
    trusting = ["unshare", "--mount", "sh", "-c", mount, bench.bundle, program]

    def issue(name: str, lane: Path) -> list[str]:
        base = [*trusting, "-y", "-a", bench.pebble.directory_url, "-c", str(lane), "-t", "EC"]
        if not (lane / "private" / "key.pem").exists():
            subprocess.run([*base, "new"], check=True, capture_output=True)
        return [*base, "-h", str(hook), "issue", name]

    return commands(bench, "uacme", 48, THREADS, issue)


def caddy(bench: Bench, program: str) -> Result:
    """Give Caddy all names in its configuration and count the certificates in its storage."""
    home = bench.folder / "caddy"
    home.mkdir()
    count = 40
    issuer = {
        "module": "acme",
        "ca": bench.pebble.directory_url,
        "trusted_roots_pem_files": [bench.bundle],
    }
    names = [f"n{number}.caddy-bench.com" for number in range(count)]
    policy = {"subjects": names, "issuers": [issuer]}
    config = {
        "admin": {"disabled": True},
        "storage": {"module": "file_system", "root": str(home)},
        "apps": {
            "http": {"http_port": 18080, "https_port": 18443, "servers": {}},
            "tls": {"certificates": {"automate": names}, "automation": {"policies": [policy]}},
        },
    }
    (home / "config.json").write_text(json.dumps(config))
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "run", "--config", str(home / "config.json")],
            env={**os.environ, "HOME": str(home)}, stdout=log, stderr=log,
        )  # fmt: skip
    started = time.perf_counter()
    try:
        while len(list(home.rglob("*.crt"))) < count:
            if time.perf_counter() - started > 120:
                count = len(list(home.rglob("*.crt")))
                break
            time.sleep(0.1)
        seconds = time.perf_counter() - started
        return Result("caddy", count, seconds, cpu_of(process.pid), peak_of(process.pid))
    finally:
        process.terminate()
        process.wait(20)


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_group(leader: int) -> float:
    """Return the CPU seconds of a process group, with what its ended children used.

    PostgreSQL's processes each lead a group of their own: they are known by their parent.
    """
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if leader in {int(fields[1]), int(fields[2])}:
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_of(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def program_of(name: str) -> str | None:
    found = os.environ.get(name.upper()) or shutil.which(name)
    beside = Path(sys.executable).with_name(name)
    return found or (str(beside) if beside.exists() else None)


RUN = {"certbot": certbot, "lego": lego, "uacme": uacme, "caddy": caddy}
