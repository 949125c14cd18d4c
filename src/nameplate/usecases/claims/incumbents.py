"""Incumbents: who stands in the way of a proved claim, and the challenge that they must answer.

A claim that is proved by DNS and meets another organization's holding opens a challenge. While it is
open nothing changes: the holder goes on, and both sides are told until when. `contests.py` decides it.
No side is told who the other one is. All of it runs under the lock row of the registrable domain.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import holdings as rules
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict
from nameplate.core.holdings import Holding
from nameplate.core.lifecycle import VerificationStatus
from nameplate.core.names import is_within
from nameplate.models import (
    ChallengeStatus,
    Domain,
    NameChallenge,
    NameHolding,
    Verification,
    telling,
)
from nameplate.usecases import holders
from nameplate.usecases.claims import holdings

WAIT = timedelta(hours=24)
"""Between the first definite failure of the holder's proofs and the second, at least."""
PATIENCE = timedelta(days=3)
"""How long a challenge waits beyond that for answers that decide."""
PAUSE = timedelta(days=7)
"""How long a claim that lost a challenge cannot open another one."""
MAX_A_DAY = 10
"""Challenges that one organization can open in 24 hours."""
MAX_IN_THE_WAY = 20
"""Holdings that one challenge can be about."""
_OPEN = (VerificationStatus.PENDING, VerificationStatus.VERIFYING)


def in_the_way(session: Session, domain: Domain, *, subtree: bool) -> list[NameHolding]:
    """Return the holdings of others that keep a claim from its name, in the order of their names."""
    query = NameHolding.visible(PLATFORM).where(NameHolding.base == domain.domain_name)
    rows = {row.name: row for row in session.scalars(query)}
    wanted = Holding(holders.held_name(domain), subtree, domain.organization_id)
    found = rules.in_the_way(wanted, map(holdings.value, rows.values()))
    return [rows[name] for name in sorted(one.name for one in found)]


def proofs(session: Session, row: NameHolding) -> Sequence[Verification]:
    """Return every proof by which an organization holds a name."""
    query = Verification.visible(PLATFORM).join(
        Domain, Domain.id == Verification.organization_domain_id
    )
    return session.scalars(
        query.where(
            Domain.organization_id == row.organization_id,
            Domain.deleted_at.is_(None),
            Domain.full_domain.in_([row.name, f"*.{row.name}"]),
            Verification.status == VerificationStatus.VERIFIED,
        ).order_by(Verification.id)
    ).all()


def challenge(
    session: Session, row: Verification, domain: Domain, error: Conflict, now: datetime
) -> str:
    """Open a challenge of whoever keeps a claim from a name that a DNS proof has shown to be its own.

    Returns what to tell the claimant.
    """
    if error.code != "name_in_use":
        return error.detail
    if domain.challenge_id is not None:
        return _told(session.get_one(NameChallenge, domain.challenge_id))
    found = in_the_way(session, domain, subtree=True)
    refused = _refusal(session, domain, found, now)
    if refused is not None:
        return f"{error.detail} {refused}"
    opened = NameChallenge(
        organization_id=domain.organization_id,
        organization_domain_id=domain.id,
        domain_verification_id=row.id,
        name=holders.held_name(domain),
        base=domain.domain_name,
        contested_name=holders.held_name(domain),
        decides_at=now + WAIT,
        next_action_at=now,
    )
    session.add(opened)
    session.flush()
    domain.challenge_id, domain.contested_until = opened.id, opened.decides_at
    telling.tell(session, "domain.challenged", domain, until=telling.plain(now + WAIT))
    mark(session, opened, found)
    return _told(opened)


def _told(row: NameChallenge) -> str:
    return (
        f"The proof is seen, and {row.name} is in use here. Its use is being checked: whoever uses it "
        f"must prove it again. This is decided at {row.decides_at:%Y-%m-%d %H:%M} UTC at the earliest. "
        "Keep the proof published."
    )


