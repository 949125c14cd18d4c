"""Change records one by one, where the provider cannot do several at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from nameplate.adapters.changes import rows
from nameplate.adapters.changes.answers import ChangeRefused
from nameplate.adapters.changes.batch import Unit
from nameplate.adapters.changes.creations import Creations
from nameplate.adapters.changes.dispatch import Ids
from nameplate.adapters.changes.rows import Row, Rows
from nameplate.core.errors import NameplateError, RateLimited, Refused, Unavailable
from nameplate.core.records import Change


class Records(Protocol):
    """The records of one zone. Raises like `dispatch.Send`."""

    def create(self, row: Row) -> Row:
        """Create the record and return it with its id."""
        ...

    def replace(self, row: Row) -> None:
        """Make the record with this id what `row` says."""
        ...

    def delete(self, row: Row) -> None:
        """Delete the record; one that is gone is fine."""
        ...


@dataclass(frozen=True, slots=True)
class _Step:
    do: Callable[[], object]
    undo: Callable[[], object]


class Singly:
    """Does units of changes in steps, and undoes the first ones when a later one is refused."""

    def __init__(self, zone: str, records: Records, creations: Creations) -> None:
        self._zone = zone
        self._records = records
        self._creations = creations
        self._made: list[Row] = []

    def send(self, unit: Unit, live: Rows) -> Mapping[Change, Ids]:
        """Do one unit; raises like `dispatch.Send`."""
        self._made = []
        done: list[_Step] = []
        for step in self._steps(unit, live):
            try:
                step.do()
            except NameplateError as error:
                self._stopped(done, error)
            done.append(step)
        there = [row for change in unit for row in live.get(change.key, ())]
        return {
            change: rows.ids(
                change, [r for r in (*there, *self._made) if r.key == change.key and r.id]
            )
            for change in unit
        }

    def _steps(self, unit: Unit, live: Rows) -> list[_Step]:
        planned = [rows.steps(change, live.get(change.key, ())) for change in unit]
        before = {row.id: row for change in unit for row in live.get(change.key, ())}
        deletes = [self._deletion(row) for one in planned for row in one.deletes]
        edits = [self._edit(row, before[row.id]) for one in planned for row in one.edits]
        creates = [self._creation(row) for one in planned for row in one.creates]
        # A switch to or from CNAME needs room first; otherwise nothing is missing in between.
        return [*deletes, *edits, *creates] if len(unit) > 1 else [*edits, *creates, *deletes]

    def _creation(self, row: Row) -> _Step:
        def do() -> None:
            self._creations.begin(self._zone, row)
            try:
                self._made.append(self._records.create(row))
            except (Refused, RateLimited):
                self._creations.forget(self._zone, row)
                raise
            except Unavailable as error:
                if error.code == "provider_unreachable":
                    self._creations.forget(self._zone, row)
                raise

        def undo() -> None:
            self._records.delete(next(made for made in self._made if made.value == row.value))
            self._creations.forget(self._zone, row)

        return _Step(do, undo)

    def _edit(self, row: Row, old: Row) -> _Step:
        def do() -> None:
            self._records.replace(row)
            self._made.append(row)

        return _Step(do, lambda: self._records.replace(old))

    def _deletion(self, row: Row) -> _Step:
        def do() -> None:
            self._records.delete(row)
            self._creations.forget(self._zone, row)

        return _Step(do, lambda: self._records.create(row))

    def _stopped(self, done: list[_Step], error: NameplateError) -> None:
        """Undo what was done and raise `error`; when that cannot be said, raise that it is unclear."""
        if isinstance(error, ChangeRefused):
            try:
                while done:
                    done.pop().undo()
            except NameplateError:
                raise Unavailable(
                    "partly_done", f"{error.detail} Only part of the change could be undone."
                ) from None
        if done:
            raise Unavailable("partly_done", f"{error.detail} Part of the change was made.")
        raise error
