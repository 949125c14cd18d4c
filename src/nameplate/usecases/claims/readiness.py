"""Lists of domains by whether they are ready: the copy finds candidates, the facts decide.

The copy (`models/readiness.py`) says what was found when a domain was looked at last. It is out of
date from the transaction that changes a fact until a sweep has looked again, and from the moment
until which it holds. A domain whose copy is out of date is a candidate of every filter, and is worked
out from facts before it is shown: so the answer is right at every moment, and the copy only makes it
quick. How late health checks are is no part of the copy, for every check would change it: bindings
that were not checked in time are found by their own index.

Lists show of each domain whether it is ready, and the reason. That needs few facts where the copy is
in date and says both, and where a domain is suspended, not approved or not proved; of the others all
are read. The copy has the reasons that nothing but the marked columns decides.
"""

import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.conditions import Condition
from nameplate.core.errors import Unavailable
from nameplate.core.lifecycle import BindingStatus, DomainStatus, HealthStatus
from nameplate.db import Sessions, database_now
from nameplate.models import Binding, Domain, DomainReadiness, SuffixApproval, readiness
from nameplate.models.orm import UtcDateTime, among, later, row_version
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
_LASTING = frozenset({"certificate", "dns", "drift", "pointing", "serving"})
"""Types of conditions whose reason changes only with what marks the copy."""
_SOONEST = 5
"""Seconds of the shortest interval of health checks."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the conditions of a domain come to."""

    ready: bool
    reason: str | None = None
    """That of the condition that matters most of those that are not met."""


@dataclass(frozen=True, slots=True)
class ListedDomain:
    """A domain of a list."""

    id: int
    version: tuple[str, datetime] | None
    """Another one whenever the row was written anew; None where the database does not tell."""
    readiness: Readiness
    row: Domain | None
    """None where nothing of it was asked but its version."""


