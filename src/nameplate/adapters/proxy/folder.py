"""The folder of one proxy: one writer at a time, and typed errors for what the disk says."""

import contextlib
import errno
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path

from nameplate.core.errors import Refused, Unavailable
from nameplate.ports.proxy import PLAIN_PATH

_DIRECTORIES = re.compile(r"(?<![\w:/.])(?:/[^\s/\"':]+)*/(?=[^\s/\"':]+)")
_FULL = {errno.ENOSPC, errno.EDQUOT}
_MAX_LENGTH = 500


def check(folder: Path) -> Path:
    """Return the folder; Refused for a path that a proxy's configuration could misread."""
    if not PLAIN_PATH.fullmatch(str(folder)):
        detail = "Expected an absolute path of letters, digits and / _ . - only in `proxy.folder`."
        raise Refused("setting_invalid", detail)
    return folder


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder alone, over threads and processes; the kernel lets go after a crash.

    Raises `Unavailable` (`proxy_busy`, `disk_full`) and `Refused("proxy_folder_unusable")`, also
    for what the file system says to the caller's block.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as file:
            _lock(file.fileno())
            yield
    except OSError as error:
        if error.errno in _FULL:
            raise Unavailable(
                "disk_full", "The disk is full. The proxy keeps its current configuration."
            ) from None
        raise Refused(
            "proxy_folder_unusable", f"The proxy's folder cannot be used: {error.strerror}."
        ) from None


def sync(folder: Path) -> None:
    """Make the folder's entries survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def without_paths(complaint: str) -> str:
    """Return a proxy's own words without the folders of this machine, bounded."""
    return _DIRECTORIES.sub("", complaint)[:_MAX_LENGTH]


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Unavailable("proxy_busy", "Another process is configuring this proxy.") from None
