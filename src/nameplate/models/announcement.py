"""Notify other processes at commit. They also poll, so a lost notification delays but loses nothing.

On PostgreSQL the notification is part of the transaction: it is sent when that commits, once. A
statement that changes many rows says in its execution options what it announces. Whoever waits for
news also looks once a second.
"""

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session

from nameplate.models import postgresql
from nameplate.models.bindings import Binding
from nameplate.models.channels import HOSTS, WORK
from nameplate.models.domains import Domain
from nameplate.models.organizations import Application, Organization
from nameplate.models.orm import Work, is_changed

_DECISIVE: dict[type[object], tuple[str, ...]] = {
    Binding: ("status", "path", "port", "ssl_enabled", "deleted_at"),
    Domain: ("status", "deleted_at"),
    Application: ("upstream_host", "upstream_port", "deleted_at"),
    Organization: ("is_active", "deleted_at"),
}
"""Columns that decide where a host leads; a health check, for one, changes none of them."""


_SAID = "channels announced"


def announce(session: Session, channel: str) -> None:
    """Notify others on `channel` when the transaction commits: said once for each transaction."""
    connection = session.connection()
    if connection.dialect.name != "postgresql":
        return
    said: set[str] = session.info.setdefault(_SAID, set())
    if channel not in said:
        said.add(channel)
        postgresql.notify(connection, channel)


@event.listens_for(Session, "after_commit")
def _end(session: Session) -> None:
    session.info.pop(_SAID, None)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, _transaction: object) -> None:
    """Begin anew: what was announced within a savepoint is lost with it."""
    session.info.pop(_SAID, None)


@event.listens_for(Session, "after_flush")
def _announce(session: Session, _context: object) -> None:
    changed = (*session.new, *session.dirty, *session.deleted)
    for channel, concerns in ((HOSTS, _decided), (WORK, _woken)):
        if any(concerns(row) for row in changed):
            announce(session, channel)


@event.listens_for(Session, "do_orm_execute")
def _announce_many(state: ORMExecuteState) -> None:
    for channel in state.execution_options.get("nameplate_announces", ()):
        announce(state.session, channel)


def _decided(row: object) -> bool:
    return is_changed(row, *_DECISIVE.get(type(row), ()))


def _woken(row: object) -> bool:
    """Tell whether a worker should look; one that gives a row back has planned its next look."""
    if not isinstance(row, Work) or row.next_action_at is None:
        return False
    return is_changed(row, "next_action_at") and not is_changed(row, "lease_until")
