"""A cursor of psycopg that does what each statement would have to do again only once, or when needed.

psycopg makes an object of each column for every result, which takes as long as fetching the row;
SQLAlchemy asks only whether there are columns once it knows the statement. And psycopg looks for the
parameters of a statement each time anew when it is as long as ours are, or one of more than 128.
"""

from collections.abc import Iterator, Sequence
from typing import Any, overload

import psycopg
from psycopg._queries import PostgresQuery  # the class that a cursor's `_query_cls` extends
from psycopg.abc import Params, Query

_MOST = 2000
_LONGEST = 16 * 1024
"""Statements that are kept, and characters of one: those with long lists of values rarely come again."""
_KEPT: dict[str, tuple[Any, ...]] = {}


class KeptQuery(PostgresQuery):
    """`PostgresQuery` that remembers where the parameters of a statement are."""

    __slots__ = ()

    def convert(self, query: Query, vars: Params | None) -> None:  # noqa: A002 - psycopg's name
        """Set the statement as PostgreSQL wants it, and its parameters."""
        if type(query) is not str or type(vars) is not dict:
            super().convert(query, vars)
            return
        known = _KEPT.get(query)
        if known is not None:
            self.query, self._want_formats, self._order, self._parts = known
            self.dump(vars)
            return
        super().convert(query, vars)
        if len(query) <= _LONGEST and query.isascii():
            if len(_KEPT) >= _MOST:
                _KEPT.clear()
            # Of the parts only the kind of the first is looked at, as parameters have names.
            _KEPT[query] = self.query, self._want_formats, self._order, self._parts[:2]


class LazyCursor(psycopg.Cursor[Any]):
    """`Cursor` with a lazy `description` that knows statements again."""

    _query_cls = KeptQuery

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
