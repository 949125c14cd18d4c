"""Holdings that rest on grants: begun and ended as their lenders may lend.

All of it runs in platform transactions under the lock row of the registrable domain.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict
from nameplate.core.holdings import Holding, lender
from nameplate.models import Domain, NameGrant, NameHolding
from nameplate.usecases import holders
from nameplate.usecases.claims import holdings


def make_way(session: Session, domain: Domain, now: datetime) -> Sequence[Domain]:
    """End what lends nothing any more before a name is taken; return the claims that lapsed by it.

    Raises Conflict `name_lent` for a name that the organization lends: it is the grantee's alone.
    """
    lapsed: Sequence[Domain] = ()
    if any(row.grant_id is not None for row in _below(session, domain.domain_name)):
        lapsed = end_void(session, domain.domain_name, now)
    given = NameGrant.visible(PLATFORM).where(
        NameGrant.base == domain.domain_name,
        NameGrant.organization_id == domain.organization_id,
        NameGrant.grantee_organization_id.is_not(None),
    )
    for grant in session.scalars(given):
        reach = Holding(grant.name, grant.is_subtree, grant.organization_id)
        if grant.is_live(now) and reach.covers(holders.held_name(domain)):
            raise Conflict(
                "name_lent",
                f"{grant.name} is lent to another organization. Revoke the grant first.",
            )
    return lapsed


def bases(session: Session, among: Sequence[str]) -> set[str]:
    """Return below which of these registrable domains anything is lent."""
    query = NameGrant.visible(PLATFORM).where(NameGrant.base.in_(among))
    return set(session.scalars(query.with_only_columns(NameGrant.base)))


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
        if reach.covers(holders.held_name(claim)) and not holdings.settle(session, claim):
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
        lapsed += holdings.unsupported(session, base, void.organization_id, void.name)
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
    above = lender(row.name, (holdings.value(other) for other in rows if other.name != row.name))
    return above is not None and above.organization_id != row.organization_id


def may_lend(session: Session, grant: NameGrant, rows: Sequence[NameHolding] | None = None) -> bool:
    """Tell whether the lender of a grant holds what is above, and may lend of it."""
    known = _below(session, grant.base) if rows is None else rows
    others = [row for row in known if row.name != grant.name]
    above = lender(grant.name, (holdings.value(row) for row in others))
    if above is None or above.organization_id != grant.organization_id:
        return False
    source = next(row.grant_id for row in others if row.name == above.name)
    rests_on = None if source is None else session.get(NameGrant, source)
    return rests_on.may_lend if rests_on is not None else source is None
