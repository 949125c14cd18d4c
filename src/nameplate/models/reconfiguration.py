"""Waking the servers whose proxies must serve something else, in the transaction that decides it.

Every writer is covered that changes rows through the session; bulk statements call `wake`. A
tenant's transaction cannot write the platform's servers on PostgreSQL: there the binding's own step
and the server's regular look find the difference.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from nameplate.core.lifecycle import BindingStatus
from nameplate.models.announcement import WORK
from nameplate.models.bindings import Binding
from nameplate.models.certificates import Certificate
from nameplate.models.domains import Domain
from nameplate.models.holdings import NameHolding
from nameplate.models.organizations import Application, Organization, Server
from nameplate.models.orm import utc_now

_SERVED = (BindingStatus.CONFIGURING, BindingStatus.ACTIVE)
_ROUTE = (
    "server_id", "hostname", "path", "port", "ssl_enabled", "ssl_certificate_id",
    "force_https", "hsts_enabled", "deleted_at",
)  # fmt: skip
_DECISIVE: dict[type[Any], tuple[str, ...]] = {
    Application: ("upstream_host", "upstream_port", "deleted_at"),
    Organization: ("is_active", "deleted_at"),
    Domain: ("status", "holding_name", "deleted_at"),
    Certificate: ("status", "generation", "deleted_at"),
    NameHolding: ("organization_id", "scope"),
}
"""Columns that decide what bindings below the row serve."""


def wake(session: Session, where: sa.ColumnElement[bool], *, patiently: bool = False) -> None:
    """Have the servers of these bindings look at what they should serve.

    With `patiently`, a server whose last attempt failed keeps to its own schedule: that attempt
    takes everything along.
    """
    columns = Binding.__table__.c
    connection = session.connection()
    found = connection.execute(
        sa.select(columns.server_id, columns.served_server_id).where(where).distinct()
    )
    _wake(connection, {one for row in found for one in row if one is not None}, patiently=patiently)


def _wake(connection: sa.Connection, server_ids: set[int], *, patiently: bool) -> None:
    woken = 0
    for server_id in sorted(server_ids):
        statement = sa.update(Server).where(Server.id == server_id)
        if patiently:
            statement = statement.where(Server.error_code.is_(None))
        values = {"next_action_at": utc_now(), "updated_at": Server.updated_at}
        woken += connection.execute(statement.values(values)).rowcount
    if woken and connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_notify(WORK, "")))


@event.listens_for(Session, "after_flush")
def _follow(session: Session, _context: object) -> None:
    """Find what was flushed and decides about routes, and wake the servers of those."""
    changed = (*session.new, *session.dirty, *session.deleted)
    bindings = [row for row in changed if isinstance(row, Binding)]
    leaving = {one for row in bindings if _leaves(row) for one in _servers(row)}
    arriving = {one for row in bindings if _arrives(row) for one in _servers(row)}
    if leaving or arriving:
        connection = session.connection()
        _wake(connection, leaving, patiently=False)
        _wake(connection, arriving - leaving, patiently=True)
    for row in changed:
        columns = _DECISIVE.get(type(row))
        if columns is None:
            continue
        if row not in session.new and (row in session.deleted or _changed(row, columns)):
            wake(session, _below(row))


def _below(row: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - one of `_DECISIVE`
    """Return which bindings hang on the row."""
    match row:
        case Application():
            return Binding.application_id == row.id
        case Organization():
            return Binding.organization_id == row.id
        case Domain():
            return Binding.organization_domain_id == row.id
        case Certificate():
            return Binding.ssl_certificate_id == row.id
        case _:
            resting = sa.select(Domain.id).where(Domain.holding_name == row.name)
            return Binding.organization_domain_id.in_(resting)


def _leaves(row: Binding) -> bool:
    before = _before(row)
    return before in _SERVED and row.status not in _SERVED


def _arrives(row: Binding) -> bool:
    """Tell whether the binding is to be served, now or otherwise than before."""
    if row.status not in _SERVED:
        return False
    return _before(row) not in _SERVED or _changed(row, _ROUTE)


def _before(row: Binding) -> BindingStatus | None:
    history = sa.inspect(row).attrs.status.history
    if not history.has_changes():
        return row.status
    return history.deleted[0] if history.deleted else None


def _servers(row: Binding) -> Iterator[int]:
    history = sa.inspect(row).attrs.server_id.history
    for one in (*history.unchanged, *history.added, *history.deleted, row.served_server_id):
        if one is not None:
            yield one


def _changed(row: Any, columns: tuple[str, ...]) -> bool:  # noqa: ANN401 - a mapped object
    attributes = sa.inspect(row).attrs
    return any(attributes[column].history.has_changes() for column in columns)
