"""Rows whose state waits for work and that nobody will look at: there must be none.

What waits for something else that will wake it, a certificate for instance, is not forgotten.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import (
    BindingStatus,
    CertificateStatus,
    RecordStatus,
    VerificationStatus,
)
from nameplate.models import (
    Account,
    Application,
    Binding,
    Certificate,
    Domain,
    HostedState,
    HostedZone,
    Organization,
    Record,
    Server,
    Verification,
)
from nameplate.models.orm import Work
from nameplate.usecases import placements

log = logging.getLogger(__name__)

_AT_ONCE = 1000
"""Forgotten rows of one kind that are looked at together."""


def count(session: Session) -> Mapping[str, int]:
    """Return how many rows of each kind are forgotten, counted up to 1,000."""
    return {kind.__name__.lower(): len(_ids(session, query)) for kind, query in _queries()}


def wake(session: Session, now: datetime) -> None:
    """Have forgotten rows looked at, and say that there were some."""
    for kind, query in _queries():
        ids = _ids(session, query)
        if not ids:
            continue
        log.error(
            "rows_forgotten", extra={"kind": kind.__name__, "count": len(ids), "rows": ids[:20]}
        )
        session.execute(
            kind.waking(now).where(kind.id.in_(ids)),  # type: ignore[attr-defined]  # Identified
            execution_options={"synchronize_session": False},
        )


def _ids(session: Session, query: sa.Select[Any]) -> list[int]:
    return list(session.scalars(query.limit(_AT_ONCE)))


def _queries() -> tuple[tuple[type[Work], sa.Select[Any]], ...]:
    return (
        (Verification, _verifications()),
        (Domain, _domains()),
        (Certificate, _certificates()),
        (Binding, _bindings()),
        (Server, _servers()),
    )


def _idle(kind: Any) -> sa.Select[Any]:  # noqa: ANN401 - a mapped class
    query: sa.Select[Any] = kind.visible(PLATFORM).with_only_columns(kind.id)
    return query.where(kind.next_action_at.is_(None))


def _verifications() -> sa.Select[Any]:
    open_ = (VerificationStatus.PENDING, VerificationStatus.VERIFYING)
    claimed = Domain.id == Verification.organization_domain_id
    return (
        _idle(Verification)
        .join(Domain, claimed)
        .where(Verification.status.in_(open_), Domain.deleted_at.is_(None))
    )


def _domains() -> sa.Select[Any]:
    unsettled = sa.exists().where(
        Record.organization_domain_id == Domain.id,
        Record.status.in_([RecordStatus.PENDING, RecordStatus.SYNCING]),
        Record.deleted_at.is_(None),
    )
    return _idle(Domain).where(
        Domain.dns_account_id.is_not(None), Domain.is_live, sa.or_(unsettled, _unhosted())
    )


def _unhosted() -> sa.ColumnElement[bool]:
    """Tell whether a domain at an account of the platform, so a hosted one, is in no zone of its own."""
    ours = sa.exists().where(
        Account.id == Domain.dns_account_id,
        Account.organization_id.is_(None),
        Account.deleted_at.is_(None),
    )
    zoned = sa.exists().where(
        HostedZone.account_id == Domain.dns_account_id,
        HostedZone.organization_id == Domain.organization_id,
        HostedZone.state == HostedState.PRESENT,
        sa.or_(
            Domain.full_domain == HostedZone.name,
            Domain.full_domain.endswith(sa.literal(".") + HostedZone.name),
        ),
    )
    return sa.and_(ours, sa.not_(zoned))


def _certificates() -> sa.Select[Any]:
    return (
        _idle(Certificate)
        .join(Domain, Domain.id == Certificate.organization_domain_id)
        .join(Organization, Organization.id == Certificate.organization_id)
        .where(
            Certificate.status == CertificateStatus.PENDING,
            Certificate.is_wanted(),
            Domain.is_live,
            Organization.is_active.is_(True),
        )
    )


def _bindings() -> sa.Select[Any]:
    """Return bindings that could be served and are not; one may wait for its certificate."""
    waiting = (BindingStatus.PENDING, BindingStatus.CONFIGURING, BindingStatus.ERROR)
    secured = sa.exists().where(
        Certificate.id == Binding.ssl_certificate_id, Certificate.certificate.is_not(None)
    )
    port = sa.func.coalesce(Binding.port, Application.upstream_port)
    return (
        _idle(Binding)
        .join(Domain, Domain.id == Binding.organization_domain_id)
        .join(Application, Application.id == Binding.application_id)
        .join(Organization, Organization.id == Binding.organization_id)
        .where(
            Organization.is_active.is_(True),
            Binding.status.in_(waiting),
            Domain.permits(Binding.hostname),
            Application.upstream_host.is_not(None),
            port.is_not(None),
            sa.exists().where(
                placements.is_at(Binding, Server),
                Server.deleted_at.is_(None),
                Server.proxy.is_not(None),
            ),
            sa.or_(Binding.ssl_enabled.is_(False), secured),
        )
    )


def _servers() -> sa.Select[Any]:
    served = sa.exists().where(placements.is_at(Binding, Server), Binding.deleted_at.is_(None))
    return _idle(Server).where(
        Server.proxy.is_not(None), Server.configured_fingerprint.is_(None), served
    )
