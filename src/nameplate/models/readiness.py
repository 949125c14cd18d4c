"""Which domains are ready, kept for the filter of lists, and until when that holds.

The copy is written by one sweep (`usecases/claims/readiness.py`) from the one generator of
conditions. Whatever a domain's conditions are worked out from marks the copy as out of date in the
transaction that changes it, at its very end: these rows are the last in the order of locks. Changes
through the session are noticed here, bulk statements of the ORM too, which may name their domains in
the option `nameplate_domains`; statements on bare tables that change such columns call `mark`.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, aliased, mapped_column

from nameplate.models import reconfiguration as _servers_before  # noqa: F401 - its locks come first
from nameplate.models.accounts import Account
from nameplate.models.bindings import Binding
from nameplate.models.certificate_names import CertificateName
from nameplate.models.certificates import Certificate
from nameplate.models.domains import Domain
from nameplate.models.holdings import NameHolding
from nameplate.models.hosting import HostedZone
from nameplate.models.organizations import Server
from nameplate.models.orm import (
    BigId,
    Model,
    Tenant,
    UtcDateTime,
    among,
    ascii_text,
    is_changed,
    later,
    same_organization,
    table,
    utc_now,
)
from nameplate.models.records import Record
from nameplate.models.server_groups import BindingPlacement, ServerGroup

_NOTED = "domains whose readiness changed"
_Noted = tuple[set[int], set[int], dict[Hashable, sa.ColumnElement[bool]]]
"""Domains, organizations with a domain that changed, and conditions by what they are about: names
are those of holdings."""
_NOWHERE = "organizations none of whose domains lead another"
_BATCH = 500
_MAX_TOGETHER = 10
_LONG_AGO = 3600
"""Seconds: a copy is out of date for transactions too that began before its mark was committed."""


class DomainReadiness(Tenant, Model):
    """Whether every condition of one domain was met when it was worked out last."""

    __tablename__ = "domain_readiness"
    __table_args__ = (
        same_organization("organization_domains", "organization_domain_id"),
        sa.Index(
            "domain_readiness_owner_index", "organization_id", "ready", "organization_domain_id"
        ),
        sa.Index("domain_readiness_ready_index", "ready", "organization_domain_id"),
        table("Which domains are ready: a copy for the filter of lists, worked out from facts."),
    )

    organization_domain_id: Mapped[int] = mapped_column(
        BigId, primary_key=True, autoincrement=False, comment="The domain."
    )
    ready: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        comment="Every condition was met, as far as health checks are on time.",
    )
    holds_until: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        server_default=utc_now(),
        index=True,
        comment="When that has to be worked out anew; NULL: when a row changes.",
    )
    reason: Mapped[str | None] = mapped_column(
        ascii_text(80),
        comment="Reason of the condition that matters most, where nothing but marked rows decides it.",
    )
    changes: Mapped[int] = mapped_column(
        BigId,
        default=0,
        server_default="0",
        comment="How often what it was worked out from has changed.",
    )

    @classmethod
    def working_out(cls) -> sa.Update:
        """Return the statement that keeps what was found for `row`, unless that changed meanwhile."""
        own = cls.__table__.c
        return (
            sa.update(cls.__table__)  # type: ignore[arg-type]  # a table, not any FROM clause
            .where(
                own.organization_domain_id == sa.bindparam("row"),
                own.changes == sa.bindparam("seen"),
            )
            .values(
                ready=sa.bindparam("is_ready"),
                reason=sa.bindparam("why"),
                holds_until=sa.bindparam("until"),
            )
        )


_DECISIVE: Mapping[type[Any], tuple[str, ...]] = {
    Domain: (
        "status", "holding_name", "deleted_at", "dns_account_id", "dns", "delegation", "drift",
        "trouble_code", "suffix_approval",
    ),
    Record: (
        "status", "propagated", "name", "value", "record_type", "recordable_type", "last_synced_at",
        "_propagation", "deleted_at",
    ),
    Certificate: (
        "status", "expires_at", "is_automatic", "trouble_code", "lost_names", "deleted_at",
    ),
    Binding: (
        "status", "health_status", "failing_since", "hostname", "path", "server_id", "served_server_id",
        "server_group_id", "seen_host", "force_https", "ssl_enabled", "ssl_certificate_id", "proxy_config",
        "deleted_at",
    ),
    HostedZone: ("state", "delegated"),
    Server: (
        "address", "addresses", "organization_id", "trouble_code", "still_served", "deleted_at",
        "server_group_id",
    ),
    ServerGroup: ("deleted_at",),
    BindingPlacement: ("trouble", "withheld_at", "served_digest", "leaving_since", "led_over_at", "leaves_at"),
    Account: ("provider", "deleted_at"),
    NameHolding: ("organization_id", "scope"),
}  # fmt: skip
"""Columns that decide whether a domain is ready."""
_LEADING = ("status", "holding_name", "deleted_at", "dns_account_id", "dns")
"""Those of a domain that decide which one leads the name of a server."""
_OF_ONE = (Record, Certificate, Binding)


def mark(session: Session, domain_ids: Iterable[int]) -> None:
    """Have the readiness of these domains worked out anew after this transaction."""
    _noted(session)[0].update(domain_ids)


def is_marking(session: Session) -> bool:
    """Tell whether this transaction has changed what copies were worked out from."""
    return any(_noted(session))


def leads_nowhere(session: Session, organization_id: int) -> None:
    """Say that there are no `HOMES` of the organization: what it adds to a transaction marks no others."""
    session.info.setdefault(_NOWHERE, set()).add(organization_id)


def mark_bound(session: Session, *where: sa.ColumnElement[bool]) -> None:
    """Do so for the domains of these bindings."""
    domains = Binding.__table__.c.organization_domain_id
    mark(session, session.connection().scalars(sa.select(domains).where(*where).distinct()))


def begin(connection: sa.Connection) -> None:
    """Add the rows of domains that have none: those of a bulk load."""
    own, domains = DomainReadiness.__table__, Domain.__table__
    known = sa.exists().where(own.c.organization_domain_id == domains.c.id)
    new = sa.select(domains.c.id, domains.c.organization_id).where(~known)
    connection.execute(
        sa.insert(DomainReadiness).from_select(["organization_domain_id", "organization_id"], new)
    )


def _noted(session: Session) -> _Noted:
    found: _Noted = session.info.setdefault(_NOTED, (set(), set(), {}))
    return found


@event.listens_for(Session, "after_flush")
def _follow(session: Session, _context: object) -> None:
    """Note the domains that what was flushed decides about; give new domains their row."""
    fresh = [row for row in session.new if isinstance(row, Domain)]
    if fresh:
        session.connection().execute(
            _BEGINNING,
            [
                {"organization_domain_id": row.id, "organization_id": row.organization_id}
                for row in fresh
            ],
        )
        owners = {row.organization_id for row in fresh}  # they themselves are marked as made
        _noted(session)[1].update(owners - session.info.get(_NOWHERE, set()))
    for row in (*session.new, *session.deleted):
        if type(row) in _DECISIVE and row not in fresh:
            _note(session, row)
    for row in session.dirty:
        if is_changed(row, *_DECISIVE.get(type(row), ())):
            _note(session, row, leads=not isinstance(row, Domain) or is_changed(row, *_LEADING))


def _note(session: Session, row: Any, *, leads: bool = True) -> None:  # noqa: ANN401 - one of `_DECISIVE`
    ids, owners, others = _noted(session)
    if type(row) in _OF_ONE:
        ids.add(row.organization_domain_id)
        if isinstance(row, Certificate) and len(row.wanted_names) > 1:
            others["certificate", row.id] = _by_name(CertificateName.ssl_certificate_id == row.id)
        return
    if isinstance(row, Domain):
        ids.add(row.id)
        if leads:
            owners.add(row.organization_id)
        return
    # a holding's row need not outlive its flush
    key: Hashable = row.name if isinstance(row, NameHolding) else row
    if key not in others:
        others[key] = _CONCERNED[type(row)](row)


def _by_name(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return Domain.id.in_(sa.select(CertificateName.organization_domain_id).where(which))


def _by_zone(row: HostedZone) -> sa.ColumnElement[bool]:
    owner = aliased(Domain)
    of = sa.select(owner.domain_name).where(owner.id == row.organization_domain_id)
    return sa.and_(
        Domain.organization_id == row.organization_id,
        Domain.domain_name == of.scalar_subquery(),
        _at_or_below(row.name),
    )


def _by_server(row: Server) -> sa.ColumnElement[bool]:
    history = sa.inspect(row).attrs.address.history
    named = {str(one).lower().removesuffix(".") for one in (*history.sum(),) if one}
    groups = {*sa.inspect(row).attrs.server_group_id.history.sum()} - {None}
    bound = sa.select(Binding.organization_domain_id).where(
        sa.or_(
            Binding.server_id == row.id,
            Binding.served_server_id == row.id,
            Binding.hostname.in_(named),
            *([Binding.server_group_id.in_(sorted(groups))] if groups else []),
        )
    )
    return Domain.id.in_(bound)


def _bound(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return Domain.id.in_(sa.select(Binding.organization_domain_id).where(which))


def _by_holding(row: NameHolding) -> sa.ColumnElement[bool]:
    return sa.and_(Domain.domain_name == row.base, _at_or_below(row.name))


def _at_or_below(name: str) -> sa.ColumnElement[bool]:
    return sa.or_(
        Domain.full_domain.in_([name, f"*.{name}"]),
        Domain.full_domain.like(f"%.{name.replace('_', '!_')}", escape="!"),
    )


_CONCERNED: Mapping[type[Any], Callable[[Any], sa.ColumnElement[bool]]] = {
    HostedZone: _by_zone,
    Server: _by_server,
    ServerGroup: lambda row: _bound(Binding.server_group_id == row.id),
    BindingPlacement: lambda row: _bound(Binding.id == row.binding_id),
    Account: lambda row: Domain.dns_account_id == row.id,
    NameHolding: _by_holding,
}
"""Which domains a row is about that belongs to no single one."""


@event.listens_for(Session, "do_orm_execute")
def _follow_many(state: ORMExecuteState) -> None:
    """Note the domains of the rows that a bulk statement is about to change."""
    if not (state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    kind = state.bind_mapper.class_
    if kind not in _DECISIVE or not (state.is_delete or _touches(kind, state.statement)):
        return
    named = state.execution_options.get("nameplate_domains")
    if named is not None:
        mark(state.session, named)
        return
    criteria = state.statement._where_criteria  # type: ignore[attr-defined]  # noqa: SLF001 - no public name
    session = state.session
    if kind in _OF_ONE:
        domains = sa.select(kind.organization_domain_id).where(*criteria).distinct()
        mark(session, session.scalars(domains))
        if kind is Certificate:
            named = sa.select(CertificateName.organization_domain_id).join(
                Certificate, Certificate.id == CertificateName.ssl_certificate_id
            )
            mark(session, session.scalars(named.where(*criteria).distinct()))
        return
    for row in session.scalars(sa.select(kind).where(*criteria)).all():
        _note(session, row)


def _touches(kind: type[Any], statement: Any) -> bool:  # noqa: ANN401 - an UPDATE
    values = statement._values or {}  # noqa: SLF001 - as `tenancy` reads them
    ordered = getattr(statement, "_ordered_values", None) or ()
    set_ = {getattr(one, "key", one) for one in (*values, *(pair[0] for pair in ordered))}
    attributes = sa.inspect(kind).attrs
    return any(attributes[name].columns[0].key in set_ or name in set_ for name in _DECISIVE[kind])


@event.listens_for(Session, "before_commit")
def _mark(session: Session) -> None:
    """Mark what was noted, in the order of the ids, as everybody does who marks several.

    At the end of the transaction and not of a savepoint in it: what comes after that locks other rows.
    """
    if session.in_nested_transaction():
        return
    session.flush()
    found: _Noted = session.info.pop(_NOTED, (set(), set(), {}))
    session.info.pop(_NOWHERE, None)
    if not any(found):
        return
    ids, owners, others = found
    connection = session.connection()
    ids = ids | {
        one
        for where in _together(others)
        for one in connection.scalars(sa.select(Domain.__table__.c.id).where(where))
    }
    if owners:
        ids |= {*connection.scalars(_HOMES, {"owners": sorted(owners)})}
    ordered = sorted(ids)
    if len(ordered) == 1:
        connection.execute(_MARKING_ONE, {"id": ordered[0]})
        return
    for start in range(0, len(ordered), _BATCH):
        these = {"ids": ordered[start : start + _BATCH]}
        if connection.dialect.name != "sqlite":
            connection.execute(_LOCKING, these).all()
        connection.execute(_MARKING, these)


def _together(
    others: Mapping[Hashable, sa.ColumnElement[bool]],
) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions, those of holdings a few dozen at a time."""
    holdings = [where for key, where in others.items() if isinstance(key, str)]
    yield from (where for key, where in others.items() if not isinstance(key, str))
    for start in range(0, len(holdings), _MAX_TOGETHER):
        yield sa.or_(*holdings[start : start + _MAX_TOGETHER])


