"""A cursor of psycopg that describes its columns only when somebody reads that.

psycopg makes an object of each column for every result, which takes as long as fetching the row;
SQLAlchemy asks only whether there are columns once it knows the statement.
"""

from collections.abc import Iterator, Sequence
from typing import Any, overload

import psycopg


class LazyCursor(psycopg.Cursor[Any]):
    """`Cursor` with a lazy `description`."""

    @property
    def description(self) -> Sequence[psycopg.Column] | None:  # type: ignore[override]  # not a list
        """The columns of the current result; None when it has none."""
        result = self.pgresult
        if result is None or result.nfields == 0:
            return super().description
        return _Columns(self, result.nfields)

    def describe(self) -> Sequence[psycopg.Column]:
        """Return the columns, made now."""
        return super().description or ()


class _Columns(Sequence[psycopg.Column]):
    """The columns of the result that the cursor shows when they are first read."""

    def __init__(self, cursor: LazyCursor, count: int) -> None:
        self._cursor = cursor
        self._count = count
        self._made: Sequence[psycopg.Column] | None = None

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> psycopg.Column: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[psycopg.Column]: ...

    def __getitem__(self, place: int | slice) -> psycopg.Column | Sequence[psycopg.Column]:
        return self._all()[place]

    def __iter__(self) -> Iterator[psycopg.Column]:
        return iter(self._all())

    def _all(self) -> Sequence[psycopg.Column]:
        if self._made is None:
            self._made = self._cursor.describe()
        return self._made
