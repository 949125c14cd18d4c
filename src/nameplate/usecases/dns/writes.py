"""Statements for many rows of DNS at once, and what several domains write put together.

A zone of ten thousand records takes a handful of statements, and so do many small ones.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.models import LedgerEntry, event_types, telling
from nameplate.models.orm import Model

_CHUNK = 1000
"""Ids or rows in one statement: each is a parameter, or several."""
_RUN = 50
"""Rows for which a range is worth a statement of its own."""
_PLAIN = {"synchronize_session": False}


class Writes:
    """What is to be written of several domains, gathered so that equal changes are one statement.

    It is written at the end; what reads these rows before has it written first.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._new: list[dict[str, Any]] = []
        self._changes: dict[tuple[Any, ...], tuple[list[int], set[int]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if failure is None:
            self.write()

    def insert(self, rows: Iterable[dict[str, Any]]) -> None:
        """Have entries of the ledger inserted."""
        self._new += rows

    def change(
        self,
        make: Callable[..., sa.Update | sa.Delete],
        *given: object,
        of: int,
        ids: Sequence[int],
        column: Any = None,  # noqa: ANN401 - a mapped column
    ) -> None:
        """Have rows of the domain `of` changed by the statement that `make` returns for what is given.

        They are found by their `column`: the id of what `make` belongs to unless given.
        """
        if ids:
            key = make, given, make.__self__.id if column is None else column  # type: ignore[attr-defined]  # a method of a model
            of_all, domains = self._changes.setdefault(key, ([], set()))
            of_all += ids
            domains.add(of)

    def write(self) -> None:
        """Write all of it, in the order in which it was asked for."""
        new, self._new = self._new, []
        changes, self._changes = self._changes, {}
        bulk_insert(self.session, LedgerEntry, new)
        for (make, given, column), (ids, domains) in changes.items():
            each(self.session, make(*given), column, ids, of=sorted(domains))


def bulk_insert(session: Session, kind: type[Model], rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert many rows of a platform's transaction, a thousand at a time and without objects."""
    table: Any = kind.__table__
    left, connection = iter(rows), session.connection()
    is_told = kind in event_types.TOLD
    insert = sa.insert(table)
    if is_told:
        insert = insert.returning(table.c.id, sort_by_parameter_order=True)
    while some := list(islice(left, _CHUNK)):
        made = connection.execute(insert, some)
        if is_told:
            pairs = zip(made.scalars(), some, strict=True)
            telling.added(session, kind, ({**row, "id": id_} for id_, row in pairs))


def each(
    session: Session,
    statement: sa.Update | sa.Delete,
    column: Any,  # noqa: ANN401 - a mapped column
    ids: Sequence[int],
    *,
    of: Collection[int] = (),
) -> None:
    """Run a set-based statement for these ids: rows that were made together are one range.

    `of` are the domains whose rows they are, where that is known.
    """
    options: dict[str, Any] = {**_PLAIN, "nameplate_domains": of} if of else _PLAIN
    for first, last in _runs(ids):
        if last - first >= _RUN:
            where = column.between(first, last)
            session.execute(statement.where(where), execution_options=options)
    short = [
        id_ for first, last in _runs(ids) if last - first < _RUN for id_ in range(first, last + 1)
    ]
    for start in range(0, len(short), _CHUNK):
        where = column.in_(short[start : start + _CHUNK])
        session.execute(statement.where(where), execution_options=options)


def _runs(ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of every run of consecutive numbers."""
    ordered = sorted(set(ids))
    start = 0
    for place in range(1, len(ordered) + 1):
        if place == len(ordered) or ordered[place] != ordered[place - 1] + 1:
            yield ordered[start], ordered[place - 1]
            start = place
