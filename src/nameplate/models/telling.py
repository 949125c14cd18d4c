"""Writing events in the transaction of what they tell, from the table of `event_types.py`.

What a session flushes is compared with the table, and noted; one INSERT at the end of the transaction
writes all of it. Statements that change many rows are in `telling_many.py`. A use case calls `tell`
only where a change means something that no row shows.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import PassiveFlag, Session, attributes
from sqlalchemy.orm.base import NO_VALUE

from nameplate.core import names
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.origin import ORIGIN
from nameplate.models import readiness as _marks_before  # noqa: F401 - its flush comes first
from nameplate.models.domains import Domain
from nameplate.models.event_rows import insert
from nameplate.models.event_types import TOLD, ColumnState, Told, Transition, Wanted
from nameplate.models.events import EventActor
from nameplate.models.orm import Model
from nameplate.models.records import Record

_NOTED = "events to write"
_SAVEPOINTS = "events before savepoints"
CHANGED = "(changed)"
"""What an event shows of a column whose content it must not show."""
_NOTHING: Mapping[str, Any] = {}
_UNKNOWN = object()  # what a column held that was overwritten without being read

Noted = dict[tuple[str, str, int], dict[str, Any]]
"""The events of a transaction by type and object: what happens twice to one object is one event."""


def tell(
    session: Session,
    type_: str,
    row: Any,  # noqa: ANN401 - a mapped object of `TOLD`
    **said: str | None,
) -> None:
    """Add an event about a row whose meaning its columns do not show; it is written at the commit.

    What is `said` is shown to everybody who may see the row: nothing secret.
    """
    _note(session, row, type_, after=said)


def added(session: Session, kind: type[Model], rows: Iterable[Mapping[str, Any]]) -> None:
    """Tell of rows that a statement inserted, past the session; each with its `id`."""
    told = TOLD[kind]
    for row in rows:
        shown = {name: plain(row.get(name)) for name in (*told.watched, *told.shown)}
        given = {name: value for name, value in shown.items() if value is not None}
        made = kind(**{key: row[key] for key in _IDENTITY if key in row})
        _note(session, made, told.added, after=given)


_IDENTITY = ("id", "organization_id", "organization_domain_id", "name", "hostname", "common_name")


def causes(session: Session) -> dict[str, Any]:
    """Return the columns that say who causes the events of this transaction, and by which request."""
    actor = session.info.get("actor", PLATFORM)
    origin = ORIGIN.get()
    who = actor if isinstance(actor, Actor) else PLATFORM
    if not who.is_platform:
        kind = EventActor.ORGANIZATION
    else:
        kind = EventActor.WORKER if origin.is_worker else EventActor.OPERATOR
    return {
        "actor": kind,
        "actor_name": None if kind is EventActor.WORKER else who.name[:255],
        "token_id": who.token_id,
        "request_id": origin.request_id,
    }


def plain(value: Any) -> Any:  # noqa: ANN401 - a column's value
    """Return a value as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime) else value


@event.listens_for(Session, "after_flush")
def _follow(session: Session, _context: object) -> None:
    for row in session.new:
        told = TOLD.get(type(row))
        if told is not None and told.added:
            shown = _present(row, (*told.watched, *told.shown))
            _note(session, row, told.added, after=shown)
    for row in session.dirty:
        told = TOLD.get(type(row))
        if told is not None:
            _note_changes(session, told, row)
    for row in session.deleted:
        told = TOLD.get(type(row))
        if told is not None and told.removed:
            _note(session, row, told.removed, before=_present(row, told.watched))


def _note_changes(session: Session, told: Told, row: Any) -> None:  # noqa: ANN401 - a mapped object
    state = attributes.instance_state(row)
    changes = {
        name: pair
        for name in state.committed_state
        if (pair := _change(row, name)) is not None
    }  # fmt: skip
    if not changes:
        return
    hidden = changes.get("deleted_at")
    if hidden is not None:
        type_ = told.removed if hidden[1] is not None else told.restored
        if type_:
            _note(session, row, type_, before=_present(row, told.watched))
        return
    for one in fitting(told, changes):
        before, after = _sides(one.column, *changes[one.column])
        after |= _present(row, one.shown)
        _note(session, row, one.type, before=before, after=after, of_domain=one.of_domain)
    pairs = [_sides(name, *changes[name]) for name in told.watched if name in changes]
    pairs += [({}, {name: CHANGED}) for name in told.opaque if name in changes]
    if pairs and told.changed:
        before = {name: value for pair in pairs for name, value in pair[0].items()}
        after = {name: value for pair in pairs for name, value in pair[1].items()}
        _note(session, row, told.changed, before=before, after=after)


def fitting(told: Told, changes: Mapping[str, tuple[Any, Any]]) -> list[Transition]:
    """Return the transitions that these changes are: of each column the first that fits."""
    found: dict[str, Transition] = {}
    for one in told.transitions:
        pair = changes.get(one.column)
        if pair is None or one.column in found:
            continue
        if (pair[0] is _UNKNOWN or meets(one.was, pair[0])) and meets(one.now, pair[1]):
            found[one.column] = one
    return [one for one in found.values() if one.type]


def meets(wanted: Wanted, value: Any) -> bool:  # noqa: ANN401 - a column's value
    """Tell whether a value is as wanted."""
    if isinstance(wanted, ColumnState):
        return wanted is ColumnState.ANY or (value is None) is (wanted is ColumnState.NULL)
    return value in wanted


def _change(row: Any, name: str) -> tuple[Any, Any] | None:  # noqa: ANN401 - a mapped object
    """Return what a column held and holds, None when that is the same."""
    history = attributes.get_history(row, name, passive=PassiveFlag.PASSIVE_NO_INITIALIZE)
    if not history.added and not history.deleted:
        return None
    old = history.deleted[0] if history.deleted else _UNKNOWN
    new = history.added[0] if history.added else None
    return (_UNKNOWN if old is NO_VALUE else old), new


def _sides(name: str, old: Any, new: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401 - values of a column
    """Return one column before and after, as far as it is a plain value."""
    if not isinstance(new, _PLAIN) or not (old is _UNKNOWN or isinstance(old, _PLAIN)):
        return {}, {}
    return ({} if old is _UNKNOWN else {name: plain(old)}), {name: plain(new)}


_PLAIN = (str, int, datetime, Enum, type(None))


def _present(row: Any, columns: Iterable[str]) -> dict[str, Any]:  # noqa: ANN401 - a mapped object
    """Return those of the columns that are loaded and have a value: nothing is read for it."""
    loaded = attributes.instance_dict(row)
    found = {name: plain(loaded.get(name)) for name in columns}
    return {name: value for name, value in found.items() if value is not None}


def _note(
    session: Session,
    row: Any,  # noqa: ANN401 - a mapped object
    type_: str,
    *,
    before: Mapping[str, Any] = _NOTHING,
    after: Mapping[str, Any] = _NOTHING,
    of_domain: bool = False,
) -> None:
    told = TOLD[type(row)]
    loaded = attributes.instance_dict(row)
    domain_id = loaded["id"] if isinstance(row, Domain) else loaded.get("organization_domain_id")
    object_type, object_id = told.noun, loaded[told.object_id]
    if of_domain:
        object_type, object_id = "domain", domain_id
    noted: Noted = session.info.setdefault(_NOTED, {})
    key = type_, object_type, object_id
    if key in noted:
        known = noted[key]
        merged = {"before": {**before, **known["before"]}, "after": {**known["after"], **after}}
        noted[key] = known | merged  # another dictionary: a savepoint may keep this one
        return
    organization_id = object_id if object_type == "organization" else loaded.get("organization_id")
    noted[key] = {
        "organization_id": organization_id,
        "type": type_,
        "object_type": object_type,
        "object_id": object_id,
        "organization_domain_id": domain_id,
        "hostname": _hostname(session, row, loaded, domain_id),
        "label": loaded.get("name", "@") if isinstance(row, Record) else None,
        "before": before,
        "after": after,
    }


def _hostname(
    session: Session,
    row: Any,  # noqa: ANN401 - a mapped object
    loaded: Mapping[str, Any],
    domain_id: int | None,
) -> str | None:
    """Return the host name that a row is about, from what the session knows; None if it does not."""
    for own in ("hostname", "common_name"):
        if loaded.get(own):
            return str(loaded[own])
    if domain_id is None:
        return None
    domain = row if isinstance(row, Domain) else session.identity_map.get(_key(domain_id))
    known = None if domain is None else attributes.instance_dict(domain)
    if known is None or "domain_name" not in known:
        return None
    name = ".".join(filter(None, (known.get("subdomain"), known["domain_name"])))
    if not isinstance(row, Record):
        return name
    label, bare = loaded.get("name", "@"), names.without_wildcard(name)
    return bare if label == "@" else f"{label}.{bare}"


def _key(domain_id: int) -> Any:  # noqa: ANN401 - a key of SQLAlchemy's
    return sa.inspect(Domain).identity_key_from_primary_key((domain_id,))


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    """Write what was noted, at the end of the transaction and not of a savepoint in it."""
    if session.in_nested_transaction():
        return
    session.flush()
    noted: Noted = session.info.pop(_NOTED, {})
    session.info.pop(_SAVEPOINTS, None)
    if not noted:
        return
    caused = causes(session)
    insert(session.connection(), [row | caused for row in noted.values()])


@event.listens_for(Session, "after_transaction_create")
def _remember(session: Session, transaction: Any) -> None:  # noqa: ANN401 - SessionTransaction
    if transaction.nested:
        kept = session.info.setdefault(_SAVEPOINTS, {})
        kept[transaction] = dict(session.info.get(_NOTED, {}))


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, transaction: Any) -> None:  # noqa: ANN401 - SessionTransaction
    """Forget what was noted within what is rolled back."""
    if transaction.nested:
        session.info[_NOTED] = session.info.get(_SAVEPOINTS, {}).pop(transaction, {})
    elif not session.in_nested_transaction():  # a flush that failed in a savepoint ends here too
        session.info.pop(_NOTED, None)
        session.info.pop(_SAVEPOINTS, None)
