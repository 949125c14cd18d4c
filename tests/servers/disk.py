"""A folder that is a disk of its own, small enough to be filled."""

import contextlib
import subprocess
import time
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


def remount(folder: Path, mode: str) -> None:
    """Make the disk `ro` or `rw`, once nobody writes."""
    command = ["mount", "-o", f"remount,{mode}", str(folder)]
    for _ in range(50):
        if not subprocess.run(command, capture_output=True, check=False).returncode:
            return
        time.sleep(0.05)
    raise RuntimeError(f"{folder} is not {mode}")
