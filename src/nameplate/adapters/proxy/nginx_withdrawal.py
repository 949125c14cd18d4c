"""Closing routes that nginx has loaded while it refuses to load anything new.

Every location of ours asks for a marker, one empty file for each route; the answer to a request for
a marked one is a closed connection. Markers last over restarts, and end when a whole configuration
without those routes is in place.
"""

import re
import shutil
import stat
from collections.abc import Collection
from pathlib import Path

from nameplate.adapters.proxy import nginx_process
from nameplate.adapters.proxy.folder import sync
from nameplate.adapters.proxy.nginx_fragments import WITHDRAWN
from nameplate.core.errors import Refused

_MARKERS = re.compile(rf"/{WITHDRAWN}/([A-Za-z0-9_-]+)[);]")


def begin(folder: Path, route_ids: Collection[str], pid_file: Path) -> None:
    """Mark routes, and take fragments of marked routes alone from what nginx would start with.

    Raises `Refused` with `withdrawal_unseen` when the running workers do not see the markers.
    """
    markers = folder / WITHDRAWN
    markers.mkdir(exist_ok=True)
    markers.chmod(0o755)
    folder.chmod(folder.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)  # keys have a folder below
    for route_id in route_ids:
        (markers / route_id).touch()
    sync(markers)
    looking = {path: _looked_for(path) for path in (folder / "current").glob("*.conf")}
    if not _are_seen(markers, pid_file) or set(route_ids) - set().union(*looking.values()):
        raise Refused(
            "withdrawal_unseen",
            "nginx rejects its configuration, and its workers cannot read in the proxy's folder which "
            "hosts to close. Give their user access to the folders on the path (`chmod o+x`).",
        )
    marked = {path.name for path in markers.iterdir()}
    for path, routes in looking.items():
        if routes and routes <= marked:
            path.unlink()


def end(folder: Path) -> None:
    """Remove all markers: what is loaded, or will be at the start, has none of those routes."""
    shutil.rmtree(folder / WITHDRAWN, ignore_errors=True)


def _looked_for(fragment: Path) -> set[str]:
    return set(_MARKERS.findall(fragment.read_text()))


def _are_seen(markers: Path, pid_file: Path) -> bool:
    master = nginx_process.find(pid_file)
    users = nginx_process.users(master) if master is not None else []
    return all(
        user == 0 or all(_may_enter(place, user, groups) for place in (markers, *markers.parents))
        for user, groups in users
    )


def _may_enter(place: Path, user: int, groups: frozenset[int]) -> bool:
    found = place.stat()
    if found.st_uid == user:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid in groups:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