def _refusal(
    session: Session, domain: Domain, found: Sequence[NameHolding], now: datetime
) -> str | None:
    """Return why no challenge can be opened now, None when it can."""
    name = holders.held_name(domain)
    query = NameChallenge.visible(PLATFORM).where(NameChallenge.base == domain.domain_name)
    others = [one for one in session.scalars(query) if _overlap(one.name, name)]
    contested = {one.organization_domain_id for one in found}
    busy = Domain.visible(PLATFORM).where(Domain.id.in_(contested), Domain.contest_id.is_not(None))
    if any(one.is_open for one in others) or session.scalars(busy).first() is not None:
        return "Another claim of it is being decided. Nameplate checks again automatically."
    mine = (one for one in others if one.organization_id == domain.organization_id)
    lost = (one for one in mine if (one.outcome_code or "").startswith("incumbent"))
    last = max((one.ended_at for one in lost if one.ended_at is not None), default=None)
    if last is not None and now < last + PAUSE:
        return (
            f"A challenge of it has ended. The next one is possible from {last + PAUSE:%Y-%m-%d %H:%M} "
            "UTC. The operator of the platform can decide before."
        )
    spent = NameChallenge.visible(Actor(domain.organization_id)).where(
        NameChallenge.created_at > now - timedelta(days=1)
    )
    if len(session.scalars(spent.limit(MAX_A_DAY)).all()) >= MAX_A_DAY:
        return f"Your organization opened {MAX_A_DAY} challenges in 24 hours. Wait until tomorrow."
    if len(found) > MAX_IN_THE_WAY:
        return "Too many names below it are in use here. Ask the operator of the platform."
    return None


def _overlap(name: str, other: str) -> bool:
    return is_within(name, other) or is_within(other, name)


def mark(session: Session, row: NameChallenge, found: Sequence[NameHolding]) -> None:
    """Tell the holders that they must prove their names again, and until when."""
    ids = {one.organization_domain_id for one in found}
    query = Domain.visible(PLATFORM).where(Domain.id.in_(ids)).order_by(Domain.id)
    for claim in session.scalars(query):
        is_new = claim.contest_id != row.id
        claim.contest_id, claim.contested_until = row.id, row.decides_at
        if is_new:
            until = telling.plain(row.decides_at)
            telling.tell(session, "domain.challenged", claim, until=until)
    session.flush()


def answered(session: Session, domain: Domain, now: datetime) -> None:
    """End the challenges that a proof of `domain` decides: the holder's, or the challenger's own."""
    if domain.contest_id is not None:
        row = session.get_one(NameChallenge, domain.contest_id)
        end(session, row, ChallengeStatus.REFUSED, "incumbent_proved", now)
    if domain.challenge_id is not None:
        row = session.get_one(NameChallenge, domain.challenge_id)
        end(session, row, ChallengeStatus.WON, "name_free", now)


def look_again(session: Session, domain: Domain, now: datetime) -> None:
    """Have the challenges looked at that a domain is part of: it goes, or has changed."""
    ids = {domain.challenge_id, domain.contest_id} - {None}
    if ids:
        session.execute(
            NameChallenge.waking(now).where(NameChallenge.id.in_(ids)),
            execution_options={"synchronize_session": False},
        )


OUTCOMES = {
    "incumbent_proved": "Its use here was proved again.",
    "incumbent_unclear": "It could not be shown that the proof of its use here is gone. The operator "
    "of the platform can decide.",
    "challenger_unproved": "The proof by which the challenge was opened is not there any more.",
    "challenger_gone": "The claim was removed, or the proof by which the challenge was opened replaced.",
    "withdrawn": "The challenge was withdrawn.",
    "name_free": "The name is in use no more.",
    "incumbent_unproved": "The proof of its former use was missing twice.",
}
"""Why a challenge ended -> the sentence for both sides; none says who the other one is."""


def end(
    session: Session, row: NameChallenge, status: ChallengeStatus, code: str, now: datetime
) -> None:
    """Close a challenge, tell both sides, and have others look that waited for its end."""
    if not row.is_open:
        return
    row.end(status, code, OUTCOMES[code], now)
    parties = Domain.visible(PLATFORM).where(
        sa.or_(Domain.challenge_id == row.id, Domain.contest_id == row.id)
    )
    for claim in session.scalars(parties.order_by(Domain.id)):
        if claim.challenge_id == row.id and status is not ChallengeStatus.WON:
            claim.error_message = f"{row.name} is in use here. {OUTCOMES[code]}"
        claim.challenge_id = claim.contest_id = claim.contested_until = None
        telling.tell(session, "domain.challenge_ended", claim, outcome=status.value, reason=code)
    session.flush()
    waiting = Domain.visible(PLATFORM).where(
        Domain.domain_name == row.base, Domain.holding_name.is_(None)
    )
    session.execute(
        Verification.waking(now).where(
            Verification.organization_domain_id.in_(waiting.with_only_columns(Domain.id)),
            Verification.status.in_(_OPEN),
        ),
        execution_options={"synchronize_session": False},
    )
