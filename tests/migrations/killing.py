"""Migrates in processes that kill themselves at a statement: `python killing.py`, one order a line.

An order is `URL upgrade|downgrade REVISION NUMBER before|after`; the answer is how the process ended.
It stays warm and forks for each order, so that a kill costs no start of an interpreter.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql.cursors
import sqlalchemy as sa

from nameplate.usecases.operations import schema

ROOT = Path(__file__).parents[2]


class Killer:
    """Takes orders."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def migrate(self, url: str, verb: str, revision: str, number: int, when: str) -> bool:
        """Migrate, and be killed at that statement; tell whether it came so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{url} {verb} {revision} {number} {when}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        assert answer in {"killed", "ended"}, answer
        return answer == "killed"


@contextmanager
def killer() -> Iterator[Killer]:
    """Start the warm process."""
    with subprocess.Popen(
        [sys.executable, __file__],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    ) as process:
        yield Killer(process)
        assert process.stdin is not None
        process.stdin.close()


class Fuse:
    """Counts statements and kills this process at one of them."""

    def __init__(self, number: int, when: str) -> None:
        self.left = number
        self.when = when

    def before(self, *_: object, **__: object) -> None:
        self.left -= 1
        if self.left == 0 and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)

    def after(self, *_: object, **__: object) -> None:
        if self.left == 0 and self.when == "after":
            os.kill(os.getpid(), signal.SIGKILL)


def burn(url: str, fuse: Fuse) -> None:
    """Count what goes to the server: on MariaDB our own notes too, which SQLAlchemy does not see."""
    if not url.startswith("mariadb"):
        sa.event.listen(sa.Engine, "before_cursor_execute", fuse.before)
        sa.event.listen(sa.Engine, "after_cursor_execute", fuse.after)
        return
    cursor: Any = pymysql.cursors.Cursor
    execute = cursor.execute

    lit: list[bool] = []

    def counted(self: Any, query: Any, args: Any = None) -> Any:
        if not lit and "GET_LOCK" not in str(query):
            return execute(self, query, args)  # nothing is done before the lock is held
        lit.append(True)
        fuse.before()
        try:
            return execute(self, query, args)
        finally:
            fuse.after()

    cursor.execute = counted


def main() -> None:
    for line in sys.stdin:
        url, verb, revision, number, when = line.split()
        child = os.fork()
        if child == 0:
            burn(url, Fuse(int(number), when))
            act = schema.upgrade if verb == "upgrade" else schema.downgrade
            act(url, revision=revision)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            answer = "killed"
        else:
            answer = "ended" if os.WEXITSTATUS(status) == 0 else f"failed {status}"
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
