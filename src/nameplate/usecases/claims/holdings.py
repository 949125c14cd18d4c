"""Taking, asking for and giving up names: the only code that writes `name_holdings`."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict
from nameplate.core.holdings import Holding, decide, lender
from nameplate.core.lifecycle import VerificationStatus
from nameplate.db import lock_name
from nameplate.models import Domain, HoldingScope, NameGrant, NameHolding, Verification
from nameplate.models.orm import utc_now
from nameplate.usecases import holders


def take(session: Session, domain: Domain, *, subtree: bool, now: datetime) -> Sequence[Domain]:
    """Make the organization of `domain` the one holder of its name, or raise `Conflict`.

    Returns the claims of others that have nothing to rest on any more: grants that lend nothing
    stand in nobody's way. Runs in a platform transaction under the lock row of the registrable domain, so that of two
    organizations that prove the same name, or parent and child, at the same moment only one wins.
    """
    lock_name(session, domain.domain_name)
    name = holders.held_name(domain)
    rows = _below(session, domain.domain_name)
    lapsed: Sequence[Domain] = ()
    if any(row.grant_id is not None for row in rows):
        lapsed = end_void(session, domain.domain_name, now)
        rows = _below(session, domain.domain_name)
    _refuse_lent(session, domain, name, now)
    decide(Holding(name, subtree, domain.organization_id), (_value(row) for row in rows))
    mine = next((row for row in rows if row.name == name), None)
    scope = HoldingScope.SUBTREE if subtree else HoldingScope.EXACT
    if mine is None:
        session.add(
            NameHolding(
                name=name,
                scope=scope,
                base=domain.domain_name,
                organization_id=domain.organization_id,
                organization_domain_id=domain.id,
                held_at=now,
            )
        )
    elif subtree:
        mine.scope = scope
    try:
        session.flush()
    except sa.exc.IntegrityError as error:  # the primary key is the last wall
        raise Conflict("name_in_use", f"{name} is already in use here.") from error
    settle(session, domain)
    if subtree:
        _widen(session, domain)
    session.flush()
    return lapsed


def _refuse_lent(session: Session, domain: Domain, name: str, now: datetime) -> None:
    """Raise Conflict `name_lent` for a name that the organization lends: it is the grantee's alone."""
    given = NameGrant.visible(PLATFORM).where(
        NameGrant.base == domain.domain_name,
        NameGrant.organization_id == domain.organization_id,
        NameGrant.grantee_organization_id.is_not(None),
    )
    for grant in session.scalars(given):
        reach = Holding(grant.name, grant.is_subtree, grant.organization_id)
        if grant.is_live(now) and reach.covers(name):
            raise Conflict(
                "name_lent",
                f"{grant.name} is lent to another organization. Revoke the grant first.",
            )


def _below(session: Session, base: str) -> list[NameHolding]:
    query = NameHolding.visible(PLATFORM).where(NameHolding.base == base)
    return list(session.scalars(query))


def lend(session: Session, grant: NameGrant, claim: Domain, now: datetime) -> Sequence[Domain]:
    """Let the grantee hold what is lent, and `claim` rest on it; raise `Conflict` if somebody else does.

    Runs under the lock row of the registrable domain, after `end_void`. Returns the claims of others
    at or below the name that have nothing to rest on any more.
    """
    rows = _below(session, grant.base)
    mine = next((row for row in rows if row.name == grant.name), None)
    if mine is not None and mine.organization_id != claim.organization_id:
        raise Conflict("name_in_use", f"{grant.name} is already in use here.")
    if mine is None:
        mine = NameHolding(name=grant.name, base=grant.base, held_at=now)
        session.add(mine)
    elif mine.grant_id is None:
        return ()
    mine.organization_id, mine.organization_domain_id = claim.organization_id, claim.id
    mine.scope, mine.grant_id = grant.scope, grant.id
    session.flush()
    return _displaced(session, grant)


def _displaced(session: Session, grant: NameGrant) -> Sequence[Domain]:
    """Let claims of others at or below a lent name rest on what their organization holds, or lapse."""
    others = Domain.visible(PLATFORM).where(
        Domain.domain_name == grant.base,
        Domain.holding_name.is_not(None),
        Domain.organization_id != grant.grantee_organization_id,
    )
    reach = Holding(grant.name, grant.is_subtree, grant.organization_id)
    lapsed = []
    for claim in session.scalars(others):
        if reach.covers(holders.held_name(claim)) and not settle(session, claim):
            claim.lapse(f"{grant.name} is lent to another organization.")
            lapsed.append(claim)
    session.flush()
    return lapsed


def end_void(session: Session, base: str, now: datetime) -> Sequence[Domain]:
    """End every holding below `base` that nothing justifies any more; return what lapsed by it.

    A grant lends while it is live and its lender holds what is above, by a proof or by a grant that
    lets it lend. What its grantee has proved below ends with it: that is another's to give. Runs under
    the lock row. What ends may be what another one was lent from.
    """
    lapsed: list[Domain] = []
    while void := _first_void(session, base, now):
        session.delete(void)
        session.flush()
        lapsed += _unsupported(session, base, void.organization_id, void.name)
    return lapsed


def _first_void(session: Session, base: str, now: datetime) -> NameHolding | None:
    rows = _below(session, base)
    for row in rows:
        if row.grant_id is None:
            if _is_anothers(row, rows):
                return row
            continue
        grant = session.get(NameGrant, row.grant_id, populate_existing=True)
        if grant is None or not grant.is_live(now) or not may_lend(session, grant, rows):
            return row
    return None


