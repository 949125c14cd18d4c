"""A folder that is a disk of its own, small enough to be filled."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import ServerMissing


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Make the folder a disk of its own, of 512 KiB."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise ServerMissing("mounting a small disk needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
