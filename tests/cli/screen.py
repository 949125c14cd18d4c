"""A terminal as programs see it, and what a person sees on it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping

_TOKEN = re.compile(r"\x1b\[(\d*)([A-Za-z])|\r\n|\r|\n|[^\x1b\r\n]")


class Screen:
    """Runs a command whose standard streams are one terminal of `columns` by `lines`."""

    def __init__(
        self, words: list[str], env: Mapping[str, str], columns: int = 80, lines: int = 24
    ) -> None:
        self.columns, self.lines = columns, lines
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nameplate", *words],
            env={**env, "TERM": "xterm"}, stdin=slave, stdout=slave, stderr=slave,
        )  # fmt: skip
        os.close(slave)
        os.set_blocking(self._master, False)
        self._raw = b""

    def read(self) -> str:
        """Return everything that was written so far."""
        try:
            while chunk := os.read(self._master, 65536):
                self._raw += chunk
        except (BlockingIOError, OSError):
            pass
        return self._raw.decode()

    def until(self, done: Callable[[str], bool], seconds: float = 60.0) -> str:
        """Read until what was written is as wanted."""
        end = time.monotonic() + seconds
        while not done(self.read()):
            assert time.monotonic() < end, self.rows()
            time.sleep(0.05)
        return self.read()

    def ended(self, seconds: float = 60.0) -> int:
        """Wait until the command has ended and return its exit code."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, self.rows()
            self.read()
            time.sleep(0.05)
        self.read()
        return self.process.returncode

    def rows(self) -> list[str]:
        """Return every row that can be seen now, scrolled-out ones included."""
        rows, row, column = [""], 0, 0
        for match in _TOKEN.finditer(self.read()):
            text, number, letter = match.group(), match.group(1), match.group(2)
            if letter == "F":  # to the beginning of a row above, as far as the screen goes
                row, column = max(row - int(number or 1), len(rows) - self.lines, 0), 0
            elif letter == "J":
                rows[row:] = [rows[row][:column]]
            elif text in {"\n", "\r\n"}:
                row, column = row + 1, 0
            elif text == "\r":
                column = 0
            elif letter is None:
                if column == self.columns:
                    row, column = row + 1, 0
                rows += [""] * (row + 1 - len(rows))
                rows[row] = rows[row][:column].ljust(column) + text + rows[row][column + 1 :]
                column += 1
            rows += [""] * (row + 1 - len(rows))
        return rows

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)
