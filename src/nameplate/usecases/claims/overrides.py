"""The operator's decision about a name: given to an organization or taken from it, with the reason.

It stands above every proof: what the operator gave is lost to no challenge, and ends when the operator
or its organization ends it. Both sides are told the reason, and no side who the other one is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import ids, names
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, NotFound
from nameplate.core.ids import Prefix
from nameplate.core.names import without_wildcard
from nameplate.db import lock_name
from nameplate.models import (
    Binding,
    Domain,
    HoldingBasis,
    NameHolding,
    Organization,
    ReleaseReason,
    telling,
)
from nameplate.models.quarantine import quarantine
from nameplate.usecases import holders
from nameplate.usecases.claims import domains, handovers, holdings, incumbents, lent_holdings
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

_TOLD = "domain.overridden"


@dataclass(frozen=True, slots=True)
class Ended:
    """One holding that a decision ends."""

    name: str
    organization_id: int
    hosts: tuple[str, ...]
    """What is not served any more."""


@dataclass(frozen=True, slots=True)
class Override:
    """What a decision does."""

    name: str
    domain: Domain | None
    """The claim that holds the name now."""
    ended: tuple[Ended, ...]


def give(
    session: Session, tools: Tools, actor: Actor, name: str, to: str, *, reason: str, now: datetime
) -> Override:
    """Give a name with everything below it to an organization, whoever holds it.

    Raises NotPermitted `platform_only`, Conflict `already_held`, `held_from_above`.
    """
    organizations.only_platform(actor, "decide who holds a name")
    host = domains.parsed(name, tools)
    owner = organizations.get(session, actor, to)
    lock_name(session, host.registrable)
    claim = _claim(session, tools, owner, host.name)
    subtree = not claim.is_suffix
    found = incumbents.in_the_way(session, claim, subtree=subtree)
    _refuse_held(session, claim, found)
    ended = _end(session, tools, [one for one in found if one.grant_id is None], reason, now)
    if claim.is_suffix:
        claim.approve()
    lent_holdings.make_way(session, claim, now)
    holdings.take(session, claim, subtree=subtree, now=now)
    session.get_one(NameHolding, holders.held_name(claim)).basis = HoldingBasis.OPERATOR
    session.flush()
    handovers.rest_all(session, tools, owner.id, host.registrable, now)
    handovers.rest(session, tools, claim, now)
    telling.tell(session, _TOLD, claim, decision="given", reason=reason)
    return Override(host.name, claim, ended)


def release(
    session: Session, tools: Tools, actor: Actor, name: str, *, reason: str, now: datetime
) -> Override:
    """Take a name from whoever holds it; nobody holds it then.

    Raises NotPermitted `platform_only`, NotFound `name_not_held`, Conflict `name_lent`.
    """
    organizations.only_platform(actor, "decide who holds a name")
    host = domains.parsed(name, tools)
    lock_name(session, host.registrable)
    row = session.get(NameHolding, without_wildcard(host.name), populate_existing=True)
    if row is None:
        raise NotFound("name_not_held", f"No organization holds {host.name} by itself.")
    if row.grant_id is not None:
        grant = ids.show(Prefix.GRANT, row.grant_id)
        raise Conflict("name_lent", f"{row.name} is lent. Revoke the grant {grant} instead.")
    quarantine(session, NameHolding.name == row.name, ReleaseReason.REMOVED)
    ended = _end(session, tools, [row], reason, now)
    return Override(host.name, None, ended)


def _refuse_held(session: Session, claim: Domain, found: Sequence[NameHolding]) -> None:
    """Refuse what the organization holds already, and what is below a name of another one."""
    name = holders.held_name(claim)
    own = holders.holding(session, claim.organization_id, name)
    if own is not None and own.name == name:
        raise Conflict("already_held", f"The organization holds {name} already.")
    above = next((one for one in found if names.is_below(name, one.name)), None)
    if above is not None:
        owner = ids.show(Prefix.ORGANIZATION, above.organization_id)
        raise Conflict(
            "held_from_above",
            f"{above.name} is held with everything below it by {owner}. Add a grant on its behalf, or "
            f"release {above.name} first.",
        )


def _claim(session: Session, tools: Tools, owner: Organization, name: str) -> Domain:
    """Return the organization's claim on a name; it is made when there is none."""
    query = Domain.visible(Actor(owner.id)).where(Domain.full_domain == name)
    known: Domain | None = session.scalars(query).one_or_none()
    if known is not None:
        return known
    made = domains.add(
        session, tools, PLATFORM, name=name, organization=ids.show(Prefix.ORGANIZATION, owner.id)
    )
    session.refresh(made)
    return made


def _end(
    session: Session, tools: Tools, found: Sequence[NameHolding], reason: str, now: datetime
) -> tuple[Ended, ...]:
    ended = []
    for row in found:
        ended.append(Ended(row.name, row.organization_id, _hosts(session, row)))
        handovers.dispossess(session, tools, row, now, reason, told=_TOLD)
    return tuple(ended)


def _hosts(session: Session, row: NameHolding) -> tuple[str, ...]:
    """Return the hosts that are served by a holding."""
    resting = Domain.visible(Actor(row.organization_id)).where(Domain.holding_name == row.name)
    bound = Binding.visible(Actor(row.organization_id)).where(
        Binding.organization_domain_id.in_(resting.with_only_columns(Domain.id))
    )
    return tuple(sorted(set(session.scalars(bound.with_only_columns(Binding.hostname)))))
