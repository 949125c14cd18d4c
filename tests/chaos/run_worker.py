"""One worker in a process of its own, which can be made to end or to pause at a named point.

Processes are forked from a server that has imported everything: a start costs milliseconds.
"""

import dataclasses
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from types import TracebackType
from typing import Self

from nameplate import bootstrap, logs
from nameplate.db import Sessions
from nameplate.settings import Settings
from nameplate.usecases.tools import Tools
from nameplate.worker.loop import Worker

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """How a worker is to run."""

    settings: dict[str, str]
    """As in the environment."""
    log: Path
    die_at: str | None = None
    """Crash point at which the process ends itself by SIGKILL, the first time it is passed."""
    stop_at: str | None = None
    """Crash point at which the process pauses itself by SIGSTOP; resumed, it ends after that step."""
    tell_at: str | None = None
    """Crash point at which the process tells that it is there, and waits until it may go on."""
    act: Callable[[Sessions, Tools], object] | None = None
    """What is done instead of a worker's steps; can be pickled."""
    lease: float = 2.0
    poll: float = 0.1
    threads: int = 3


class WorkerProcess:
    """A running worker; the end of `with` ends it."""

    def __init__(self, job: Job) -> None:
        """Start at once."""
        self._told, telling = FORKS.Pipe(duplex=False)
        self._ready, self._go = FORKS.Event(), FORKS.Event()
        self.process: ForkServerProcess = FORKS.Process(
            target=_run, args=(job, telling, self._ready, self._go)
        )
        self.process.start()
        telling.close()

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until the process obeys SIGTERM as a worker does."""
        assert self._ready.wait(seconds)

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process.pid is not None
        return self.process.pid

    def wait_for_pause(self, seconds: float) -> bool:
        """Wait until the process has paused itself; False when it did not in time."""
        if not self._told.poll(seconds):
            return False
        self._told.recv()
        deadline = time.monotonic() + 5
        while _state(self.pid) != "T" and time.monotonic() < deadline:
            time.sleep(0.01)
        return _state(self.pid) == "T"

    def wait_until_told(self, seconds: float) -> bool:
        """Wait until the process is at the point where it tells; False when it was not in time."""
        return self._told.poll(seconds)

    def go_on(self) -> None:
        """Let a process go on that has told."""
        self._go.set()

    def resume(self) -> None:
        """Let a paused process go on."""
        os.kill(self.pid, signal.SIGCONT)

    def join(self, seconds: float) -> int | None:
        """Return the exit code (negative: the signal), or None when it still runs."""
        self.process.join(seconds)
        return self.process.exitcode

    def was_killed(self, seconds: float) -> bool:
        """Wait for the end, and tell whether a signal was it and neither a return nor an exception.

        255 is what multiprocessing says when its fork server has lost the status of a child.
        """
        return self.join(seconds) in {-signal.SIGKILL, 255}

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.join(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.is_alive():
            self.kill()
        self._told.close()
        self.process.close()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _run(job: Job, telling: Connection, ready: Event, go: Event) -> None:
    _log_to(job.log)
    settings = Settings.read(job.settings)
    sessions = bootstrap.sessions(settings)
    tools = bootstrap.tools(settings, bootstrap.keyring(settings))
    watch = _Watch(job, telling, go)
    poll = timedelta(seconds=job.poll)
    tools = dataclasses.replace(tools, poll=poll, checkpoint=watch.passed)
    if job.act is not None:
        ready.set()
        job.act(sessions, tools)
        return
    worker = Worker(sessions, tools, threads=job.threads, lease_for=timedelta(seconds=job.lease))
    watch.stop = worker.stop
    pools = [sessions.system_engine.pool, sessions._tenant.pool]
    watch.at_rest = lambda: all(pool.checkedout() == 0 for pool in pools)  # type: ignore[attr-defined]  # of QueuePool
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    ready.set()
    thread = threading.Thread(target=worker.run)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)


def _log_to(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream
    logs.to(sys.stderr)


class _Watch:
    """Ends, pauses or tells of the process at the named point, once."""

    def __init__(self, job: Job, telling: Connection, go: Event) -> None:
        self._job = job
        self._telling, self._go = telling, go
        self._lock = threading.Lock()
        self.stop: Callable[[], None] = lambda: None
        self.at_rest: Callable[[], bool] = lambda: True

    def passed(self, point: str) -> None:
        os.write(1, f"{time.time():.3f} {point}\n".encode())  # in one piece, whatever others write
        if point == self._job.die_at:
            signal.raise_signal(signal.SIGKILL)
        if point == self._job.tell_at and self._lock.acquire(blocking=False):
            self._telling.send(point)
            self._go.wait(30)
        if point == self._job.stop_at and self._lock.acquire(blocking=False):
            self.stop()
            time.sleep(0.1)
            while not self.at_rest():  # nobody pauses inside a transaction, holding its locks
                time.sleep(0.02)
            self._telling.send(point)
            signal.raise_signal(signal.SIGSTOP)  # to this thread: it must not get any further
