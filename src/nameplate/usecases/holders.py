"""Who holds a name at this moment, read from `name_holdings`."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.holdings import Holding
from nameplate.core.names import is_wildcard, self_and_ancestors, without_wildcard
from nameplate.models import Domain, HoldingScope, NameHolding


def held_name(domain: Domain) -> str:
    """Return the name that a claim is about, without the `*.` of a wildcard."""
    return without_wildcard(domain.full_domain)


def holds(session: Session, organization_id: int, *names: str, live: int | None = None) -> bool:
    """Tell whether the organization holds all `names` (canonical, `*.` allowed) at this moment.

    A wildcard is held only with everything below its parent. `live` is the id of a domain that must
    be live too.
    """
    bare = {name: without_wildcard(name) for name in names}
    above = sorted(
        {parent for name in bare.values() for parent in self_and_ancestors(name, least=2)}
    )
    values = {"organization": organization_id, "names": above, "live": live}
    rows = session.execute(_HELD if live is None else _HELD_BY_A_LIVE_ONE, values)
    held = [Holding(name, scope is HoldingScope.SUBTREE, organization_id) for name, scope in rows]
    return all(
        any(h.covers(bare[name]) and (h.subtree or not is_wildcard(name)) for h in held)
        for name in names
    )


def holder(session: Session, name: str) -> int | None:
    """Return the id of the organization that holds `name` (canonical, `*.` allowed), if one does."""
    bare = without_wildcard(name)
    query = NameHolding.visible(PLATFORM).where(
        NameHolding.name.in_(self_and_ancestors(bare, least=2))
    )
    for row in session.scalars(query):
        subtree = row.scope is HoldingScope.SUBTREE
        covers = Holding(row.name, subtree, row.organization_id).covers(bare)
        if covers and (subtree or bare == name):
            return int(row.organization_id)
    return None


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
