"""What an organization has and has been lent when it claims a name: one statement, as claims are many."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import names
from nameplate.core.actor import PLATFORM
from nameplate.core.ids import Prefix
from nameplate.models import Domain, NameGrant, NameHolding, Organization, deletion, readiness
from nameplate.models.orm import BigId, among
from nameplate.usecases import lookup
from nameplate.usecases.claims import unproved


@dataclass(frozen=True, slots=True)
class ClaimStanding:
    """What there is of an organization around a name that it claims."""

    has_name: bool
    """It has claimed the very name already."""
    unproved: int
    """How many of its claims are not proved."""
    may_receive: bool
    """A grant lends it the name or something above it, perhaps no longer."""
    may_rest: bool
    """It holds the name or something above it, which may cover the claim."""


def of(session: Session, organization_id: int, name: str) -> ClaimStanding:
    """Return what there is, and keep the organization live until the end of the transaction.

    Raises NotFound when it is not there.
    """
    above = names.self_and_ancestors(names.without_wildcard(name), least=2)
    given = {"owner": organization_id, "name": name, "names": list(above)}
    found = session.connection().execute(_STANDING, given).one_or_none()
    if found is None:
        raise lookup.missing(Prefix.ORGANIZATION)
    deletion.note_kept_live(session, Organization, organization_id)
    if not found.may_lead:
        readiness.leads_nowhere(session, organization_id)
    return ClaimStanding(found.has_name, found.unproved, found.may_receive, found.may_rest)


_OWNER = sa.bindparam("owner", type_=BigId)
_STANDING = (
    Organization.visible(PLATFORM)
    .where(Organization.id == _OWNER)
    .with_only_columns(
        Domain.visible(PLATFORM)
        .where(Domain.organization_id == _OWNER, Domain.full_domain == sa.bindparam("name"))
        .exists()
        .label("has_name"),
        unproved.COUNT.scalar_subquery().label("unproved"),
        NameGrant.visible(PLATFORM)
        .where(NameGrant.grantee_organization_id == _OWNER, among(NameGrant.name, "names"))
        .exists()
        .label("may_receive"),
        NameHolding.visible(PLATFORM)
        .where(NameHolding.organization_id == _OWNER, among(NameHolding.name, "names"))
        .exists()
        .label("may_rest"),
        readiness.HOMES.where(readiness.OWNER_OF_SERVERS == _OWNER).exists().label("may_lead"),
    )
    .with_for_update(read=True, key_share=True)
)
"""Each part names the owner: the guard of a tenant's session looks at ORM statements only."""
