"""What the edge needs of the database: the hosts that are served, and which of them changed.

What a host leads to depends on four rows: the binding, its domain, its application and its
organization. A change is one of them at one `updated_at`; each is told until the edge knows it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from nameplate.core import ids
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import database_now
from nameplate.models import Application, Binding, Certificate, Domain, Organization
from nameplate.models.orm import UtcDateTime, among, utc_now
from nameplate.usecases import holders, placements
from nameplate.usecases.serving import redirects

T = TypeVar("T")

OVERLAP = timedelta(seconds=30)
"""How far back each look reaches, for transactions that took a while to commit."""
_BATCH = 1000
"""Ids in one statement."""
_STREAMED = 1000
"""Rows fetched at a time; a driver lets no other thread run before it has them all."""

_OWNERS: dict[str, tuple[type[Any], InstrumentedAttribute[int]]] = {
    "binding": (Binding, Binding.id),
    "domain": (Domain, Binding.organization_domain_id),
    "application": (Application, Binding.application_id),
    "organization": (Organization, Binding.organization_id),
}
"""The rows that decide about a host, and the column by which bindings name them."""


@dataclass(frozen=True, slots=True)
class ServedHost:
    """One host and path that is served or arriving."""

    hostname: str
    """Canonical; `*.` in front of a wildcard."""
    path: str
    organization: int
    """Database id of the owner: one host never leads to two of them."""
    application: str
    """Public id of the application."""
    upstream: str
    """`host:port`."""
    active: bool
    """The application was seen through the proxy, or the server that it moves away from serves it on:
    `route` answers with it."""
    permitted: bool
    """A certificate may be obtained for the host: `ask` answers yes."""
    weight: int = 100
    """Share of the requests, among the targets of the host and path."""
    redirect: tuple[str, int] | None = None
    """Where it redirects to, and the status: in place of the application."""
    is_budget_spent: bool = False
    """No certificate of the host works, and the authority would refuse an order now."""
    is_held_back: bool = False
    """Its own looks fail: it gets nothing while another target of its path is well."""


class HostChange(NamedTuple):
    """One row that decides about hosts, as it was written at one moment."""

    kind: str
    id: int
    at: datetime


def everything(session: Session) -> tuple[datetime, frozenset[HostChange], Iterator[ServedHost]]:
    """Return the database's clock, the latest changes, and every host that is served or arriving.

    The hosts are sorted and streamed; they are read after the changes, and so contain them.
    """
    now, wrote = changes(session, database_now(session))
    return now, wrote, _hosts(session, _SERVED.execution_options(yield_per=_STREAMED))


def changes(session: Session, since: datetime) -> tuple[datetime, frozenset[HostChange]]:
    """Return the database's clock, and what was written since then or shortly before."""
    now = database_now(session)
    rows = session.execute(_WRITTEN, {"since": since - OVERLAP})
    return now, frozenset(HostChange(*row) for row in rows)


def changed(
    session: Session, wrote: Iterable[HostChange]
) -> Iterator[tuple[str, list[ServedHost]]]:
    """Yield each host name that these changes are about, with all that it leads to now.

    Nothing is left of a host that is no longer served.
    """
    touched: dict[str, None] = {}
    for kind, of_kind in groupby(sorted(wrote), attrgetter("kind")):
        while ids_ := [change.id for change in islice(of_kind, _BATCH)]:
            touched |= dict.fromkeys(session.scalars(_TOUCHED[kind], {"ids": ids_}))
    left = iter(touched)
    while names := list(islice(left, _BATCH)):
        hosts = _hosts(session, _NAMED, {"names": names})
        now_leading = {name: list(of) for name, of in groupby(hosts, attrgetter("hostname"))}
        yield from ((name, now_leading.get(name, [])) for name in names)


