"""Migrations whose connection to the database breaks at a statement, inside the process of the test.

For the server that is what a killed client is: the connection ends, without a commit. A process costs
more than most statements do, so that this way every statement of every revision has its turn.
"""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pymysql.cursors
import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from nameplate.db import engine
from nameplate.usecases.operations import schema
from nameplate.usecases.operations.revisions import JOURNAL_TABLE

MAX_STATEMENTS = 500
"""More than any revision has."""
_CHANGES_NOTHING = ("SELECT", "DESCRIBE", "SHOW", "SET", "PRAGMA main", "COMMENT ON")
"""A break before one of these is a break before what comes next: PostgreSQL loses comments with the
table that they describe, and makes ten times as many."""


class Cut(BaseException):
    """The connection broke."""


@dataclass
class Scissors:
    """Break the connection before a statement, or before one of our notes that follow it (MariaDB)."""

    statement: int
    """Counted from 1; the last commit counts too."""
    note: int = 0
    """Counted from 1; 0: before the statement itself."""
    was_next: bool = False
    """There were fewer notes: it broke before the statement that followed."""
    _statements: int = 0
    _notes: int = 0

    def at_statement(self, connection: sa.Connection) -> None:
        """Count a statement, and break the connection if it is the one, or too late for the note."""
        self._statements += 1
        self._notes = 0
        if self._statements == self.statement and not self.note:
            cut(connection.connection.driver_connection)
        if self._statements > self.statement:
            self.was_next = True
            cut(connection.connection.driver_connection)

    def at_note(self, connection: Any) -> None:
        """Count a note."""
        self._notes += 1
        if (self._statements, self._notes) == (self.statement, self.note):
            cut(connection)


def cut(connection: Any) -> None:
    """Break a connection as the end of its process would, and raise `Cut`."""
    if isinstance(connection, pymysql.Connection):
        broken: Any = connection
        broken._force_close()  # its types are not whole
    else:
        connection.close()
    raise Cut


class Migrations:
    """Runs the revisions over and over; the files of the revisions are read once."""

    def __init__(self, url: str) -> None:
        """Migrate the database at `url`."""
        self._config = Config()
        self._config.set_main_option("script_location", str(schema.LOCATION))
        self._script = ScriptDirectory.from_config(self._config)
        self._engine = engine(url, pool_size=1)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def run(self, destination: str, *, is_upgrade: bool) -> None:
        """Migrate to `destination`, as `schema.upgrade` and `schema.downgrade` do."""

        def planned(heads: Any, _context: object) -> Any:
            if is_upgrade:
                return self._script._upgrade_revs(destination, heads)
            return self._script._downgrade_revs(destination, heads)

        with self._engine.connect() as connection:
            self._config.attributes["connection"] = connection
            environment = EnvironmentContext(
                self._config, self._script, fn=planned, destination_rev=destination
            )
            try:
                with environment:
                    self._script.run_env()
            except BaseException:
                connection.invalidate()
                raise

    def run_until(self, scissors: Scissors, destination: str, *, is_upgrade: bool) -> bool:
        """Migrate until the connection breaks; tell whether it did."""
        try:
            with using(scissors):
                self.run(destination, is_upgrade=is_upgrade)
        except Cut:
            return True
        except Exception as error:
            # What tidies up after a break finds the connection broken, and says that instead.
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, Cut):
                cause = cause.__context__
            if cause is None:
                raise
            return True
        return False

    def run_through_cuts(self, destination: str, *, is_upgrade: bool) -> int:
        """Migrate with a break at every statement, each time beginning where the last one ended.

        Return how often it broke.
        """
        scissors, breaks = Scissors(1), 0
        while self.run_until(scissors, destination, is_upgrade=is_upgrade):
            breaks += 1
            number, note = scissors.statement, scissors.note + 1
            if scissors.was_next:
                number, note = number + 1, 1
            scissors = Scissors(number, note)
            assert number < MAX_STATEMENTS
        return breaks


@contextlib.contextmanager
def using(scissors: Scissors) -> Iterator[None]:
    """Show every statement to the scissors: on MariaDB our notes too, which SQLAlchemy does not see."""
    cursor: Any = pymysql.cursors.Cursor
    execute = cursor.execute

    def at_statement(
        connection: sa.Connection, _cursor: object = None, statement: str = "", *_: object
    ) -> None:
        if not statement.startswith(_CHANGES_NOTHING):
            scissors.at_statement(connection)

    def noted(self: Any, query: Any, args: Any = None) -> Any:
        if JOURNAL_TABLE in str(query) and not str(query).startswith(_CHANGES_NOTHING):
            scissors.at_note(self.connection)
        return execute(self, query, args)

    logging.disable(logging.ERROR)  # the pool's, of broken connections
    cursor.execute = noted
    sa.event.listen(sa.Engine, "before_cursor_execute", at_statement)
    sa.event.listen(sa.Engine, "commit", at_statement)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", at_statement)
        sa.event.remove(sa.Engine, "commit", at_statement)
        cursor.execute = execute
        logging.disable(logging.NOTSET)
