"""What a process remembers of the servers that it configures, and what of it is still true.

An adapter lives for one step, so these are kept beside it, for as long as there is room.
"""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

BELIEVED = 600.0
"""Seconds after which a folder is read again although it looks untouched."""
_MAX_ENTRIES = 1_000_000

T = TypeVar("T")
F = TypeVar("F", bound=Sized)


class Remembered(Generic[T]):
    """Values by server. Who takes one has it alone, and puts it back when it is true again."""

    def __init__(self, room: int) -> None:
        """Take how large all values together may be, in what `keep` counts in."""
        self._room = room
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Hashable) -> T | None:
        """Return the value and forget it; None where there is none."""
        with self._lock:
            value, size = self._kept.pop(key, (None, 0))
            self._room += size
            return value

    def keep(self, key: Hashable, value: T, size: int) -> None:
        """Keep a value, at the expense of those that were not used for longest."""
        self.take(key)
        with self._lock:
            self._kept[key] = value, size
            self._room -= size
            while self._room < 0:
                _, (_, freed) = self._kept.popitem(last=False)
                self._room += freed


class FolderMemory(Generic[F]):
    """What is in folders whose files come and go but are never written twice.

    A folder's own times change with every file that comes or goes, so that as long as they are as they
    were, nothing has to be read.
    """

    def __init__(self, read: Callable[[Path], F]) -> None:
        """Take what reads a folder."""
        self._read = read
        self._known: Remembered[tuple[tuple[int, ...], float, F]] = Remembered(_MAX_ENTRIES)

    def look(self, folder: Path) -> F:
        """Return what is in the folder; whoever changes it says so by `changing`."""
        mark = _mark(folder)
        found = self._known.take(folder)
        if found is not None and found[0] == mark and time.monotonic() - found[1] < BELIEVED:
            self._known.keep(folder, found, len(found[2]))
            return found[2]
        content = self._read(folder)
        self._known.keep(folder, (mark, time.monotonic(), content), len(content))
        return content

    @contextmanager
    def changing(self, folder: Path) -> Iterator[F]:
        """Give what is in the folder, to be changed as the folder is; forget it where that fails."""
        content = self.look(folder)
        found = self._known.take(folder)
        read_at = time.monotonic() if found is None else found[1]
        yield content
        self._known.keep(folder, (_mark(folder), read_at, content), len(content))


def _mark(folder: Path) -> tuple[int, ...]:
    try:
        found = os.stat(folder)  # noqa: PTH116 - as Path.stat
    except FileNotFoundError:
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns
