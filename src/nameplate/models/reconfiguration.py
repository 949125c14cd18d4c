"""Waking the servers whose proxies must serve something else, in the transaction that decides it.

Every writer is covered that changes rows through the session; bulk statements call `wake`. A
tenant's transaction cannot write the platform's servers on PostgreSQL: there the binding's own step
and the server's regular look find the difference. Servers are written at the very end of a
transaction, for they are the last in the order of locks. One that is due already is not written: all
that wake it share it until they commit, and nobody leases it before that.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import PassiveFlag, Session
from sqlalchemy.orm.attributes import get_history

from nameplate.core.lifecycle import BindingStatus
from nameplate.models.announcement import announce
from nameplate.models.bindings import Binding
from nameplate.models.certificates import Certificate
from nameplate.models.channels import WORK
from nameplate.models.domains import Domain
from nameplate.models.holdings import NameHolding
from nameplate.models.organizations import Application, Organization, Server
from nameplate.models.orm import among, is_changed, utc_now

_SERVED = (BindingStatus.CONFIGURING, BindingStatus.ACTIVE)
_ROUTE = (
    "server_id", "server_group_id", "hostname", "path", "port", "ssl_enabled", "ssl_certificate_id",
    "force_https", "hsts_enabled", "traffic_weight", "redirect", "redirect_to", "redirect_status",
    "proxy_config", "deleted_at",
)  # fmt: skip
_DECISIVE: dict[type[Any], tuple[str, ...]] = {
    Application: ("upstream_host", "upstream_port", "deleted_at"),
    Organization: ("is_active", "deleted_at"),
    Domain: ("status", "holding_name", "deleted_at"),
    Certificate: ("status", "generation", "deleted_at"),
    NameHolding: ("organization_id", "scope"),
}
"""Columns that decide what bindings below the row serve."""


@dataclass(frozen=True, slots=True)
class _How:
    """How a server is woken at the end of a transaction."""

    urgent: bool = False
    """Something leaves service: before all other work."""
    patiently: bool = False
    """A server whose last attempt failed keeps to its schedule: that attempt takes everything along."""


_ARRIVING = _How(patiently=True)
_LEAVING = _How(urgent=True)
_NOTED = "servers to wake"


def wake(session: Session, where: sa.ColumnElement[bool], *, urgent: bool = False) -> None:
    """Have the servers of these bindings look at what they should serve.

    `urgent` is for what takes them out of service.
    """
    _wake_found(session, _SERVERS.where(where), {}, _How(urgent))


def wake_server(
    session: Session, server_id: int, *, urgent: bool = False, patiently: bool = False
) -> None:
    """Have a server look at what it should serve, at the end of the transaction."""
    _note(session, {server_id}, _How(urgent, patiently))


def _wake_found(
    session: Session, servers: sa.Select[Any, Any, Any], values: Mapping[str, Any], how: _How
) -> None:
    rows: Sequence[Any] = session.connection().execute(servers, values).all()
    _note(session, {one for row in rows for one in row[:2] if one is not None}, how)
    _note_groups(session, {row[2] for row in rows if row[2] is not None}, how)


def _note(session: Session, server_ids: Iterable[int], how: _How) -> None:
    noted: dict[int, _How] = session.info.setdefault(_NOTED, {})
    for one in server_ids:
        before = noted.get(one, how)
        noted[one] = _How(how.urgent or before.urgent, how.patiently and before.patiently)


def wake_group(session: Session, group_id: int) -> None:
    """Have every server of a group look at what it should serve, at the end of the transaction."""
    _note_groups(session, {group_id}, _How())


def _note_groups(session: Session, group_ids: Collection[int], how: _How) -> None:
    """Note the servers of groups; nothing is asked where there are none."""
    if group_ids:
        given = {"groups": sorted(group_ids)}
        _note(session, session.connection().scalars(_MEMBERS, given).all(), how)


@event.listens_for(Session, "before_commit")
def _wake(session: Session) -> None:
    """Wake what was noted, at the end of the transaction and not of a savepoint in it."""
    if session.in_nested_transaction():
        return
    session.flush()
    noted: dict[int, _How] = session.info.pop(_NOTED, {})
    if not noted:
        return
    connection = session.connection()
    woken = 0
    for server_id, how in sorted(noted.items(), key=lambda one: one[0]):
        if _is_due(connection, server_id, urgent=how.urgent):
            continue
        woken += connection.execute(_waking(how), {"server": server_id}).rowcount
    if woken:
        announce(session, WORK)


def _is_due(connection: sa.Connection, server_id: int, *, urgent: bool) -> bool:
    """Tell whether a server will be looked at after this transaction, as things are.

    It is locked then, so that nobody leases it until what this transaction changes is to be seen: that
    lock is shared with the others who wake it, while each that wrote it would wait for the one before.
    """
    if connection.dialect.name != "postgresql":
        return False
    return connection.execute(_DUE[urgent], {"server": server_id}).first() is not None


@cache  # every transaction that changes what is served has one
def _waking(how: _How) -> sa.Update:
    mine = Server.id == sa.bindparam("server")
    statement = Server.waking(utc_now(), urgent=how.urgent).where(mine)
    if how.patiently:
        statement = statement.where(Server.trouble_code.is_(None))
    return statement.values(updated_at=Server.updated_at)


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    """Forget what was noted; after a savepoint all of it stays, for some of it came about before."""
    if not session.in_nested_transaction():
        session.info.pop(_NOTED, None)


@event.listens_for(Session, "after_flush")
def _follow(session: Session, _context: object) -> None:
    """Find what was flushed and decides about routes, and note the servers of those."""
    changed = (*session.new, *session.dirty, *session.deleted)
    bindings = [row for row in changed if isinstance(row, Binding)]
    for row in bindings:
        if _leaves(row):
            _note(session, _servers(row), _LEAVING)
            _note_groups(session, _groups(row), _LEAVING)
        elif _arrives(row):
            _note(session, _servers(row), _ARRIVING)
            _note_groups(session, _groups(row), _ARRIVING)
    found: dict[tuple[type[Any], _How], list[Any]] = {}
    for row in changed:
        columns = _DECISIVE.get(type(row))
        if columns is None or row in session.new:
            continue
        if row in session.deleted or is_changed(row, *columns):
            key = row.name if isinstance(row, NameHolding) else row.id
            found.setdefault((type(row), _How(urgent=_ends(row))), []).append(key)
    for (kind, how), keys in found.items():
        _wake_found(session, _BELOW[kind], {"keys": keys}, how)


_SERVERS: sa.Select[Any, Any, Any] = sa.select(
    Binding.server_id, Binding.served_server_id, Binding.server_group_id
).distinct()
_DUE_AT_ALL = (
    sa.select(Server.id)
    .where(Server.id == sa.bindparam("server"), Server.next_action_at <= utc_now())
    .with_for_update(read=True)
)
_DUE = {False: _DUE_AT_ALL, True: _DUE_AT_ALL.where(Server.urgency == 1)}
_MEMBERS = sa.select(Server.id).where(
    Server.server_group_id.in_(sa.bindparam("groups", expanding=True)), Server.deleted_at.is_(None)
)
_RESTING: sa.Select[Any] = sa.select(Domain.id).where(among(Domain.holding_name, "keys"))
_BELOW: dict[type[Any], sa.Select[Any, Any, Any]] = {
    Application: _SERVERS.where(among(Binding.application_id, "keys")),
    Organization: _SERVERS.where(among(Binding.organization_id, "keys")),
    Domain: _SERVERS.where(among(Binding.organization_domain_id, "keys")),
    Certificate: _SERVERS.where(among(Binding.ssl_certificate_id, "keys")),
    NameHolding: _SERVERS.where(Binding.organization_domain_id.in_(_RESTING)),
}
"""The servers of the bindings that hang on a row; made once, for every certificate asks."""


def _ends(row: Any) -> bool:  # noqa: ANN401 - one of `_DECISIVE`
    """Tell whether nothing below the row may be served any more."""
    match row:
        case Organization():
            return not row.is_active
        case Domain():
            return not row.is_live
        case _:
            return False


def _leaves(row: Binding) -> bool:
    before = _before(row)
    return before in _SERVED and row.status not in _SERVED


def _arrives(row: Binding) -> bool:
    """Tell whether the binding is to be served, now or otherwise than before."""
    if row.status not in _SERVED:
        return False
    return _before(row) not in _SERVED or is_changed(row, *_ROUTE)


def _before(row: Binding) -> BindingStatus | None:
    if not is_changed(row, "status"):
        return row.status
    history = get_history(row, "status", PassiveFlag.PASSIVE_NO_INITIALIZE)
    return history.deleted[0] if history.deleted else None


def _servers(row: Binding) -> Iterator[int]:
    history = get_history(row, "server_id", PassiveFlag.PASSIVE_NO_INITIALIZE)
    for one in (*history.unchanged, *history.added, *history.deleted, row.served_server_id):
        if one is not None:
            yield one


def _groups(row: Binding) -> set[int]:
    history = get_history(row, "server_group_id", PassiveFlag.PASSIVE_NO_INITIALIZE)
    every = (*history.unchanged, *history.added, *history.deleted)
    return {one for one in every if one is not None}
