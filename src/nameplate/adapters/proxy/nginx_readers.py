"""Files that nginx's workers, who may be another user, read themselves while they answer."""

import grp
import os
import stat
from pathlib import Path

_NOBODY = ("nobody", "nogroup")
"""What nginx takes where nobody has named a user: the first of the two that exists."""


def are_known(folder: Path, group: str) -> bool:
    """Tell whether workers of this group will be able to read files in the folder.

    Without privileges nginx runs as our own user: another user's could not be told to reload.
    """
    return may_enter(folder) and (os.geteuid() != 0 or group_id(group) is not None)


def may_enter(folder: Path) -> bool:
    """Tell whether any worker of nginx can enter all that the folder lies in."""
    places = [place for place in folder.parents if place.exists()]
    return os.geteuid() != 0 or all(place.stat().st_mode & stat.S_IXOTH for place in places)


def group_id(group: str) -> int | None:
    """Return the number of the workers' group; None where files need no other group, or there is none."""
    if os.geteuid() != 0:
        return None
    for name in (group,) if group else _NOBODY:
        try:
            return grp.getgrnam(name).gr_gid
        except KeyError:
            continue
    return None


def place(path: Path, content: bytes, group: int | None) -> None:
    """Write a new file that its owner and one group can read, and nobody else."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if group is not None:
            os.fchown(file.fileno(), -1, group)
            os.fchmod(file.fileno(), 0o640)
        file.flush()
        os.fsync(file.fileno())
