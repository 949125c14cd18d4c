"""The disk below a proxy's folder has a bad day."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from tests.badday.fault import Act
from tests.badday.town import Town
from tests.servers.disk import remount
from tests.servers.process import ServerMissing

Where = Callable[[Town], Path]
"""Returns the folder that Nameplate manages."""


def filled(where: Where) -> Act:
    """Leave no byte free there."""

    def act(town: Town) -> None:
        filler = _small(where(town)) / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(512)):
                pass

    return act


def freed(where: Where) -> Act:
    """Make room again."""
    return lambda town: (where(town) / "filler").unlink(missing_ok=True)


def read_only(where: Where) -> Act:
    """Let nobody write there."""
    return lambda town: remount(_small(where(town)), "ro")


def writable(where: Where) -> Act:
    """Let everybody write there again."""
    return lambda town: remount(where(town), "rw")


def _small(folder: Path) -> Path:
    if not folder.is_mount():
        raise ServerMissing("mounting a small disk needs root")
    return folder
