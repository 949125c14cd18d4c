"""A server in a process of its own, which accepts at a socket that this process has taken.

    start ─▶ running ─(it ends)─▶ paused ─▶ running …  ─(stop)─▶ ended

The socket stays open here, so who connects while none runs waits for the next one. The child reads
from a pipe that nothing is ever written to: its end is the end of this process, however it came.
"""

import logging
import os
import socket
import subprocess
import sys
import threading
import time

log = logging.getLogger(__name__)

_PAUSE, _MAX_PAUSE = 0.2, 30.0
"""Seconds before another one is started, twice as long each time that one ended soon."""
_SOON = 60.0
"""Seconds after which it did not end soon."""
_PATIENCE = 10.0
"""Seconds for what is under way when it is told to stop."""


class ServerProcess:
    """`python -m MODULE DESCRIPTOR`, started again whenever it ends, until it is told to stop."""

    def __init__(self, module: str, listener: socket.socket, *, name: str) -> None:
        """Take the module, whose process calls `inherited`, and where it listens."""
        self._command = [sys.executable, "-P", "-m", module, str(listener.fileno())]
        self._listener = listener
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def pid(self) -> int | None:
        """The process id of the one that was started last."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process, and watch it."""
        self._thread.start()

    def stop(self) -> None:
        """Have it answer what has come, and end."""
        with self._lock:
            self._stopping.set()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        pause = _PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            status = self._one()
            if self._stopping.is_set():
                return
            pause = _PAUSE if time.monotonic() - began > _SOON else min(2 * pause, _MAX_PAUSE)
            log.error("server_process_ended", extra={"server": self._thread.name, "status": status})
            self._stopping.wait(pause)

    def _one(self) -> int | None:
        """Run one until it ends, and return its status; None where none could be started."""
        with self._lock:
            if self._stopping.is_set():
                return None
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    pass_fds=[self._listener.fileno()],
                    start_new_session=True,  # Ctrl-C is for the parent, which then stops this one
                )
            except OSError as error:
                log.error("server_process_not_started", extra={"error": error.strerror})  # noqa: TRY400 - the reason says all
                return None
        with self._process as process:
            return process.wait()


def inherited(descriptor: int) -> socket.socket:
    """Return the socket that the parent has handed on, and end this process with the parent's end."""
    threading.Thread(target=_outlive_nobody, name="nameplate-parent", daemon=True).start()
    return socket.socket(fileno=descriptor)


def _outlive_nobody() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)
