"""Taking, asking for and giving up names: the only code that writes `name_holdings`."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict
from nameplate.core.holdings import Holding, decide
from nameplate.db import lock_name
from nameplate.models import Domain, HoldingScope, NameHolding
from nameplate.usecases import holders


def take(session: Session, domain: Domain, *, subtree: bool, now: datetime) -> None:
    """Make the organization of `domain` the one holder of its name, or raise `Conflict`.

    Runs in a platform transaction under the lock row of the registrable domain, so that of two
    organizations that prove the same name, or parent and child, at the same moment only one wins.
    """
    lock_name(session, domain.domain_name)
    name = holders.held_name(domain)
    rows = session.scalars(
        NameHolding.visible(PLATFORM).where(NameHolding.base == domain.domain_name)
    ).all()
    wanted = Holding(name, subtree, domain.organization_id)
    decide(wanted, (_value(row) for row in rows))
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


def release(session: Session, domain: Domain) -> None:
    """Give up the name of `domain`, unless another live claim of the organization rests on it."""
    lock_name(session, domain.domain_name)
    row = session.get(NameHolding, holders.held_name(domain))
    if row is None or row.organization_domain_id != domain.id:
        return
    heir = session.scalars(
        Domain.visible(Actor(domain.organization_id)).where(
            Domain.id != domain.id,
            Domain.verified_at.is_not(None),
            Domain.full_domain.in_([row.name, f"*.{row.name}"]),
        )
    ).first()
    if heir is None:
        session.delete(row)
    else:
        row.organization_domain_id = heir.id
    session.flush()


def _value(row: NameHolding) -> Holding:
    return Holding(row.name, row.scope is HoldingScope.SUBTREE, row.organization_id)
