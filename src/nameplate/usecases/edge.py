"""What the edge needs of the database: all hosts that are served, and those that changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.lifecycle import BindingStatus, DomainStatus
from nameplate.db import database_now
from nameplate.models import Application, Binding, Domain, Organization

OVERLAP = timedelta(seconds=30)
"""How far back each look reaches, for transactions that took a while to commit."""


@dataclass(frozen=True, slots=True)
class Host:
    """One host and path that is served, or was (`active` tells)."""

    hostname: str
    path: str
    application: str
    """Public id of the application."""
    upstream: str
    """`host:port`."""
    active: bool
    """The application was seen through the proxy: `route` answers with it."""
    permitted: bool
    """A certificate may be obtained for the host: `ask` answers yes."""


def _query() -> Any:  # noqa: ANN401 - SQLAlchemy 2.0 and 2.1 type a select of columns differently
    live = sa.and_(
        Binding.deleted_at.is_(None),
        Domain.deleted_at.is_(None),
        Domain.status.in_([DomainStatus.VERIFIED, DomainStatus.ACTIVE]),
        Application.deleted_at.is_(None),
        Organization.deleted_at.is_(None),
        Organization.is_active.is_(True),
    )
    return (
        sa.select(
            Binding.hostname,
            Binding.path,
            Application.id,
            sa.func.coalesce(Application.upstream_host, ""),
            sa.func.coalesce(Application.upstream_port, 0),
            sa.func.coalesce(Binding.port, 0),
            Binding.status,
            live,
            Binding.ssl_enabled,
        )
        .join(Application, Application.id == Binding.application_id)
        .join(Domain, Domain.id == Binding.organization_domain_id)
        .join(Organization, Organization.id == Binding.organization_id)
    )


def _hosts(
    session: Session, query: sa.Executable
) -> Iterable[Host]:
    for hostname, path, app, host, app_port, port, status, live, ssl in session.execute(
        query.execution_options(yield_per=5000)
    ):
        active = bool(live) and status == BindingStatus.ACTIVE
        arriving = bool(live) and status == BindingStatus.CONFIGURING
        yield Host(
            hostname, path, ids.show("app", app), f"{host}:{port or app_port}",
            active, (active or arriving) and bool(ssl),
        )  # fmt: skip


def everything(session: Session) -> tuple[datetime, Iterable[Host]]:
    """Return the database's clock and every host that is served or arriving, streamed."""
    wanted = Binding.status.in_([BindingStatus.ACTIVE, BindingStatus.CONFIGURING])
    query = _query().where(Binding.deleted_at.is_(None), wanted)
    return database_now(session), _hosts(session, query)


def changed(session: Session, since: datetime) -> tuple[datetime, list[Host]]:
    """Return the database's clock, and every host whose bindings changed since then.

    A host is reported with all its paths, so that what is missing from the report is gone.
    """
    now = database_now(session)
    touched = sa.select(Binding.hostname).where(Binding.updated_at >= since - OVERLAP).distinct()
    return now, list(_hosts(session, _query().where(Binding.hostname.in_(touched))))
