"""The nginx program: test a configuration, reload, and know when the new workers serve."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from nameplate.core.errors import Refused, Unavailable

_COMPLAINT = re.compile(r"\[(?:emerg|alert|crit|error)\] (?:\d+#\d+: )?(.+)")
_TEST_SECONDS = 120
_LONG = 1.0
"""Seconds after which a reload may have been refused."""


def test(executable: str, main: Path | None) -> str:
    """Run `nginx -t`; return nginx's complaint with paths, empty when it accepts.

    Raises `Unavailable` when nginx cannot be run at all.
    """
    command = [executable, "-t", "-q", *(["-c", str(main)] if main else [])]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(
            "proxy_slow", f"`nginx -t` did not finish within {_TEST_SECONDS} s."
        ) from None
    except OSError as error:
        raise Unavailable("proxy_missing", f"nginx cannot be run: {error.strerror}.") from None
    if done.returncode == 0:
        return ""
    output = done.stderr.decode(errors="replace")
    found = _COMPLAINT.search(output)
    return found.group(1).strip() if found else "no reason given"


def master(pid_file: Path) -> int:
    """Return the process id of the running nginx, or raise `Unavailable`."""
    pid = find(pid_file)
    if pid is None:
        raise Unavailable(
            "proxy_down", f"nginx is not running according to {pid_file.name}. Start it."
        )
    return pid


def find(pid_file: Path) -> int | None:
    """Return the process id of the running nginx, or None.

    The process must really be an nginx master: a stale file may name somebody else's process.
    """
    try:
        pid = int(pid_file.read_text().strip())
    except (OSError, ValueError):
        return None
    return pid if pid > 1 and _title(pid).startswith("nginx: master process") else None


def users(pid: int) -> list[tuple[int, frozenset[int]]]:
    """Return user and groups of each worker that answers requests."""
    found = []
    for worker in _workers(pid):
        try:
            status = Path(f"/proc/{worker}/status").read_text()
        except OSError:
            continue
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        user, group = int(fields["Uid"].split()[1]), int(fields["Gid"].split()[1])
        found.append((user, frozenset({group, *map(int, fields["Groups"].split())})))
    return found


def reload(pid: int, seconds: float, test: Callable[[], None] = lambda: None) -> None:
    """Make the master load its configuration; return once only new workers accept connections.

    Raises `Refused` when the old workers still serve after `seconds`: nginx kept what it had. It says
    nowhere why, so when it takes long `test` is to raise that.
    """
    before = _workers(pid)
    signal_reload(pid)
    start = time.monotonic()
    is_tested = False
    while (passed := time.monotonic() - start) < seconds:
        now = _workers(pid)
        if now and not now & before:
            return
        if passed > _LONG and not is_tested:
            test()
            is_tested = True
        time.sleep(min(0.02 + passed / 20, 0.2))
    raise Refused(
        "proxy_reload_failed",
        f"nginx did not start workers with the new configuration within {seconds:g} s. The "
        "old workers keep serving. Check nginx's error log. Often a port is in use.",
    )


def signal_reload(pid: int) -> None:
    """Tell the master to load its configuration, without waiting."""
    try:
        os.kill(pid, signal.SIGHUP)
    except OSError:
        raise Unavailable(
            "proxy_down", "nginx has ended, or Nameplate may not send it signals."
        ) from None


def _workers(pid: int) -> frozenset[int]:
    """Return the workers that accept connections: those shutting down carry another title."""
    return frozenset(child for child in _children(pid) if _title(child) == "nginx: worker process")


def _children(pid: int) -> Iterable[int]:
    """Return the processes that a process of one thread has started.

    Where the kernel does not list them (CONFIG_PROC_CHILDREN) every process is asked for its parent.
    """
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        every = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208  # ten times faster than iterdir
        return (one for one in every if _parent(one) == pid)


def _parent(pid: int) -> int:
    """Return the parent's id; the process name in `stat` may hold spaces and parentheses."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def _title(pid: int) -> str:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()
