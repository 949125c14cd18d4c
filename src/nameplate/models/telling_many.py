"""Events of statements that change many rows at once: one INSERT from the rows, before they change.

The rows are never read into the process. The statement is compared with the table of `event_types.py`:
where it sets a told column, an INSERT takes the events from the very rows that it is about to change,
which are locked by that. Only texts, numbers and switches are shown of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.sql import expression

from nameplate.core.actor import Actor
from nameplate.models.domains import Domain
from nameplate.models.event_types import TOLD, ColumnState, Told, Transition, Wanted
from nameplate.models.events import Event
from nameplate.models.orm import Json
from nameplate.models.records import Record
from nameplate.models.telling import CHANGED, causes, meets

Kind = type[Any]
Pair = tuple[str, sa.ColumnElement[Any]]


class json_object(expression.FunctionElement[Any]):  # noqa: N801 - reads as an SQL function
    """A JSON object of names and values."""

    type = Json
    inherit_cache = True

    def __init__(self, *pairs: Pair) -> None:
        """Take the names and their values."""
        parts: list[Any] = []
        for name, value in pairs:
            switch = isinstance(value.type, sa.Boolean)
            text = isinstance(value.type, sa.String)
            shown = json_switch(value) if switch else json_text(value) if text else value
            parts += [sa.literal_column(f"'{name}'"), shown]
        super().__init__(*parts)


class json_text(expression.FunctionElement[str]):  # noqa: N801 - reads as an SQL function
    """A text, in MariaDB in the one collation that its JSON has."""

    type = sa.String()
    inherit_cache = True


class json_switch(expression.FunctionElement[Any]):  # noqa: N801 - reads as an SQL function
    """A truth value as JSON has it, where the database keeps a number."""

    type = Json
    inherit_cache = True


@compiles(json_object)
def _object(element: json_object, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    return f"json_object({compiler.process(element.clauses, **kw)})"


@compiles(json_object, "postgresql")
def _object_postgresql(element: json_object, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    return f"jsonb_build_object({compiler.process(element.clauses, **kw)})"


@compiles(json_text)
def _text(element: json_text, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    text: str = compiler.process(element.clauses, **kw)
    return text


@compiles(json_text, "postgresql")
def _text_postgresql(element: json_text, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    return f"({compiler.process(element.clauses, **kw)})::text"


@compiles(json_text, "mysql", "mariadb")
def _text_mariadb(element: json_text, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    value = compiler.process(element.clauses, **kw)
    return f"CONVERT({value} USING utf8mb4) COLLATE utf8mb4_bin"


@compiles(json_switch, "postgresql")
def _switch_postgresql(element: json_switch, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    return f"({compiler.process(element.clauses, **kw)})"


@compiles(json_switch, "sqlite")
def _switch_sqlite(element: json_switch, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    value = compiler.process(element.clauses, **kw)
    return f"json(CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)"


@compiles(json_switch, "mysql", "mariadb")
def _switch_mariadb(element: json_switch, compiler: Any, **kw: Any) -> str:  # noqa: ANN401 - hook
    value = compiler.process(element.clauses, **kw)
    return f"json_compact(CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)"


@event.listens_for(Session, "do_orm_execute")
def _follow(state: ORMExecuteState) -> None:
    """Tell of the rows that a bulk statement is about to change."""
    if not (state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    kind = state.bind_mapper.class_
    told = TOLD.get(kind)
    if told is None:
        return
    inserts = list(_inserts(state, kind, told))
    if not inserts:
        return
    if isinstance(state.parameters, list):
        raise TypeError("A statement that changes told columns takes one set of parameters.")
    state.session.flush()
    connection = state.session.connection()
    for one in inserts:
        connection.execute(one, state.parameters or {})


def _inserts(state: ORMExecuteState, kind: Kind, told: Told) -> Iterator[sa.Insert]:
    """Yield the statements that add the events of a bulk statement."""
    statement: Any = state.statement
    source = _Source(state, kind, told)
    if state.is_delete:
        if told.removed:
            yield source.insert(told.removed, before=told.watched)
        return
    values = _values(kind, statement)
    if "deleted_at" in values:
        hides = _literal(values["deleted_at"], None) is not None
        type_ = told.removed if hides else told.restored
        if type_:
            yield source.insert(type_, before=told.watched)
        return
    yield from _transitions(source, kind, told, values)
    changed = {name: values[name] for name in told.watched if name in values}
    hidden = [name for name in told.opaque if name in values]
    if told.changed and (changed or hidden):
        differs = [getattr(kind, name).is_distinct_from(new) for name, new in changed.items()]
        yield source.insert(
            told.changed,
            where=() if hidden else (sa.or_(*differs),),
            before=tuple(changed),
            after=changed | {name: sa.literal(CHANGED) for name in hidden},
        )


def _transitions(
    source: "_Source", kind: Kind, told: Told, values: Mapping[str, Any]
) -> Iterator[sa.Insert]:
    """Yield the statements for the transitions: of each column a row makes the first that fits."""
    passed: dict[str, list[sa.ColumnElement[bool]]] = {}
    for one in told.transitions:
        where = _goes(kind, one, values[one.column]) if one.column in values else None
        if where is None:
            continue
        earlier = passed.setdefault(one.column, [])
        if one.type:
            shown = {name: values[name] for name in one.shown if name in values}
            yield source.insert(
                one.type,
                where=(where, *map(sa.not_, earlier)),
                before=(one.column,),
                after={one.column: values[one.column], **shown},
                transition=one,
            )
        earlier.append(where)


class _Source:
    """The rows that a bulk statement changes, as what events are made from."""

    def __init__(self, state: ORMExecuteState, kind: Kind, told: Told) -> None:
        statement: Any = state.statement
        self._kind, self._told = kind, told
        self._where = tuple(statement._where_criteria)  # noqa: SLF001 - no public name
        actor = state.session.info.get("actor")
        if isinstance(actor, Actor) and not actor.is_platform:
            own = kind.id if told.noun == "organization" else kind.organization_id
            self._where += (own == actor.organization_id,)
        self._causes = causes(state.session)

    def insert(
        self,
        type_: str,
        *,
        where: tuple[sa.ColumnElement[bool], ...] = (),
        before: tuple[str, ...] = (),
        after: Mapping[str, Any] | None = None,
        transition: Transition | None = None,
    ) -> sa.Insert:
        """Return the statement that adds one event for each row that meets `where` as well."""
        kind, told = self._kind, self._told
        of_domain = transition is not None and transition.of_domain
        domain_id = kind.id if kind is Domain else getattr(kind, "organization_domain_id", None)
        about = domain_id if of_domain else getattr(kind, told.object_id)
        columns = {
            "organization_id": kind.id if told.noun == "organization" else kind.organization_id,
            "type": sa.literal(type_),
            "object_type": sa.literal("domain" if of_domain else told.noun),
            "object_id": about,
            "organization_domain_id": sa.null() if domain_id is None else domain_id,
            "hostname": _hostname(kind),
            "before": json_object(*_shown(kind, {name: getattr(kind, name) for name in before})),
            "after": json_object(*_shown(kind, after or {})),
            **{
                name: sa.literal(value, Event.__table__.c[name].type)
                for name, value in self._causes.items()
            },
        }
        rows = sa.select(*columns.values()).where(*self._where, *where)
        rows = rows.with_for_update(key_share=True, of=kind)
        return sa.insert(Event.__table__).from_select(  # type: ignore[arg-type]  # a table
            list(columns), rows, include_defaults=False
        )


def _shown(kind: Kind, values: Mapping[str, Any]) -> Iterator[Pair]:
    """Yield what can be shown of the columns: texts, numbers and switches."""
    for name, value in values.items():
        column = getattr(kind, name)
        if isinstance(column.type, sa.String | sa.Integer | sa.Boolean):
            literal = sa.literal(value, column.type) if not _is_sql(value) else value
            yield name, literal


def _goes(kind: Kind, one: Transition, new: Any) -> sa.ColumnElement[bool] | None:  # noqa: ANN401 - a value or SQL
    """Return which rows make the transition when their column becomes `new`; None: none can."""
    column = getattr(kind, one.column)
    differs: sa.ColumnElement[bool] = column.is_distinct_from(new)
    if _is_sql(new):
        return sa.and_(differs, _is(column, one.was), _is(new, one.now))
    if not meets(one.now, new):
        return None
    return sa.and_(differs, _is(column, one.was))


def _is(column: Any, wanted: Wanted) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column or SQL
    if isinstance(wanted, ColumnState):
        found: Mapping[ColumnState, sa.ColumnElement[bool]] = {
            ColumnState.ANY: sa.true(),
            ColumnState.NULL: column.is_(None),
            ColumnState.PRESENT: column.is_not(None),
        }
        return found[wanted]
    known = [one for one in wanted if one is not None]
    among: sa.ColumnElement[bool] = column.in_(known)
    return sa.or_(column.is_(None), among) if None in wanted else among


def _values(kind: Kind, statement: Any) -> dict[str, Any]:  # noqa: ANN401 - an UPDATE
    """Return what an UPDATE sets, by attribute: plain values where they are known, SQL otherwise."""
    pairs = [*(statement._values or {}).items()]  # noqa: SLF001 - as `tenancy` reads them
    pairs += getattr(statement, "_ordered_values", None) or ()
    mapper = sa.inspect(kind)
    names = {column.key: name for name, column in mapper.columns.items()}
    found = {}
    for column, value in pairs:
        key = getattr(column, "key", column)
        name = names.get(key, key)
        found[name] = _literal(value, value)
    return found


def _literal(value: Any, otherwise: Any) -> Any:  # noqa: ANN401 - a value or SQL
    """Return the plain value that a part of a statement stands for, `otherwise` for SQL."""
    if isinstance(value, sa.Null):
        return None
    if isinstance(value, sa.BindParameter):
        return otherwise if value.required else value.value
    return otherwise if _is_sql(value) else value


def _is_sql(value: Any) -> bool:  # noqa: ANN401 - a value or SQL
    return isinstance(value, sa.ClauseElement) or hasattr(value, "__clause_element__")


def _hostname(kind: Kind) -> sa.ColumnElement[Any]:
    """Return the host name that a row is about."""
    for own in ("full_domain", "hostname", "common_name"):
        if own in sa.inspect(kind).columns:
            column: sa.ColumnElement[Any] = getattr(kind, own)
            return column
    if "organization_domain_id" not in sa.inspect(kind).columns:
        return sa.null()
    domains: Any = Domain.__table__.alias()
    name = domains.c.full_domain
    if kind is Record:
        bare = sa.func.replace(name, "*.", "", type_=sa.String())
        name = sa.case((kind.name == "@", bare), else_=kind.name + "." + bare)
    found = sa.select(name).where(domains.c.id == kind.organization_domain_id)
    return found.scalar_subquery()