OWNER_OF_SERVERS = Server.__table__.c.organization_id
HOMES = sa.select(Binding.__table__.c.organization_domain_id).join(
    Server.__table__, sa.func.lower(Server.__table__.c.address) == Binding.__table__.c.hostname
)
"""Domains with a host that is the name of a server: another domain of the owner may lead it now."""
_HOMES = HOMES.where(among(OWNER_OF_SERVERS, "owners"))
_OWN = DomainReadiness.__table__.c
_THESE = among(_OWN.organization_domain_id, "ids")
_LOCKING = (
    sa.select(_OWN.organization_domain_id)
    .where(_THESE)
    .order_by(_OWN.organization_domain_id)
    .with_for_update()
)
_OUTDATING = sa.update(DomainReadiness.__table__).values(  # type: ignore[arg-type]  # a table, not any FROM clause
    holds_until=later(utc_now(), -_LONG_AGO), changes=_OWN.changes + 1
)
_BEGINNING = sa.insert(DomainReadiness.__table__).values(  # type: ignore[arg-type]  # a table
    ready=False, holds_until=later(utc_now(), -_LONG_AGO), changes=0
)
_MARKING = _OUTDATING.where(_THESE)
_MARKING_ONE = _OUTDATING.where(_OWN.organization_domain_id == sa.bindparam("id"))
"""Made once: every transaction that changes what domains are ready by asks them."""


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    """Forget what was noted; after a savepoint all of it stays, for some of it came about before."""
    if session.in_nested_transaction():
        return
    session.info.pop(_NOTED, None)
    session.info.pop(_NOWHERE, None)
