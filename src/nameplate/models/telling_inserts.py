"""The statements that add the events of a bulk statement: what it sets, compared with the table.

Each is an INSERT from the rows that the statement is about to change. The values that it sets are
parameters, named by their columns.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from nameplate.models.domains import Domain
from nameplate.models.event_types import ColumnState, Told, Transition, Wanted
from nameplate.models.events import Event
from nameplate.models.json_objects import Pair, json_object
from nameplate.models.records import Record
from nameplate.models.telling import CHANGED, meets

Kind = type[Any]
_CAUSES = ("actor", "actor_name", "token_id", "request_id")


def inserts(source: "ToldRows", told: Told, *, is_delete: bool) -> Iterator[sa.Insert]:
    """Yield the statements that add the events of a bulk statement."""
    values = source.values
    if is_delete:
        if told.removed:
            yield source.insert(told.removed, before=told.watched)
        return
    if "deleted_at" in values:
        hides = not is_sql(values["deleted_at"]) and values["deleted_at"] is not None
        type_ = told.removed if hides else told.restored
        if type_:
            yield source.insert(type_, before=told.watched)
        return
    yield from _transitions(source, told)
    changed = [name for name in told.watched if name in values]
    hidden = [name for name in told.opaque if name in values]
    if told.changed and (changed or hidden):
        differs = [source.column(name).is_distinct_from(source.new(name)) for name in changed]
        yield source.insert(
            told.changed,
            where=() if hidden else (sa.or_(*differs),),
            before=tuple(changed),
            after={name: source.new(name) for name in changed}
            | {name: sa.literal(CHANGED) for name in hidden},
        )


def _transitions(source: "ToldRows", told: Told) -> Iterator[sa.Insert]:
    """Yield the statements for the transitions: of each column a row makes the first that fits."""
    passed: dict[str, list[sa.ColumnElement[bool]]] = {}
    for one in told.transitions:
        where = source.goes(one) if one.column in source.values else None
        if where is None:
            continue
        earlier = passed.setdefault(one.column, [])
        if one.type:
            shown = (name for name in one.shown if name in source.values)
            yield source.insert(
                one.type,
                where=(where, *map(sa.not_, earlier)),
                before=(one.column,),
                after={name: source.new(name) for name in (one.column, *shown)},
                transition=one,
            )
        earlier.append(where)


@dataclass(frozen=True, slots=True)
class ToldRows:
    """The rows that a bulk statement changes, as what events are made from."""

    kind: Kind
    told: Told
    where: tuple[sa.ColumnElement[bool], ...]
    values: Mapping[str, Any]
    """What it sets: a plain value decides which statements are made, and is a parameter of them."""

    def column(self, name: str) -> Any:  # noqa: ANN401 - a column
        """Return a column of the rows, as it is before."""
        return getattr(self.kind, name)

    def new(self, name: str) -> Any:  # noqa: ANN401 - SQL, or None
        """Return what a column becomes."""
        value = self.values[name]
        if value is None or is_sql(value):
            return value
        return sa.bindparam(named(name), type_=self.column(name).type)

    def goes(self, one: Transition) -> sa.ColumnElement[bool] | None:
        """Return which rows make the transition; None: none can."""
        column, value, new = self.column(one.column), self.values[one.column], self.new(one.column)
        differs: sa.ColumnElement[bool] = column.is_distinct_from(new)
        if is_sql(value):
            return sa.and_(differs, _is(column, one.was), _is(new, one.now))
        return sa.and_(differs, _is(column, one.was)) if meets(one.now, value) else None

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
        kind, told = self.kind, self.told
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
                name: sa.bindparam(named(name), type_=Event.__table__.c[name].type)
                for name in _CAUSES
            },
        }
        rows = sa.select(*columns.values()).where(*self.where, *where)
        rows = rows.with_for_update(key_share=True, of=kind)
        return sa.insert(Event.__table__).from_select(  # type: ignore[arg-type]  # a table
            list(columns), rows, include_defaults=False
        )


def named(name: str) -> str:
    """Return how the parameter of a column is named in the statements."""
    return f"told_{name}"


def _shown(kind: Kind, values: Mapping[str, Any]) -> Iterator[Pair]:
    """Yield what can be shown of the columns: texts, numbers and switches."""
    for name, value in values.items():
        column = getattr(kind, name)
        if isinstance(column.type, sa.String | sa.Integer | sa.Boolean):
            yield name, value if is_sql(value) else sa.literal(value, column.type)


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


def is_sql(value: Any) -> bool:  # noqa: ANN401 - a value or SQL
    """Tell whether a value that is set is SQL."""
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
