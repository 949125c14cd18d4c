"""Taking, asking for and giving up names: the only code that writes `name_holdings`."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict
from nameplate.core.holdings import Holding, decide
from nameplate.db import lock_name
from nameplate.models import Domain, HoldingScope, NameHolding


def held_name(domain: Domain) -> str:
    """Return the name that a claim is about, without the `*.` of a wildcard."""
    return domain.full_domain.removeprefix("*.")


def take(session: Session, domain: Domain, *, subtree: bool, now: datetime) -> None:
    """Make the organization of `domain` the one holder of its name, or raise `Conflict`.

    Runs in a platform transaction under the lock row of the registrable domain, so that of two
    organizations that prove the same name, or parent and child, at the same moment only one wins.
    """
    lock_name(session, domain.domain_name)
    name = held_name(domain)
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
    row = session.get(NameHolding, held_name(domain))
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


def holds(session: Session, organization_id: int, *names: str, live: int | None = None) -> bool:
    """Tell whether the organization holds all `names` (canonical, `*.` allowed) at this moment.

    A wildcard is held only with everything below its parent. `live` is the id of a domain that must
    be live too.
    """
    bare = {name: name.removeprefix("*.") for name in names}
    above = sorted({parent for name in bare.values() for parent in _above(name)})
    values = {"organization": organization_id, "names": above, "live": live}
    rows = session.execute(_HELD if live is None else _HELD_BY_A_LIVE_ONE, values)
    held = [Holding(name, scope is HoldingScope.SUBTREE, organization_id) for name, scope in rows]
    return all(
        any(h.covers(bare[name]) and (h.subtree or not name.startswith("*.")) for h in held)
        for name in names
    )


_HELD = (
    NameHolding.visible(PLATFORM)
    .with_only_columns(NameHolding.name, NameHolding.scope)
    .where(
        NameHolding.organization_id == sa.bindparam("organization"),
        NameHolding.name.in_(sa.bindparam("names", expanding=True)),
    )
)
_HELD_BY_A_LIVE_ONE = _HELD.join(Domain, sa.and_(Domain.id == sa.bindparam("live"), Domain.is_live))
"""Made once: every step of every certificate asks them."""


def _above(name: str) -> list[str]:
    """Return `name` and its parents down to two labels."""
    labels = name.split(".")
    return [".".join(labels[index:]) for index in range(len(labels) - 1)]


def _value(row: NameHolding) -> Holding:
    return Holding(row.name, row.scope is HoldingScope.SUBTREE, row.organization_id)
