"""Whether work on a domain is due and nobody takes it: no worker runs, or none keeps up."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from nameplate.core.conditions import Condition
from nameplate.models.orm import Work
from nameplate.usecases.claims.facts import DomainFacts

LATE = timedelta(seconds=5)
"""How long due work may wait for a worker without anybody being told."""


def condition(known: DomainFacts) -> Condition | None:
    """Return what to do about work that nobody takes; None when all that is due is being done."""
    late = [
        row.next_action_at
        for row in _rows(known)
        if row.next_action_at is not None
        and row.next_action_at < known.now - LATE
        and (row.lease_until is None or row.lease_until <= known.now)
    ]
    return _told(min(late, default=None), known.now)


def _rows(known: DomainFacts) -> Iterator[Work]:
    """Yield everything of a domain that a worker has to do with, as far as it was read."""
    yield known.domain
    yield from (row for row in (known.verification, *known.others, known.lost) if row is not None)
    yield from known.records.rows if known.records.every is None else known.records.every
    yield from known.certificates
    yield from (row for row, _ in known.bindings)


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
