"""Lists of domains by whether they are ready: the copy finds candidates, the facts decide.

The copy (`models/readiness.py`) says what was found when a domain was looked at last. It is out of
date from the transaction that changes a fact until a sweep has looked again, and from the moment
until which it holds. A domain whose copy is out of date is a candidate of every filter, and each
candidate is worked out from facts before it is shown: so the answer is right at every moment, and
the copy only makes it quick. How late health checks are is no part of the copy, for every check
would change it: bindings that were not checked in time are found by their own index.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.conditions import Condition
from nameplate.core.errors import Unavailable
from nameplate.core.lifecycle import BindingStatus, HealthStatus
from nameplate.db import Sessions, database_now
from nameplate.models import Binding, Domain, DomainReadiness, readiness
from nameplate.models.orm import later
from nameplate.usecases import lookup
from nameplate.usecases.claims import conditions, facts, served_conditions
from nameplate.usecases.claims.facts import DomainFacts
from nameplate.usecases.claims.served_conditions import LATENESS, MISSED_CHECKS, UNCHECKED
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

WIDTH = 100
"""Domains that are worked out together."""
MAX_ROUNDS = 20
"""How often so many candidates are looked at for one page."""
_RETRY = timedelta(seconds=5)
_AFTER_A_SURPRISE = timedelta(minutes=5)
_CHECKED = (HealthStatus.UNKNOWN, HealthStatus.HEALTHY, HealthStatus.DEGRADED)
_SOONEST = 5
"""Seconds of the shortest interval of health checks."""

Told = Mapping[Domain, Sequence[Condition]]
"""Domains in order of their ids, with their conditions."""


def page(
    session: Session,
    tools: Tools,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    status: str | None = None,
    name: str | None = None,
    ready: bool | None = None,
    organization: str | None = None,
    metadata: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Told:
    """Return up to `limit` + 1 domains in order of their ids, each with its conditions.

    Raises NotFound for an unknown organization, and `Unavailable` ("readiness_behind") when too many
    domains changed a moment ago for `ready` to be answered now.
    """
    now = now or database_now(session)
    limit = min(limit, lookup.MAX_LIMIT)
    owner = organizations.get(session, actor, organization).id if organization else None
    query = Domain.visible(actor)
    if ready is not None:
        query = _candidates(query, ready=ready, owner=owner or actor.organization_id, now=now)
    given: dict[str, Any] = {
        "metadata": metadata,
        "status": status,
        "full_domain": None if name is None else lookup.spelled(name),
        "organization_id": owner,
    }

    def some(after: int | None) -> Told:
        rows = lookup.page(session, query, Domain, limit=limit, after=after, **given)
        told = conditions.of_many(session, tools, rows, now)
        return {row: told[row.id] for row in rows}

    return some(after) if ready is None else _fitting(some, after, limit, ready=ready)


def _fitting(
    some: Callable[[int | None], Told], after: int | None, limit: int, *, ready: bool
) -> Told:
    """Return the first candidates that the facts confirm; `some` returns those after an id."""
    found: dict[Domain, Sequence[Condition]] = {}
    for _ in range(MAX_ROUNDS):
        told = some(after)
        found |= {row: one for row, one in told.items() if conditions.ready(one) is ready}
        if len(found) > limit or len(told) <= limit:
            return dict(list(found.items())[: limit + 1])
        after = list(told)[-1].id
    raise Unavailable(
        "readiness_behind",
        "Too many domains have changed to tell which are ready. Try again in a few seconds.",
        _RETRY,
    )


def _candidates(
    query: sa.Select[Any], *, ready: bool, owner: int | None, now: datetime
) -> sa.Select[Any]:
    """Narrow a query for domains to those whose copy says so, or says nothing now."""
    copies = DomainReadiness.visible(Actor(owner) if owner else PLATFORM).with_only_columns(
        DomainReadiness.organization_domain_id
    )
    outdated = copies.where(DomainReadiness.holds_until <= now)
    if not ready:
        unready = copies.where(DomainReadiness.ready.is_(False))
        return query.where(Domain.id.in_(sa.union_all(unready, outdated, _unchecked(now))))
    late = _unchecked(now).where(Binding.organization_domain_id == Domain.id)
    return query.where(
        Domain.id.in_(sa.union_all(copies.where(DomainReadiness.ready.is_(True)), outdated)),
        sa.not_(late.exists()),
    )


def _unchecked(now: datetime) -> sa.Select[Any]:
    """Return the domains of bindings whose last health check is too long ago."""
    allowed = Binding.health_check_interval * MISSED_CHECKS + int(LATENESS.total_seconds())
    soonest = now - _SOONEST * MISSED_CHECKS * timedelta(seconds=1) - LATENESS
    checked = Binding.last_health_check_at
    return (
        Binding.visible(PLATFORM)
        .with_only_columns(Binding.organization_domain_id)
        .where(
            Binding.status == BindingStatus.ACTIVE,
            Binding.health_status.in_(_CHECKED),
            sa.or_(checked.is_(None), sa.and_(checked < soonest, later(checked, allowed) < now)),
        )
    )


def refresh(sessions: Sessions, tools: Tools, *, now: datetime | None = None) -> int:
    """Work out anew some domains whose copy is out of date; return how many."""
    with sessions.begin(PLATFORM, read_only=True) as session:
        found = _worked_out(session, tools, now or database_now(session))
    if found:
        sessions.run(PLATFORM, partial(_keep, found=found))
    return len(found)


def _worked_out(session: Session, tools: Tools, now: datetime) -> list[dict[str, Any]]:
    """Return what to keep. How often a domain has changed is read before its facts are."""
    outdated = DomainReadiness.visible(PLATFORM).where(DomainReadiness.holds_until <= now)
    query = outdated.with_only_columns(
        DomainReadiness.organization_domain_id, DomainReadiness.changes
    )
    ordered = query.order_by(DomainReadiness.holds_until).limit(WIDTH)
    changes = {row[0]: row[1] for row in session.execute(ordered)}
    rows = session.scalars(Domain.visible(PLATFORM).where(Domain.id.in_(changes))).all()
    read = facts.read(session, rows, now)
    return [
        {"row": domain_id, "seen": seen, **_judged(tools, read.get(domain_id), now)}
        for domain_id, seen in sorted(changes.items())
    ]


def _judged(tools: Tools, known: DomainFacts | None, now: datetime) -> dict[str, Any]:
    """Return whether a domain is ready, should every health check be on time, and until when."""
    if known is None:
        return {"is_ready": False, "until": None}
    found = conditions.from_facts(tools, known)
    if any(one.reason == conditions.UNKNOWN for one in found):
        return {"is_ready": False, "until": now + _AFTER_A_SURPRISE}
    is_ready = all(one.status or one.reason == UNCHECKED for one in found)
    return {"is_ready": is_ready, "until": served_conditions.holds_until(known)}


def _keep(session: Session, *, found: Sequence[Mapping[str, Any]]) -> None:
    session.connection().execute(DomainReadiness.working_out(), list(found))


def complete(session: Session, _now: datetime) -> None:
    """Give domains that have no copy one that is out of date."""
    readiness.begin(session.connection())
