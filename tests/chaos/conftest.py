"""Scenes for campaigns: each with a database, a proxy and a domain of its own."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.world import Scene, World
from tests.conftest import FOLDER
from tests.databases import Templates, sessions_over
from tests.servers import mariadb, postgresql
from tests.servers.shared import shared

Open = Callable[[str, str], contextlib.AbstractContextManager[Scene]]
"""Takes the kind of database and a label that becomes part of the domain's name."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start the servers that all scenes of a module share."""
    folder = tmp_path_factory.mktemp("world")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)  # nginx's workers and PowerDNS are other users
    with World(folder) as made:
        yield made


@pytest.fixture(scope="module")
def scenes(
    request: pytest.FixtureRequest, templates: Templates, world: World, tmp_path_factory
) -> Open:
    """Open scenes in `world`; threads may do so at the same time."""
    return opener(request, templates, world, tmp_path_factory.mktemp("databases"))


def opener(
    request: pytest.FixtureRequest, templates: Templates, world: World, folder: Path
) -> Open:
    """Return the function that opens scenes in a world."""
    run = request.config.stash[FOLDER]
    lock = threading.Lock()
    one_at_a_time = threading.Lock()

    @contextlib.contextmanager
    def database(kind: str, label: str) -> Iterator[str]:
        with contextlib.ExitStack() as stack:
            with lock:
                if kind == "sqlite":
                    made = templates.sqlite(folder / f"{label}.db")
                elif kind == "postgresql":
                    made = templates.postgresql(shared(run, postgresql.PostgreSQL)["port"])
                else:
                    stack.enter_context(one_at_a_time)  # there is one, emptied between scenes
                    made = templates.mariadb(shared(run, mariadb.MariaDB)["port"])
                url = stack.enter_context(made)
            yield url

    @contextlib.contextmanager
    def scene(kind: str, label: str) -> Iterator[Scene]:
        with database(kind, label) as url:
            sessions = sessions_over(url)
            try:
                with Scene(world, url, sessions, label) as made:
                    yield made
            finally:
                sessions.dispose()

    return scene
