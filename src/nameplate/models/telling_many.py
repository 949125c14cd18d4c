"""Events of statements that change many rows at once: one INSERT from the rows, before they change.

The rows are never read into the process. The statement is compared with the table of `event_types.py`:
where it sets a told column, an INSERT takes the events from the very rows that it is about to change,
which are locked by that. Only texts, numbers and switches are shown of them.

The INSERT is made once for all statements of one form (`_ToldForm`), which differ by values only.
"""

from collections.abc import Hashable, Mapping, Sequence
from copy import copy
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.sql import visitors

from nameplate.core.actor import Actor
from nameplate.models.event_types import TOLD
from nameplate.models.orm import BigId
from nameplate.models.telling import causes, meets
from nameplate.models.telling_inserts import Kind, ToldRows, inserts, is_sql, named

_OWNER = "told_owner"
_MAX_KNOWN = 500


@event.listens_for(Session, "do_orm_execute")
def _follow(state: ORMExecuteState) -> None:
    """Tell of the rows that a bulk statement is about to change."""
    if not (state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    kind = state.bind_mapper.class_
    told = TOLD.get(kind)
    if told is None:
        return
    values: Mapping[str, Any] = {}
    if state.is_update:
        values = _values(kind, state.statement)
        if _COLUMNS[kind].isdisjoint(values):
            return
    form = _ToldForm(state, kind, values)
    made = form.inserts()
    if not made:
        return
    own: Any = state.parameters or {}
    if isinstance(own, list):
        raise TypeError("A statement that changes told columns takes one set of parameters.")
    state.session.flush()
    connection = state.session.connection()
    given = form.parameters(state.session) | dict(own)
    for one in made:
        connection.execute(one, given)


_KNOWN: dict[Hashable, Sequence[sa.Insert]] = {}
"""By what makes one form: its kind, conditions and SQL, and which plain values it sets."""


class _ToldForm:
    """One bulk statement: what it has in common with others, and the values that are its own."""

    def __init__(self, state: ORMExecuteState, kind: Kind, values: Mapping[str, Any]) -> None:
        statement: Any = state.statement
        self._kind, self._told, self._is_delete = kind, TOLD[kind], state.is_delete
        self._where = tuple(statement._where_criteria)  # noqa: SLF001 - no public name
        shown = _COLUMNS[kind] | _EXPLAINING[kind]
        self._values = {name: value for name, value in values.items() if name in shown}
        actor = state.session.info.get("actor")
        own = isinstance(actor, Actor) and not actor.is_platform
        self._owner = actor.organization_id if isinstance(actor, Actor) and own else None
        self._own: Sequence[sa.BindParameter[Any]] = ()

    def inserts(self) -> Sequence[sa.Insert]:
        """Return the statements that add its events, which are made at the first of its form."""
        sql = {name: _element(value) for name, value in self._values.items() if is_sql(value)}
        keys = [_cache_key(part) for part in (*self._where, *sql.values())]
        if None in keys:
            return self._made(self._where, sql)
        plain = tuple((name, self._sort(name, value)) for name, value in self._values.items())
        parts = tuple(one.key for one in keys)
        form = self._kind, self._is_delete, self._owner is not None, plain, parts
        own = [one for key in keys for one in key.bindparams]
        known = _KNOWN.get(form)
        if known is None:
            apart = _ApartParameters(own)
            where = tuple(apart.named(part) for part in self._where)
            apart_sql = {name: apart.named(value) for name, value in sql.items()}
            if apart.missed:
                return self._made(self._where, sql)
            known = self._made(where, apart_sql)
            if len(_KNOWN) >= _MAX_KNOWN:
                _KNOWN.clear()
            _KNOWN[form] = known
        self._own = own
        return known

    def parameters(self, session: Session) -> dict[str, Any]:
        """Return the values of this statement, as the statements of its form name them."""
        found = {named(name): value for name, value in causes(session).items()}
        for name, value in self._values.items():
            if value is not None and not is_sql(value):
                found[named(name)] = value
        for place, own in enumerate(self._own):
            if not own.required:
                found[_numbered(place)] = own.effective_value
        found[_OWNER] = self._owner
        return found

    def _sort(self, name: str, value: Any) -> Hashable:  # noqa: ANN401 - a value or SQL
        """Return what of a value decides about the statements."""
        if is_sql(value):
            return "sql"
        meant = (meets(one.now, value) for one in self._told.transitions if one.column == name)
        return value is None, *meant

    def _made(
        self, where: tuple[sa.ColumnElement[bool], ...], sql: Mapping[str, Any]
    ) -> Sequence[sa.Insert]:
        kind = self._kind
        if self._owner is not None:
            own = kind.id if self._told.noun == "organization" else kind.organization_id
            where += (own == sa.bindparam(_OWNER, type_=BigId),)
        source = ToldRows(kind, self._told, where, {**self._values, **sql})
        return tuple(inserts(source, self._told, is_delete=self._is_delete))


class _ApartParameters:
    """The values in a statement, as parameters with names: another statement gives them its own."""

    def __init__(self, own: Sequence[sa.BindParameter[Any]]) -> None:
        self._named: dict[int, sa.BindParameter[Any]] = {}
        for place, one in enumerate(own):
            if not one.required and id(one) not in self._named:
                apart = self._named[id(one)] = copy(one)
                apart.key, apart.unique = _numbered(place), False
        self.missed = False
        """One could not be replaced: the statement cannot stand for others."""

    def named(self, part: Any) -> Any:  # noqa: ANN401 - SQL, and the same
        """Return a part of the statement with its parameters named."""

        def named(element: Any, **_: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's hook
            return self._named.get(id(element))

        found = visitors.replacement_traverse(part, {}, named)
        self.missed |= any(id(one) in self._named for one in visitors.iterate(found))
        return found


def _numbered(place: int) -> str:
    """Return how the parameter is named that is the statement's own."""
    return f"told_own_{place}"


_COLUMNS: Mapping[Kind, frozenset[str]] = {
    kind: frozenset(
        (
            *told.watched,
            *told.opaque,
            *(one.column for one in told.transitions),
            "deleted_at",
        )
    )
    for kind, told in TOLD.items()
}
"""The columns whose change can be an event."""
_EXPLAINING: Mapping[Kind, frozenset[str]] = {
    kind: frozenset(name for one in told.transitions for name in one.shown)
    for kind, told in TOLD.items()
}
"""Those that events show beside them."""


def _element(part: Any) -> Any:  # noqa: ANN401 - SQL
    return part.__clause_element__() if hasattr(part, "__clause_element__") else part


def _cache_key(part: Any) -> Any:  # noqa: ANN401 - SQL
    """Return what a part of a statement has in common with others, and its values; None: nothing."""
    return part._generate_cache_key()  # noqa: SLF001 - what statements are cached by


def _values(kind: Kind, statement: Any) -> dict[str, Any]:  # noqa: ANN401 - an UPDATE
    """Return what an UPDATE sets, by attribute: plain values where they are known, SQL otherwise."""
    pairs = [*(statement._values or {}).items()]  # noqa: SLF001 - as `tenancy` reads them
    pairs += getattr(statement, "_ordered_values", None) or ()
    names = _names(kind)  # type: ignore[arg-type]  # a class is hashable
    found = {}
    for column, value in pairs:
        key = getattr(column, "key", column)
        found[names.get(key, key)] = _literal(value)
    return found


@cache
def _names(kind: Any) -> Mapping[str, str]:  # noqa: ANN401 - a mapped class
    return {column.key: name for name, column in sa.inspect(kind).columns.items()}


def _literal(value: Any) -> Any:  # noqa: ANN401 - a value or SQL
    """Return the plain value that a part of a statement stands for, or the SQL that it is."""
    if isinstance(value, sa.Null):
        return None
    if isinstance(value, sa.BindParameter):
        return value if value.required else value.value
    return value
