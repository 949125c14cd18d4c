"""Whether work on a domain is due and nobody takes it: no worker runs, or none keeps up."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.conditions import Condition
from nameplate.models import Binding, Certificate, Domain, Record, Verification
from nameplate.models.orm import Work
from nameplate.usecases.claims.facts import DomainFacts

LATE = timedelta(seconds=5)
"""How long due work may wait for a worker without anybody being told."""


def condition(session: Session, domain: Domain, now: datetime) -> Condition | None:
    """Return what to do about work that nobody takes; None when all that is due is being done."""
    return _told(_oldest(session, domain, now), now)


def of_known(known: DomainFacts) -> Condition | None:
    """Return the same by what is known of a domain, with nothing asked of the database."""
    rows: tuple[Work, ...] = (
        known.domain,
        *known.certificates,
        *(row for row, _ in known.bindings),
    )
    late = [
        row.next_action_at
        for row in rows
        if row.next_action_at is not None
        and row.next_action_at < known.now - LATE
        and (row.lease_until is None or row.lease_until <= known.now)
    ]
    return _told(min(late, default=None), known.now)


def _told(since: datetime | None, now: datetime) -> Condition | None:
    if since is None:
        return None
    return Condition(
        type="work",
        status=False,
        reason="work_overdue",
        message=f"Work on this domain has been due for {(now - since).total_seconds():.0f} s and no "
        "worker has taken it.",
        fix="Wait. If it persists, the operator must check that `nameplate worker` is running and "
        "keeps up.",
        since=since,
    )


def _oldest(session: Session, domain: Domain, now: datetime) -> datetime | None:
    """Return since when work is due that no worker has."""
    found: list[datetime] = []
    for kind in (Domain, Verification, Record, Certificate, Binding):
        own = Domain.id if kind is Domain else kind.organization_domain_id  # type: ignore[union-attr]  # all others have it
        oldest = session.connection().scalar(
            sa.select(sa.func.min(kind.next_action_at)).where(
                own == domain.id,
                kind.deleted_at.is_(None),
                kind.next_action_at < now - LATE,
                kind.lease_until.is_(None) | (kind.lease_until <= now),
            )
        )
        if oldest is not None:
            found.append(oldest)
    return min(found, default=None)