def _is_anothers(row: NameHolding, rows: Sequence[NameHolding]) -> bool:
    """Tell whether another organization holds what is above a name, with everything below."""
    above = lender(row.name, (_value(other) for other in rows if other.name != row.name))
    return above is not None and above.organization_id != row.organization_id


def may_lend(session: Session, grant: NameGrant, rows: Sequence[NameHolding] | None = None) -> bool:
    """Tell whether the lender of a grant holds what is above, and may lend of it."""
    known = _below(session, grant.base) if rows is None else rows
    others = [row for row in known if row.name != grant.name]
    above = lender(grant.name, (_value(row) for row in others))
    if above is None or above.organization_id != grant.organization_id:
        return False
    source = next(row.grant_id for row in others if row.name == above.name)
    rests_on = None if source is None else session.get(NameGrant, source)
    return rests_on.may_lend if rests_on is not None else source is None


def _widen(session: Session, domain: Domain) -> None:
    """Let claims that rest on a name alone rest on a new subtree above it."""
    own = NameHolding.visible(Actor(domain.organization_id)).where(
        NameHolding.base == domain.domain_name, NameHolding.scope == HoldingScope.EXACT
    )
    alone = own.with_only_columns(NameHolding.name)
    for claim in session.scalars(
        Domain.visible(Actor(domain.organization_id)).where(
            Domain.domain_name == domain.domain_name, Domain.holding_name.in_(alone)
        )
    ):
        settle(session, claim)


def release(session: Session, domain: Domain) -> Sequence[Domain]:
    """Give up what `domain` rests on; return the claims that have nothing to rest on any more.

    Another claim of the organization on the same name keeps the holding when it was proved by
    itself, as far as that proof reaches. The caller has the lapsed claims proved anew.
    """
    lock_name(session, domain.domain_name)
    domain.holding_name = None
    return review(session, domain)


def review(session: Session, domain: Domain) -> Sequence[Domain]:
    """Let the holding of the domain's name reach as far as the proofs that count now, or end it.

    Claims that rested on it find another holding of the organization, or lapse in this transaction
    and are returned. `domain` itself is the caller's business.
    """
    session.flush()
    row = session.get(NameHolding, holders.held_name(domain), populate_existing=True)
    if row is None or row.organization_id != domain.organization_id:
        return ()
    widest = _heir(session, row) if row.grant_id else _widest(session, domain, row.name)
    if widest is None:
        session.delete(row)
    else:
        row.organization_domain_id, row.scope = widest
    session.flush()
    _look_at_grants(session, domain)
    return _unsupported(session, domain.domain_name, domain.organization_id, row.name, domain.id)


def _heir(session: Session, row: NameHolding) -> tuple[int, HoldingScope] | None:
    """Return another claim of the grantee that the holding can stand for, and its scope."""
    claims = Domain.visible(Actor(row.organization_id)).where(
        Domain.domain_name == row.base, Domain.holding_name == row.name
    )
    heir = session.scalars(claims.order_by(Domain.id)).first()
    return None if heir is None else (heir.id, row.scope)


def _look_at_grants(session: Session, domain: Domain) -> None:
    """Have a worker end what the organization lent of a name that it may not hold any more."""
    session.execute(
        NameGrant.waking(utc_now(), urgent=True).where(
            NameGrant.organization_id == domain.organization_id,
            NameGrant.base == domain.domain_name,
        ),
        execution_options={"synchronize_session": False},
    )


def _widest(session: Session, domain: Domain, name: str) -> tuple[int, HoldingScope] | None:
    """Return the claim on `name` whose proof reaches furthest, and how far."""
    proofs = session.execute(
        Verification.visible(Actor(domain.organization_id))
        .with_only_columns(Domain.id, Verification.proved_scope)
        .join(Domain, Domain.id == Verification.organization_domain_id)
        .where(
            Domain.deleted_at.is_(None),
            Domain.full_domain.in_([name, f"*.{name}"]),
            Domain.holding_name.is_not(None),
            Verification.status == VerificationStatus.VERIFIED,
            Verification.proved_scope.is_not(None),
        )
    ).all()
    widest = max(proofs, key=lambda one: one[1] is HoldingScope.SUBTREE, default=None)
    return None if widest is None else (widest[0], widest[1] or HoldingScope.EXACT)


def _unsupported(
    session: Session, base: str, organization_id: int, name: str, but: int | None = None
) -> Sequence[Domain]:
    """Let the organization's claims that rested on `name` rest on what it holds now, or lapse."""
    query = Domain.visible(Actor(organization_id)).where(
        Domain.domain_name == base, Domain.holding_name == name
    )
    resting = session.scalars(query if but is None else query.where(Domain.id != but)).all()
    lapsed = []
    for claim in resting:
        if not settle(session, claim):
            claim.lapse(f"The claim was based on {name}, which the organization no longer holds.")
            lapsed.append(claim)
    session.flush()
    return lapsed


def settle(session: Session, claim: Domain) -> bool:
    """Let a claim rest on the holding that covers it now; tell whether there is one."""
    found = holders.holding(session, claim.organization_id, claim.full_domain)
    if not claim.is_approved:
        found = None
    name = None if found is None else found.name
    if claim.holding_name != name:  # setting what is there already would write the row again
        claim.holding_name = name
    return found is not None


def _value(row: NameHolding) -> Holding:
    subtree = row.scope is HoldingScope.SUBTREE
    return Holding(row.name, subtree, row.organization_id, lent=row.grant_id is not None)