def _query() -> Any:  # noqa: ANN401 - SQLAlchemy 2.0 and 2.1 type a select of columns differently
    moving = placements.is_moving()
    return (
        sa.select(
            Binding.hostname,
            Binding.path,
            Binding.organization_id,
            Application.id,
            Application.upstream_host,
            sa.func.coalesce(Binding.port, Application.upstream_port),
            sa.case((Binding.status == BindingStatus.ACTIVE, sa.true()), else_=moving),
            Binding.ssl_enabled,
            Binding.traffic_weight,
            Binding.redirect_to,
            Binding.redirect_status,
            Binding.held_back_at,
            _spent(),
        )
        .join(Application, Application.id == Binding.application_id)
        .join(Domain, Domain.id == Binding.organization_domain_id)
        .join(Organization, Organization.id == Binding.organization_id)
        .outerjoin(Certificate, Certificate.id == Binding.ssl_certificate_id)
        .where(
            Binding.deleted_at.is_(None),
            _arrives_or(moving),
            Domain.permits(Binding.hostname),
            redirects.leads(),
            Application.deleted_at.is_(None),
            Application.upstream_host.is_not(None),
            sa.func.coalesce(Binding.port, Application.upstream_port).is_not(None),
            Organization.deleted_at.is_(None),
            Organization.is_active.is_(True),
        )
        .order_by(Binding.hostname)
    )


def _arrives_or(moving: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return whether a binding is served or arriving where it is placed, or served on where it was."""
    arrives = Binding.status.in_([BindingStatus.ACTIVE, BindingStatus.CONFIGURING])
    return sa.or_(arrives, sa.and_(Binding.status != BindingStatus.DISABLED, moving))


def _spent() -> Any:  # noqa: ANN401 - as above
    """Return whether a host has no working certificate, and the authority would refuse an order now.

    A yes would have the proxy order one itself, which the same limits count. A host whose certificate
    works is never refused: a proxy that may not renew lets go of what it has.
    """
    works = sa.and_(Certificate.certificate_bundle.is_not(None), Certificate.expires_at > utc_now())
    return sa.and_(Certificate.trouble_code == "budget_spent", sa.not_(works))


def _touching(kind: str) -> Any:  # noqa: ANN401 - as above
    """Return which host names rows of a kind are about; by their `ids`."""
    target = aliased(Binding)
    named = sa.select(Binding.hostname).where(among(_OWNERS[kind][1], "ids"))
    leading = sa.select(target.hostname).where(target.redirect_to.in_(named))
    return named.union(leading)


_SERVED = _query()
_NAMED = _SERVED.where(among(Binding.hostname, "names"))
_TOUCHED = {kind: _touching(kind) for kind in _OWNERS}
_WRITTEN = sa.union_all(
    *(
        sa.select(sa.literal(kind), owner.id, owner.updated_at).where(
            owner.updated_at >= sa.bindparam("since", type_=UtcDateTime)
        )
        for kind, (owner, _) in _OWNERS.items()
    )
)
"""Made once: in a busy time they are asked ten times a second."""


def _hosts(
    session: Session, query: sa.Executable, values: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[ServedHost]:
    """Yield the hosts of a query in the order of their names, each of one organization only."""
    for hostname, of_host in groupby(_rows(session, query, values), attrgetter("hostname")):
        yield from of_one_holder(session, hostname, list(of_host), lambda host: host.organization)


def of_one_holder(
    session: Session, hostname: str, found: Sequence[T], owner: Callable[[T], int]
) -> Sequence[T]:
    """Return what leads to the holder of a host, should rows of two organizations name it (I12)."""
    if len({owner(one) for one in found}) == 1:
        return found
    holder = holders.holder(session, hostname)
    return [one for one in found if owner(one) == holder]


def _rows(
    session: Session, query: sa.Executable, values: Mapping[str, Any]
) -> Iterator[ServedHost]:
    shown: dict[int, str] = {}
    rows = session.execute(query, values)
    for row in rows:
        hostname, path, organization, app, upstream, port, active, ssl, weight, to, moved, *more = (
            row
        )
        held_back_at, is_spent = more
        if app not in shown:
            shown[app] = ids.show("app", app)
        yield ServedHost(
            hostname=hostname,
            path=path,
            organization=organization,
            application=shown[app],
            upstream=f"[{upstream}]:{port}" if ":" in upstream else f"{upstream}:{port}",
            active=bool(active),
            permitted=bool(ssl),
            weight=weight,
            redirect=(to, moved) if to else None,
            is_budget_spent=bool(is_spent),
            is_held_back=held_back_at is not None,
        )
