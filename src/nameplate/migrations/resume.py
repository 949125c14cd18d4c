"""Revisions that can be run again on MariaDB, which commits at every statement that changes a table.

While a revision runs, a table notes how many of its statements are done. A statement that changes rows
is committed together with the note. One that changes a table is committed by the server before the
note is, so the first one after an interruption may have been done already: then the server says that
what it makes is there, or that what it removes is not, and that is taken as done.

A column that is dropped keeps its place in every row until the table is rebuilt. A table that went up
and down often has no room left, so it is rebuilt when the server says that.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import event

from nameplate.usecases.operations.revisions import JOURNAL_TABLE

Heads = tuple[str, ...]
Tell = Callable[[str], None]

_NOTHING = "DO 0"
_ABOUT_TABLES = ("ALTER", "CREATE", "DROP")
_DONE_BEFORE = frozenset({1005, 1022, 1050, 1051, 1060, 1061, 1091, 1826})
"""What MariaDB says of a thing that is there already, or gone already."""
_ROW_TOO_LARGE = 1118
_ALTERED = re.compile(r"\s*ALTER TABLE (\S+) ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A revision that was interrupted."""

    revision: str
    is_upgrade: bool
    done: int
    """How many of its statements are done."""


class Journal:
    """How far the revision under way has come, noted in the database itself."""

    def __init__(self, connection: sa.Connection, script: ScriptDirectory, tell: Tell) -> None:
        """Say by `tell` when an interrupted revision is completed."""
        self._connection = connection
        self._script = script
        self._tell = tell
        self._number = -1
        """Of the statement to come; -1 outside of a revision."""
        self._done = 0
        self._is_resumed = False

    def keep(self, context: MigrationContext) -> None:
        """Have the migrations of `context` noted, after those that were interrupted."""
        planned: Any = context._migrations_fn  # noqa: SLF001 - Alembic gives no other access to it
        steps: Any = lambda heads, here: self._steps(heads, here, planned)  # noqa: E731 - a value
        context._migrations_fn = steps  # noqa: SLF001 - the same
        event.listen(self._connection, "before_cursor_execute", self._before, retval=True)
        event.listen(self._connection, "after_cursor_execute", self._after)

    def _steps(
        self, heads: Heads, context: MigrationContext, planned: Callable[..., Iterable[Any]]
    ) -> Iterator[MigrationStep]:
        unfinished = self._read()
        if unfinished is not None:
            revision: Any = self._script.get_revision(unfinished.revision)
            step: Any = RevisionStep(self._script.revision_map, revision, unfinished.is_upgrade)
            if set(heads) != set(step.to_revisions):  # else only the note was left
                self._tell(f"Completing revision {unfinished.revision}, which was interrupted.")
                yield self._noted(step, unfinished.done, is_resumed=True)
                heads = tuple(step.to_revisions)
        for step in planned(heads, context):
            self._begin(step)
            yield self._noted(step, 0, is_resumed=False)
        self._run(f"DROP TABLE IF EXISTS {JOURNAL_TABLE}")

    def _noted(self, step: Any, done: int, *, is_resumed: bool) -> MigrationStep:  # noqa: ANN401 - Alembic's steps
        """Return the step with a note after each of its statements."""
        run = step.migration_fn

        def noted(**given: Any) -> None:  # noqa: ANN401 - what Alembic hands to a revision
            self._number, self._done, self._is_resumed = 0, done, is_resumed
            try:
                run(**given)
            finally:
                self._number = -1

        step.migration_fn = noted
        found: MigrationStep = step
        return found

    def _before(
        self,
        _connection: object,
        _cursor: object,
        statement: str,
        parameters: Any,  # noqa: ANN401 - the driver's
        *_: object,
    ) -> tuple[str, Any]:
        """Leave out what is done, and do what changes tables here."""
        if self._number < 0:
            return statement, parameters
        if self._number >= self._done:
            if not statement.lstrip().upper().startswith(_ABOUT_TABLES):
                return statement, parameters
            self._change_tables(statement, parameters)
        return _NOTHING, ()

    def _after(self, *_: object) -> None:
        if self._number < 0:
            return
        self._number += 1
        if self._number > self._done:
            self._run(f"UPDATE {JOURNAL_TABLE} SET done = {self._number}")  # noqa: S608 - our own words

    def _change_tables(self, statement: str, parameters: Any) -> None:  # noqa: ANN401 - the driver's
        """Run a statement that changes tables; the first after an interruption may have been done."""
        driver = self._connection.dialect.loaded_dbapi
        is_maybe_done = self._is_resumed and self._number == self._done
        try:
            try:
                self._run(statement, parameters)
            except driver.Error as error:
                if not self._made_room(statement, error.args[0]):
                    raise
                self._run(statement, parameters)
        except driver.Error as error:
            if not (is_maybe_done and error.args[0] in _DONE_BEFORE):
                raise sa.exc.DBAPIError.instance(
                    statement, parameters, error, driver.Error, hide_parameters=True
                ) from error

    def _made_room(self, statement: str, code: int) -> bool:
        """Rebuild the table without its dropped columns if its rows are too large; tell whether."""
        altered = _ALTERED.match(statement)
        if code != _ROW_TOO_LARGE or altered is None:
            return False
        self._tell(f"Rebuilding table {altered[1]}: dropped columns still take up its rows.")
        self._run(f"ALTER TABLE {altered[1]} FORCE")
        return True

    def _begin(self, step: Any) -> None:  # noqa: ANN401 - Alembic's steps
        """Note that a revision begins, and commit what was noted of the one before."""
        self._run(
            f"CREATE TABLE IF NOT EXISTS {JOURNAL_TABLE} "
            "(revision VARCHAR(32) NOT NULL, is_upgrade BOOLEAN NOT NULL, done INTEGER NOT NULL) "
            "ENGINE InnoDB COMMENT 'How far an unfinished migration has come.'"
        )
        self._run(f"DELETE FROM {JOURNAL_TABLE}", commit=False)  # noqa: S608 - our own words
        values = (step.revision.revision, step.is_upgrade)
        self._run(f"INSERT INTO {JOURNAL_TABLE} VALUES (%s, %s, 0)", values)  # noqa: S608 - our own words

    def _read(self) -> Unfinished | None:
        if not sa.inspect(self._connection).has_table(JOURNAL_TABLE):
            return None
        found = self._connection.execute(
            sa.text(f"SELECT revision, is_upgrade, done FROM {JOURNAL_TABLE}")  # noqa: S608 - our own words
        ).first()
        return None if found is None else Unfinished(found[0], bool(found[1]), found[2])

    def _run(self, statement: str, parameters: Any = None, *, commit: bool = True) -> None:  # noqa: ANN401 - the driver's
        """Run a statement that is no part of a revision."""
        raw = self._connection.connection
        cursor = raw.cursor()
        try:
            cursor.execute(statement, parameters)
        finally:
            cursor.close()
        if commit:
            raw.commit()
