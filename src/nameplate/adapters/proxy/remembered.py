"""What a process remembers of the servers that it configures, and what of it is still true.

An adapter lives for one step, so these are kept beside it, for as long as there is room.
"""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

BELIEVED = 600.0
"""Seconds after which a folder is read again although it looks untouched."""
FEW = 20
"""What is done anew rather than remembered."""
_MAX_ENTRIES = 1_000_000
_GRAIN = 0.1
"""Seconds within which a file system may give two changes the same time, and more."""

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

    @contextmanager
    def using(self, key: Hashable, size: int, make: Callable[[], T]) -> Iterator[T]:
        """Give the value for a work of this size, and keep it once that has ended well.

        A small work gets a new one, and leaves the one of a large work alone.
        """
        found = None if size < FEW else self.take(key)
        value = make() if found is None else found
        yield value
        if size >= FEW:
            self.keep(key, value, size)

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


class FileDigests:
    """Digests of the files of folders: each is read again when its own times or its place say so."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._known: Remembered[dict[str, _Seen]] = Remembered(_MAX_ENTRIES)

    def look(self, folder: Path) -> dict[str, bytes]:
        """Return the digest of each file by name; an empty one for what is no file."""
        known = self._known.take(folder) or {}
        seen: dict[str, _Seen] = {}
        with os.scandir(folder) as entries:
            for entry in entries:
                mark = _marked(entry.stat(follow_symlinks=False))
                found = known.get(entry.name)
                if found is None or found.mark != mark:
                    found = _Seen(mark, _digest(entry), time.monotonic())
                elif found.first_at is not None:  # another change could bear the same time
                    is_old = time.monotonic() - found.first_at > _GRAIN
                    found = _Seen(mark, _digest(entry), None if is_old else found.first_at)
                seen[entry.name] = found
        self._known.keep(folder, seen, len(seen))
        return {name: one.digest for name, one in seen.items()}


def digest(content: bytes) -> bytes:
    """Return the digest that `FileDigests` tells of this content."""
    return hashlib.sha256(content).digest()


class _Seen(NamedTuple):
    """A file as it was read."""

    mark: tuple[int, ...]
    digest: bytes
    first_at: float | None
    """When it was first read so; None when it was read long enough after that."""


def _digest(entry: os.DirEntry[str]) -> bytes:
    is_file = entry.is_file(follow_symlinks=False)
    return digest(Path(entry.path).read_bytes()) if is_file else b""


def _marked(found: os.stat_result) -> tuple[int, ...]:
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _mark(folder: Path) -> tuple[int, ...]:
    try:
        found = os.stat(folder)  # noqa: PTH116 - as Path.stat
    except FileNotFoundError:
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns
