"""Proofs that many looks found at once, recorded in one transaction."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import VerificationStatus
from nameplate.db import Sessions, lock_names
from nameplate.models import Domain, Organization, Verification
from nameplate.ports.verification import Proof
from nameplate.usecases import work
from nameplate.usecases.claims import (
    holdings,
    lent_holdings,
    platform_edges,
    proving,
    quarantine,
    verifications,
)
from nameplate.usecases.claims.verification_sweeps import Look
from nameplate.usecases.dns import pointing
from nameplate.usecases.tools import Tools

_OPEN = (VerificationStatus.PENDING, VerificationStatus.VERIFYING)
Found = tuple[Look, Proof]
_Won = tuple[Verification, Domain]


def is_first(look: Look, proof: Proof) -> bool:
    """Tell whether a look proves what was not proved before."""
    return proof.verdict.proves and not look.question.proved


def record(
    sessions: Sessions, tools: Tools, found: Sequence[Found]
) -> tuple[list[Look], list[Found]]:
    """Take the names that these looks proved; return whose are taken, and the others.

    The others have more to it, a name in use or an approval to wait for, or somebody has locked them:
    they are concluded one by one.
    """
    taken = sessions.run(PLATFORM, lambda session: _record(session, tools, found))
    tools.checkpoint("verification:recorded")
    return (
        [look for look, _ in found if look.lease.id in taken],
        [one for one in found if one[0].lease.id not in taken],
    )


def _record(session: Session, tools: Tools, found: Sequence[Found]) -> set[int]:
    lock_names(session, {look.question.base for look, _ in found})
    rows = _locked(session, found)
    if not rows:
        return set()
    now = max(look.lease.now() for look, _ in found)
    subtrees = {
        row.id: proving.reaches_subtree(tools, row, domain) for row, domain in rows.values()
    }
    bases = [domain.domain_name for _, domain in rows.values()]
    apart = lent_holdings.bases(session, bases) | quarantine.bases(session, bases)
    own = platform_edges.protected(session, tools, [domain for _, domain in rows.values()])
    rows = {
        key: one
        for key, one in rows.items()
        if one[1].domain_name not in apart
        and one[1].id not in own
        and {one[1].challenge_id, one[1].contest_id} == {None}
    }
    claims = [(domain, subtrees[row.id]) for row, domain in rows.values()]
    others: dict[int, list[Verification]] = {}  # read before anything is written
    for other in verifications.open_of(session, [domain for domain, _ in claims]):
        others.setdefault(other.organization_domain_id, []).append(other)
    refused = holdings.take_each(session, claims, now)
    proofs = {look.lease.id: proof for look, proof in found}
    won = [one for one in rows.values() if one[1].id not in refused]
    for row, domain in won:
        woken = work.woken_at(row)
        proving.note(row, domain, proofs[row.id], now)
        proving.succeed(
            tools, row, domain, others.get(domain.id, ()), subtree=subtrees[row.id], now=now
        )
        work.end_lease(row, woken)
    _follow(session, [domain for _, domain in won], now)
    return {row.id for row, _ in won}


def _follow(session: Session, domains: Sequence[Domain], now: datetime) -> None:
    for domain in domains:
        domain.wake(now)  # before anything is flushed: each row is written once
    pointing.of_domains(session, domains, now)
    verifications.wake_below(session, domains, now)


def _locked(session: Session, found: Sequence[Found]) -> dict[int, _Won]:
    """Lock what nobody else has locked, from above, and return the rows that are as they were.

    One of each domain: a second proof of it is concluded after the first.
    """
    fences = {look.lease.id: look.lease.fence for look, _ in found}
    domains = _locked_domains(session, sorted({look.question.domain_id for look, _ in found}))
    rows: dict[int, _Won] = {}
    for row in session.scalars(
        Verification.visible(PLATFORM)
        .where(
            Verification.id.in_(list(fences)),
            Verification.status.in_(_OPEN),
            Verification.trouble_code.is_(None),
        )
        .order_by(Verification.id)
        .with_for_update(key_share=True, skip_locked=True)
    ):
        domain = domains.pop(row.organization_domain_id, None)
        if domain is not None and row.fence == fences[row.id]:
            rows[row.id] = row, domain
    return rows


def _locked_domains(session: Session, wanted: Sequence[int]) -> dict[int, Domain]:
    of = Domain.visible(PLATFORM).with_only_columns(Domain.organization_id)
    owners = session.scalars(
        sa.select(Organization.id)
        .where(Organization.id.in_(of.where(Domain.id.in_(wanted))))
        .order_by(Organization.id)
        .with_for_update(read=True, key_share=True, skip_locked=True)
    ).all()
    free = session.scalars(
        Domain.visible(PLATFORM)
        .where(Domain.id.in_(wanted), Domain.organization_id.in_(owners))
        .order_by(Domain.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return {row.id: row for row in free if row.is_approved}
