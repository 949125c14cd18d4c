"""A holding goes from one organization to another, or ends, in one transaction.

All of it runs in platform transactions under the lock row of the registrable domain.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.holdings import Holding
from nameplate.models import Domain, HoldingScope, NameGrant, NameHolding, telling
from nameplate.usecases.claims import holdings, incumbents, verifications
from nameplate.usecases.dns import pointing
from nameplate.usecases.tools import Tools


def dispossess(
    session: Session,
    tools: Tools,
    row: NameHolding,
    now: datetime,
    reason: str,
    *,
    told: str = "domain.transferred",
) -> None:
    """End a holding with every proof of it: whatever rests on it ends in this transaction.

    Its claims get fresh tokens, and are told `reason` by an event of the type `told`.
    """
    name, owner, base = row.name, row.organization_id, row.base
    resting: sa.ColumnElement[bool] = Domain.holding_name.is_not(None)
    if row.lapsed_at is not None:  # out of service: its claims rest on nothing, and could come back
        resting = sa.true()
    holdings.look_at_grants(session, session.get_one(Domain, row.organization_domain_id))
    for proof in incumbents.proofs(session, row):
        proof.fail(reason)
        proof.next_action_at = None
    session.delete(row)
    session.flush()
    query = Domain.visible(Actor(owner)).where(Domain.full_domain.in_([name, f"*.{name}"]), resting)
    for claim in session.scalars(query.order_by(Domain.id)).all():
        incumbents.look_again(session, claim, now)
        claim.lapse(reason)
        telling.tell(session, told, claim, reason=reason)
        verifications.prove_anew(session, tools, [claim], now)
    lapsed = holdings.unsupported(session, base, owner, name)
    verifications.prove_anew(session, tools, lapsed, now)


def end_below(session: Session, tools: Tools, row: NameHolding, now: datetime, reason: str) -> None:
    """End what the holder has proved by itself below a name that it gives away with its subtree."""
    if row.scope is not HoldingScope.SUBTREE:
        return
    reach = Holding(row.name, subtree=True, organization_id=row.organization_id)
    query = NameHolding.visible(Actor(row.organization_id)).where(
        NameHolding.base == row.base, NameHolding.name != row.name, NameHolding.grant_id.is_(None)
    )
    for below in session.scalars(query.order_by(NameHolding.name)).all():
        if reach.covers(below.name):
            dispossess(session, tools, below, now, reason)


def move_grants(session: Session, row: NameHolding, to: int, now: datetime) -> None:
    """Have the new holder lend what the former one lent below a name; who uses it notices nothing.

    What was lent to the new holder itself needs no grant any more.
    """
    reach = Holding(row.name, row.scope is HoldingScope.SUBTREE, row.organization_id)
    given = NameGrant.visible(PLATFORM).where(
        NameGrant.base == row.base, NameGrant.organization_id == row.organization_id
    )
    for grant in session.scalars(given.order_by(NameGrant.id)).all():
        if not reach.covers(grant.name):
            continue
        grant.organization_id = to
        if grant.grantee_organization_id == to:
            grant.revoke(now, now)
        grant.wake(now)
    session.flush()


def rest(session: Session, tools: Tools, claim: Domain, now: datetime) -> None:
    """Let a claim rest on what its organization holds by now, and wake what depends on it."""
    if not holdings.settle(session, claim):
        return
    claim.reopen()
    claim.verify(now, tools.proof_life.until(now))
    incumbents.answered(session, claim, now)
    pointing.of_domain(session, claim, now)
    verifications.wake_dependents(session, claim, now)
    holdings.look_at_grants(session, claim)


def rest_all(
    session: Session, tools: Tools, organization_id: int, base: str, now: datetime
) -> None:
    """Do so for every claim of an organization that rests on nothing yet."""
    query = Domain.visible(Actor(organization_id)).where(
        Domain.domain_name == base, Domain.holding_name.is_(None)
    )
    for claim in session.scalars(query.order_by(Domain.id)).all():
        rest(session, tools, claim, now)
