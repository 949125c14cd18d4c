"""Who holds a name at this moment, read from `name_holdings`: the one rule about rights.

Of the holdings that cover a name the most specific one decides (I2). A holding of the name alone
covers nothing below it, and no wildcard (I4).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.holdings import Holding, most_specific
from nameplate.core.names import self_and_ancestors, without_wildcard
from nameplate.models import Domain, HoldingScope, NameGrant, NameHolding, Organization
from nameplate.models.orm import among, parent_name, utc_now


def held_name(domain: Domain) -> str:
    """Return the name that a claim is about, without the `*.` of a wildcard."""
    return without_wildcard(domain.full_domain)


def holder(session: Session, name: str) -> int | None:
    """Return the id of the organization that holds `name` (canonical, `*.` allowed), or None."""
    found = most_specific(name, held(session, [name]))
    return None if found is None else found.organization_id


def holding(session: Session, organization_id: int, name: str) -> Holding | None:
    """Return the holding by which the organization may use `name` now, or None.

    Of several of its own one that reaches what is below, too: a proof of the name alone takes nothing
    away from what the organization holds above it.
    """
    return usable(held(session, [name]), organization_id, name)


def usable(held: Sequence[Holding], organization_id: int, name: str) -> Holding | None:
    """Return what `holding` does, of holdings that were read before."""
    found = most_specific(name, held)
    if found is None or found.organization_id != organization_id:
        return None
    own = [one for one in held if one.organization_id == organization_id and not one.lapsed]
    wide = [one for one in own if one.subtree]
    return most_specific(name, wide) or most_specific(name, own)


def holdings(
    session: Session, domains: Sequence[Domain], there: Sequence[Holding] | None = None
) -> dict[int, Holding | None]:
    """Return by which holding each claim's organization may use its name now, by the domain's id.

    `there` are the holdings of their names and of what is above them, where those were read before.
    """
    if there is None:
        there = held(session, [row.full_domain for row in domains])
    by_name = {one.name: one for one in there}
    return {
        row.id: _own(row.organization_id, row.full_domain, tuple(_above(row, by_name)))
        for row in domains
    }


def _own(organization_id: int, name: str, held: Sequence[Holding]) -> Holding | None:
    """Return what decides about a name, if that is the organization's and serves."""
    found = most_specific(name, held)
    if found is None or found.organization_id != organization_id:
        return None
    if not found.lapsed:
        return found
    return most_specific(
        name, [one for one in held if one.organization_id == organization_id and not one.lapsed]
    )


def _above(domain: Domain, by_name: Mapping[str, Holding]) -> Iterator[Holding]:
    """Yield the holdings of a domain's name and of what is above it."""
    for name in self_and_ancestors(held_name(domain), least=2):
        if name in by_name:
            yield by_name[name]


def holds(session: Session, organization_id: int, *names: str, live: int | None = None) -> bool:
    """Tell whether the organization holds all `names` (canonical, `*.` allowed) at this moment.

    A wildcard is held only with everything below its parent, and with no label there lent to others.
    `live` is the id of a domain that must
    be live too, and its organization active.
    """
    return kept(session, organization_id, names, live=live) >= set(names)


def kept(
    session: Session, organization_id: int, names: Collection[str], *, live: int | None = None
) -> frozenset[str]:
    """Return those of the names that the organization holds at this moment, as `holds` says."""
    there = held(session, names, live=live) if names else ()
    found = frozenset(name for name in names if _own(organization_id, name, there))
    if any(name.startswith("*.") for name in found):
        return found - lent_below(session, [organization_id])
    return found


def held_by_live(session: Session, asked: Sequence[tuple[int, Sequence[str], int]]) -> list[bool]:
    """Tell what `holds` says of each organization, its names and the domain that must be live.

    Two statements for all; no name is a wildcard.
    """
    there = held(session, {name for _, names, _ in asked for name in names})
    query = _LIVE.where(Domain.id.in_({domain_id for *_, domain_id in asked}))
    live = set(session.scalars(query))
    return [
        domain_id in live and all(_own(organization_id, name, there) for name in names)
        for organization_id, names, domain_id in asked
    ]


