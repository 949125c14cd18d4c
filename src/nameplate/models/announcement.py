"""Telling other processes at commit that hosts changed: a courtesy, for they look by themselves.

On PostgreSQL the notification is part of the transaction: it is sent when that commits, once. Bulk
statements announce nothing; whoever waits for news also looks once a second.
"""

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from nameplate.models.bindings import Binding
from nameplate.models.domains import Domain
from nameplate.models.organizations import Application, Organization

HOSTS = "nameplate_hosts"
"""Channel of changes to what hosts lead to."""

_DECISIVE: dict[type[object], tuple[str, ...]] = {
    Binding: ("status", "path", "port", "ssl_enabled", "deleted_at"),
    Domain: ("status", "deleted_at"),
    Application: ("upstream_host", "upstream_port", "deleted_at"),
    Organization: ("is_active", "deleted_at"),
}
"""Columns that decide where a host leads; a health check, for one, changes none of them."""


@event.listens_for(Session, "after_flush")
def _announce(session: Session, _context: object) -> None:
    if not any(_decided(row) for row in (*session.new, *session.dirty, *session.deleted)):
        return
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_notify(HOSTS, "")))


def _decided(row: object) -> bool:
    columns = _DECISIVE.get(type(row), ())
    return any(sa.inspect(row).attrs[column].history.has_changes() for column in columns)