def page(
    session: Session,
    tools: Tools,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    status: str | None = None,
    name: str | None = None,
    contains: str | None = None,
    ready: bool | None = None,
    organization: str | None = None,
    metadata: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Sequence[ListedDomain]:
    """Return up to `limit` + 1 domains in order of their ids, each with its readiness.

    Raises NotFound for an unknown organization, and `Unavailable` ("readiness_behind") when too many
    domains changed a moment ago for `ready` to be answered now.
    """
    now = now or database_now(session)
    limit = min(limit, lookup.MAX_LIMIT)
    owner = organizations.get(session, actor, organization).id if organization else None
    query = _seen_by(actor.organization_id)
    if contains is not None:
        query = query.where(Domain.full_domain.contains(_part(contains), autoescape=True))
    if ready is not None:
        query = _candidates(query, ready=ready, owner=owner or actor.organization_id, now=now)
    given: dict[str, Any] = {
        "metadata": metadata,
        "status": status,
        "full_domain": None if name is None else lookup.spelled(name),
        "organization_id": owner,
    }

    def some(after: int | None) -> Sequence[ListedDomain]:
        lines = lookup.lines(session, query, Domain, limit=limit, after=after, **given)
        return _told(session, tools, lines, now)

    return some(after) if ready is None else _fitting(some, after, limit, ready=ready)


def _part(text: str) -> str:
    """Return a part of a name as names are stored: a label that is not ASCII as its A-label."""
    labels = unicodedata.normalize("NFC", text.strip().lower()).split(".")
    found = ".".join(
        one if one.isascii() else f"xn--{one.encode('punycode').decode()}" for one in labels
    )
    return found if found.isprintable() else " "  # which no name contains


@lru_cache(maxsize=1000)
def _seen_by(organization_id: int | None) -> sa.Select[*tuple[Any, ...]]:
    """Return the query for the domains of an organization, None: of all; lists are many."""
    query = Domain.visible(PLATFORM if organization_id is None else Actor(organization_id))
    return query.with_only_columns(
        Domain.id,
        Domain.updated_at,
        row_version(Domain.id).label("version"),
        Domain.status,
        Domain.suffix_approval,
        Domain.holding_name,
    )


def _fitting(
    some: Callable[[int | None], Sequence[ListedDomain]],
    after: int | None,
    limit: int,
    *,
    ready: bool,
) -> Sequence[ListedDomain]:
    """Return the first candidates that the facts confirm; `some` returns those after an id."""
    found: list[ListedDomain] = []
    for _ in range(MAX_ROUNDS):
        told = some(after)
        found += [one for one in told if one.readiness.ready is ready]
        if len(found) > limit or len(told) <= limit:
            return found[: limit + 1]
        after = told[-1].id
    raise Unavailable(
        "readiness_behind",
        "Too many domains have changed to tell which are ready. Try again in a few seconds.",
        _RETRY,
    )


def rows(session: Session, ids: Collection[int]) -> dict[int, Domain]:
    """Return domains of a list by their ids."""
    if not ids:
        return {}
    found = session.scalars(_BY_IDS, {"ids": list(ids)})
    return {row.id: row for row in found}


def _told(
    session: Session, tools: Tools, lines: Sequence[sa.Row[Any]], now: datetime
) -> Sequence[ListedDomain]:
    """Return the domains of a page; of those that their copies tell all of no more is read."""
    session.flush()
    copies = _copies(session, [line.id for line in lines], now)
    told = {
        line.id
        for line in lines
        if not _is_claim(line) and line.id in copies and copies[line.id].says_all
    }
    read = rows(session, [line.id for line in lines if not (line.version and line.id in told)])
    left = [row for id_, row in read.items() if id_ not in told]
    found = _of_facts(session, tools, left, copies, now)
    found |= {id_: _of_copy(copies[id_]) for id_ in told}
    return [
        ListedDomain(
            line.id,
            None if line.version is None else (line.version, line.updated_at),
            found[line.id],
            read.get(line.id),
        )
        for line in lines
        if line.id in found  # or it is gone since
    ]


def _of_copy(copy: sa.Row[Any]) -> Readiness:
    late = copy.ready and copy.is_late
    return Readiness(ready=copy.ready and not late, reason=UNCHECKED if late else copy.reason)


def _of_facts(
    session: Session,
    tools: Tools,
    domains: Sequence[Domain],
    copies: Mapping[int, sa.Row[Any]],
    now: datetime,
) -> dict[int, Readiness]:
    """Return the readiness of domains of which more is read than their copies."""
    found: dict[int, Readiness] = {}
    claims = [row for row in domains if _is_claim(row)]
    hidden = all(row.id in copies and not copies[row.id].is_exposed for row in claims)
    for known in facts.of_claims(session, claims, now, exposed=not hidden).values():
        unmet = conditions.unmet_claim(tools, known)
        if unmet is not None:
            found[known.domain.id] = Readiness(ready=False, reason=unmet.reason)
    for row in claims:
        if row.id not in found and row.id in copies and copies[row.id].says_all:
            found[row.id] = _of_copy(copies[row.id])
    left = [row for row in domains if row.id not in found]
    for id_, those in conditions.of_many(session, tools, left, now).items():
        worst = conditions.loudest(those)
        found[id_] = Readiness(conditions.ready(those), None if worst is None else worst.reason)
    return found


def _copies(
    session: Session, ids: Sequence[int], now: datetime
) -> dict[int, sa.Row[*tuple[Any, ...]]]:
    """Return the copy of each domain; none where this transaction has changed what they are made of."""
    if not ids or readiness.is_marking(session):
        return {}
    given = {"ids": ids, "now": now}
    return {copy.organization_domain_id: copy for copy in session.execute(_COPIES, given)}


def _is_claim(row: Domain | sa.Row[Any]) -> bool:
    """Tell whether something is unmet that goes before all but exposed hosts."""
    waits = row.suffix_approval is SuffixApproval.WAITING
    return waits or row.holding_name is None or row.status is DomainStatus.SUSPENDED


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


def _unchecked(now: datetime | sa.BindParameter[datetime]) -> sa.Select[Any]:
    """Return the domains of bindings whose last health check is too long ago."""
    allowed = Binding.health_check_interval * MISSED_CHECKS + int(LATENESS.total_seconds())
    soonest = later(now, -_SOONEST * MISSED_CHECKS - int(LATENESS.total_seconds()))
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


_BY_IDS = Domain.visible(PLATFORM).where(among(Domain.id, "ids"))
_NOW = sa.bindparam("now", type_=UtcDateTime)
_COPIES = (
    DomainReadiness.visible(PLATFORM)
    .with_only_columns(
        DomainReadiness.organization_domain_id,
        DomainReadiness.ready,
        DomainReadiness.reason,
        sa.and_(
            sa.or_(DomainReadiness.ready.is_(True), DomainReadiness.reason.is_not(None)),
            sa.or_(DomainReadiness.holds_until.is_(None), DomainReadiness.holds_until > _NOW),
        ).label("says_all"),
        _unchecked(_NOW)
        .where(Binding.organization_domain_id == DomainReadiness.organization_domain_id)
        .exists()
        .label("is_late"),
        facts.is_exposed(DomainReadiness.organization_domain_id).label("is_exposed"),
    )
    .where(among(DomainReadiness.organization_domain_id, "ids"))
)
"""Copies, whether they are in date and say all, whether the last health check is too long ago, and
whether a host may still be served although it must not."""


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
        return {"is_ready": False, "why": None, "until": None}
    found = conditions.from_facts(tools, known)
    if any(one.reason == conditions.UNKNOWN for one in found):
        return {"is_ready": False, "why": None, "until": now + _AFTER_A_SURPRISE}
    is_ready = all(one.status or one.reason == UNCHECKED for one in found)
    return {
        "is_ready": is_ready,
        "why": _lasting_reason(found),
        "until": served_conditions.holds_until(known),
    }


def _lasting_reason(found: Sequence[Condition]) -> str | None:
    """Return the reason of what matters most, where it is as lasting as the copy."""
    worst = conditions.loudest(found)
    if worst is None or worst.status is None or worst.type not in _LASTING:
        return None
    return worst.reason


def _keep(session: Session, *, found: Sequence[Mapping[str, Any]]) -> None:
    session.connection().execute(DomainReadiness.working_out(), list(found))


def complete(session: Session, _now: datetime) -> None:
    """Give domains that have no copy one that is out of date."""
    readiness.begin(session.connection())