def lent_below(session: Session, organizations: Sequence[int]) -> set[str]:
    """Return the wildcards that would answer for what these organizations lend."""
    query = NameGrant.visible(PLATFORM).where(
        NameGrant.organization_id.in_(organizations),
        sa.or_(NameGrant.ends_at.is_(None), NameGrant.ends_at > utc_now()),
    )
    names = session.scalars(query.with_only_columns(NameGrant.name))
    return {"*." + name.partition(".")[2] for name in names}


def held(session: Session, names: Iterable[str], *, live: int | None = None) -> list[Holding]:
    """Return every organization's holdings of `names` and of what is above them.

    An organization's own session sees its own only, and what it has lent as well.
    """
    above = {
        parent for name in names for parent in self_and_ancestors(without_wildcard(name), least=2)
    }
    given = {"names": sorted(above), "live": live}
    query = _HELD if live is None else _HELD_BY_A_LIVE_ONE
    if session.info.get("actor") == PLATFORM:  # which sees every row: the ORM has nothing to add
        session.flush()
        rows: Iterable[Any] = session.connection().execute(query, given)
    else:
        rows = session.execute(query, given)
    return _with_lent(session, list(rows), above)


def read_beside(session: Session, domain: Domain, rows: Sequence[Any]) -> list[Holding] | None:
    """Return what `held` does of a domain that was read with `COLUMNS` of `beside`.

    None where its name has more labels than that looks at.
    """
    if domain.full_domain.count(".") > _LEVELS:
        return None
    found = [row for row in rows if row.name is not None]
    return _with_lent(session, found, self_and_ancestors(held_name(domain), least=2))


def _with_lent(session: Session, found: Sequence[Any], above: Iterable[str]) -> list[Holding]:
    """Return the holdings of rows with `COLUMNS`, and what an organization has lent of the same names."""
    there = [
        Holding(
            row.name,
            row.scope is HoldingScope.SUBTREE,
            row.organization_id,
            lent=row.is_lent,
            lapsed=row.lapsed_at is not None,
        )
        for row in found
    ]
    actor = session.info.get("actor")
    if not isinstance(actor, Actor) or actor.organization_id is None:
        return there
    if not any(row.may_be_given for row in found):
        return there
    lent = session.scalars(_GIVEN, {"names": sorted(above), "lender": actor.organization_id})
    return there + [
        Holding(row.name, row.is_subtree, row.grantee_organization_id or 0, lent=True)
        for row in lent
    ]


_GIVEN = NameGrant.visible(PLATFORM).where(
    among(NameGrant.name, "names"),
    NameGrant.organization_id == sa.bindparam("lender"),
    NameGrant.grantee_organization_id.is_not(None),
    sa.or_(NameGrant.ends_at.is_(None), NameGrant.ends_at > utc_now()),
)
COLUMNS = (
    NameHolding.name,
    NameHolding.scope,
    NameHolding.organization_id,
    NameHolding.lapsed_at,
    NameHolding.grant_id.is_not(None).label("is_lent"),
    NameGrant.visible(PLATFORM)
    .where(NameGrant.base == NameHolding.base, NameGrant.grantee_organization_id.is_not(None))
    .exists()
    .label("may_be_given"),
)
_LEVELS = 4
"""Names that `beside` looks at: a domain's own, and the next above it; of so many dots those are all."""


def beside() -> sa.ColumnElement[bool]:
    """Return which holdings are of the name of a `Domain` that is read, or of what is above it."""
    names: list[Any] = [Domain.full_domain]
    for _ in range(_LEVELS - 1):
        names.append(parent_name(names[-1]))
    return NameHolding.name.in_(names)


_HELD = (
    NameHolding.visible(PLATFORM)
    .with_only_columns(*COLUMNS)
    .where(among(NameHolding.name, "names"))
)
_ACTIVE = sa.and_(
    Organization.id == Domain.organization_id,
    Organization.is_active.is_(True),
    Organization.deleted_at.is_(None),
)
_LIVE = (
    Domain.visible(PLATFORM)
    .where(Domain.is_live)
    .join(Organization, _ACTIVE)
    .with_only_columns(Domain.id)
)
_HELD_BY_A_LIVE_ONE = _HELD.join(
    Domain, sa.and_(Domain.id == sa.bindparam("live"), Domain.is_live)
).join(Organization, _ACTIVE)
"""Made once: every step of every certificate asks them."""
