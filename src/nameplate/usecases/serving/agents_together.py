"""Many servers that agents configure in one step: a change that concerns all must not wait for each in turn.

A worker has little to do for such a server: compare, offer, take note. What is more than that, a failure or
bindings to be told, is left to a step of the server's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core.agent_protocol import NEWEST
from nameplate.db import Sessions, database_now
from nameplate.leases import DueRow, Lease, seen_together
from nameplate.models import Server
from nameplate.usecases import work
from nameplate.usecases.serving import agents, proxies
from nameplate.usecases.serving.routes import Difference
from nameplate.usecases.tools import Tools

WIDTH = 200


def company(row: Server | DueRow, authority: work.Authority) -> str:
    """Return with what a server is looked at: others whose agents configure them, as far as is known."""
    return "agents" if row.id in agents.CONFIGURED else proxies.peer(row, authority)


@dataclass(slots=True)
class _Found:
    """What is to be noted of each server."""

    offers: dict[Lease, str] = field(default_factory=dict)
    """Fingerprints that are new."""
    taken: dict[Lease, str] = field(default_factory=dict)
    """Fingerprints that agents have taken over, or had before."""
    left: list[Lease] = field(default_factory=list)


def reconcile(
    sessions: Sessions, tools: Tools, leases: Sequence[Lease]
) -> tuple[list[work.StepOutcome], list[Lease]]:
    """Offer what is new to agents that are there, and note what others have taken over.

    Returns no outcomes, and which servers need a step of their own.
    """
    found = _Found()
    with sessions.look() as session:
        now = database_now(session)
        seen = seen_together(session, Server, leases)
        plain = [(lease, row) for lease, row in seen if _is_plain(row, now)]
        found.left += [lease for lease, row in seen if not _is_plain(row, now)]
        by_row = {row: lease for lease, row in plain}
        for row, difference in agents.differences(session, tools, list(by_row)):
            _compare(found, by_row[row], row, difference)

    def change(_session: Session, held: Sequence[tuple[Lease, Server]]) -> list[None]:
        for lease, row in held:
            if lease in found.offers:
                row.offer(found.offers[lease])
            else:
                row.succeed(found.taken[lease], lease.now())
            row.next_action_at = lease.now() + proxies.REGULARLY
        return [None] * len(held)

    noted = [*found.offers, *found.taken]
    work.record_together(sessions, Server, noted, change, release=lambda _: True)
    return [], found.left


def _compare(found: _Found, lease: Lease, row: Server, difference: Difference) -> None:
    """Find out what is to be noted of one server."""
    fingerprint = difference.fingerprint({})
    if fingerprint == row.configured_fingerprint:
        found.taken[lease] = fingerprint
    elif fingerprint != row.offered_fingerprint:
        found.offers[lease] = fingerprint
    elif _has_it(row, fingerprint) and not _tells(row, difference):
        found.taken[lease] = fingerprint
    else:
        found.left.append(lease)


def _is_plain(row: Server, now: datetime) -> bool:
    """Tell whether an agent is there and nothing is wrong or urgent."""
    told = row.agent_report
    return (
        row.deleted_at is None
        and row.is_by_agent
        and not row.urgency
        and row.trouble_code is None
        and told is not None
        and told.report.code is None
        and told.protocol >= NEWEST
        and agents.is_there(row, now)
    )


def _has_it(row: Server, fingerprint: str) -> bool:
    """Tell whether the agent has taken over the whole of what is offered."""
    if row.agent_report is None:
        return False
    told = row.agent_report.report
    whole = not (told.refused or told.kept_back or told.still_served)
    return whole and (told.revision, told.fingerprint) == (row.offered_revision, fingerprint)


def _tells(row: Server, difference: Difference) -> bool:
    """Tell whether bindings are to be told of how they are served now."""
    kept = {one.binding for one in difference.wanted}
    return any(one.binding not in kept for one in difference.served) or any(
        proxies.is_news(one, row.id) for one in difference.wanted
    )
