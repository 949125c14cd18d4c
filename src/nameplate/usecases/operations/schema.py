"""Bring a database to a revision of the schema, and tell where it stands."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError

import nameplate
from nameplate.core.errors import Conflict, NotFound, Refused
from nameplate.database_errors import explained
from nameplate.usecases.operations.revisions import newer

LOCATION = Path(nameplate.__file__).parent / "migrations"
"""Where the revisions are; a host's Alembic finds them in `versions` below it."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of the schema."""

    id: str
    parent: str | None
    title: str
    is_head: bool


def upgrade(
    url: str | None = None,
    revision: str = "head",
    *,
    wait: int = 60,
    tell: Callable[[str], None] | None = None,
) -> str | None:
    """Bring the database forward to `revision` and return where it stands then.

    Without `url` the settings say which database. `wait` bounds in seconds how long another
    migration is waited for (SQLite: 8). Nothing changes when it stands there already. A revision that
    was interrupted on MariaDB is completed first, which `tell` is told in a sentence.
    Raises `NotFound` for an unknown revision or database, `Conflict` when the database is newer than
    this program, `NotPermitted` when it refuses the login, `Unavailable` when it cannot be reached.
    """
    return _migrate(_config(url, wait, tell), revision, command.upgrade)


def downgrade(
    url: str | None = None, *, revision: str, tell: Callable[[str], None] | None = None
) -> str | None:
    """Take the database back to `revision` and return where it stands; `base` leaves nothing.

    Raises as `upgrade`.
    """
    return _migrate(_config(url, tell=tell), revision, command.downgrade)


def current(url: str | None = None) -> str | None:
    """Return the revision that the database stands at, or None; raises as `upgrade`."""
    config = _config(url)
    found: list[str] = []

    def look(heads: tuple[str, ...], _context: object) -> list[object]:
        found.extend(heads)
        return []

    script = ScriptDirectory.from_config(config)
    with _explained(), EnvironmentContext(config, script, fn=look, dont_mutate=True):
        script.run_env()
    known = {revision.id for revision in history()}
    if found and found[0] not in known:
        raise newer(found[0])
    return found[0] if found else None


def history() -> tuple[Revision, ...]:
    """Return every revision, newest first; no database is asked."""
    script = ScriptDirectory(str(LOCATION))
    return tuple(
        Revision(
            step.revision,
            step.down_revision if isinstance(step.down_revision, str) else None,
            step.doc.rstrip("."),
            step.is_head,
        )
        for step in script.walk_revisions()
    )


def sql(url: str | None = None, revision: str = "head", start: str = "base") -> str:
    """Return the statements from `start` to `revision` for the kind of database at `url`.

    No database is asked. Raises `NotFound` for an unknown revision.
    """
    _known(revision)
    _known(start)
    output = io.StringIO()
    config = _config(url)
    config.output_buffer = output
    with _explained():
        command.upgrade(config, f"{start}:{revision}", sql=True)
    return output.getvalue()


def _migrate(config: Config, revision: str, act: Callable[[Config, str], None]) -> str | None:
    _known(revision)
    with _explained():
        act(config, revision)
    return current(config.attributes["url"])


def _config(url: str | None, wait: int = 60, tell: Callable[[str], None] | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(LOCATION).replace("%", "%%"))
    config.attributes.update(url=url, wait=wait, tell=tell)
    return config


def _known(revision: str) -> None:
    """Raise `NotFound` unless `revision` names one: an id, its beginning, head, base, +1 or -1."""
    if re.fullmatch(r"[+-]\d{1,4}", revision):
        return
    try:
        ScriptDirectory(str(LOCATION)).get_revisions(revision)
    except (AssertionError, CommandError, ResolutionError):  # Alembic asserts that it is not empty
        raise NotFound(
            "revision_unknown",
            f"There is no revision {revision[:64]!r}. Use one that `nameplate db history` lists.",
        ) from None


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what drivers and Alembic raise into one sentence that says what to do."""
    try:
        with explained():
            yield
    except CommandError as error:
        unknown = re.search(r"Can't locate revision identified by '([^']+)'", str(error))
        if unknown:
            raise newer(unknown[1]) from None
        raise Conflict("revision_out_of_reach", f"{error}".rstrip(".")) from None
    except TimeoutError:
        raise Conflict(
            "migration_running", "Another migration is running. Try again when it has ended."
        ) from None
    except OSError as error:
        raise Refused(
            "database_folder_refused",
            f"Cannot create the folder {error.filename}: {error.strerror}. Set "
            "NAMEPLATE_HOME to a writable folder.",
        ) from None
