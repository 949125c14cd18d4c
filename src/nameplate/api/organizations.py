"""Organizations: the tenants of the platform."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import ConfigDict, Field

from nameplate.api.deps import Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import (
    AuthorityNames,
    Body,
    ChainName,
    ExternalId,
    Metadata,
    Name,
    Page,
    Profile,
    Reference,
    Shape,
    common,
    example,
    listed,
    public,
)
from nameplate.core.ids import Prefix
from nameplate.core.keys import KeyType
from nameplate.models import ChallengeType, Organization
from nameplate.usecases.tenants import organizations

routes = router("organizations")
_UNLESS = "unless a domain says it. Null: as the platform prefers."
_KEY_TYPE = f"Kind of the private keys of certificates, {_UNLESS}"
_PROFILE = f"The authority's profile that certificates are ordered with, {_UNLESS}"
_CHAIN = f"Common name of the root that certificates should lead to, {_UNLESS}"
_CHALLENGE = f"How names are proved to authorities, {_UNLESS}"
_AUTHORITIES = f"Names of accounts to order certificates with, the preferred one first, {_UNLESS}"


class OrganizationNew(Body):
    """An organization to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Acme", "slug": "acme"}]})

    name: Name
    slug: Reference = Field(default="", description="Default: derived from the name.")
    parent: Reference | None = Field(default=None, description="Parent organization.")
    external_id: ExternalId | None = None
    metadata: Metadata | None = None


class OrganizationChange(Body):
    """Changes to an organization. Omitted fields keep their value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Acme GmbH"}]})

    name: Name = Field(default="")
    slug: Reference = Field(default="")
    external_id: ExternalId | None = None
    is_active: bool = True
    key_type: KeyType | None = Field(default=None, description=_KEY_TYPE)
    certificate_profile: Profile | None = Field(default=None, description=_PROFILE)
    preferred_chain: ChainName | None = Field(default=None, description=_CHAIN)
    certificate_challenge: ChallengeType | None = Field(default=None, description=_CHALLENGE)
    certificate_authorities: AuthorityNames | None = Field(default=None, description=_AUTHORITIES)
    metadata: Metadata | None = None


class OrganizationShape(Shape):
    """A tenant of the platform."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(
                    Prefix.ORGANIZATION,
                    "organizations",
                    name="Acme",
                    slug="acme",
                    parent=None,
                    external_id=None,
                    is_active=True,
                    key_type=None,
                    certificate_profile=None,
                    preferred_chain=None,
                    certificate_challenge=None,
                    certificate_authorities=None,
                )
            ]
        }
    )

    object: Literal["organization"] = "organization"
    name: str
    slug: str
    parent: str | None
    external_id: str | None
    is_active: bool
    key_type: str | None = Field(description=_KEY_TYPE)
    certificate_profile: str | None = Field(description=_PROFILE)
    preferred_chain: str | None = Field(description=_CHAIN)
    certificate_challenge: str | None = Field(description=_CHALLENGE)
    certificate_authorities: list[str] | None = Field(description=_AUTHORITIES)


def show(_call: TransactionCall, row: Organization) -> OrganizationShape:
    """Return an organization as callers see it."""
    return OrganizationShape(
        **common(row, Prefix.ORGANIZATION, "organizations"),
        name=row.name,
        slug=row.slug,
        parent=public(Prefix.ORGANIZATION, row.parent_organization_id),
        external_id=row.external_id,
        is_active=row.is_active,
        key_type=row.key_type,
        certificate_profile=row.certificate_profile,
        preferred_chain=row.preferred_chain,
        certificate_challenge=row.certificate_challenge,
        certificate_authorities=listed(row.certificate_authorities),
    )


@routes.post("/organizations", status_code=201, operation_id="add_organization")
def add(call: Write, body: OrganizationNew) -> OrganizationShape:
    """Add an organization (platform tokens only)."""
    return call.one(show, organizations.add(call.session, call.actor, **body.given()))


@routes.get("/organizations", operation_id="list_organizations")
def list_(
    call: Read,
    listing: Listed,
    name: Annotated[Name | None, Query(description="Only objects with this name.")] = None,
    parent: Annotated[
        Reference | None, Query(description="Only organizations below this parent.")
    ] = None,
) -> Page[OrganizationShape]:
    """List the organizations that the caller can access."""
    selected = listing.select(tagged=True, name=name, parent=parent)
    return listing.page(call, show, organizations.page(call.session, call.actor, **selected))


@routes.get("/organizations/{organization}", operation_id="show_organization")
def get(call: Read, organization: str) -> OrganizationShape:
    """Show an organization by id, slug or external id."""
    return call.one(show, organizations.get(call.session, call.actor, organization))


@routes.patch("/organizations/{organization}", operation_id="update_organization")
def update(call: Write, organization: str, body: OrganizationChange) -> OrganizationShape:
    """Update an organization."""
    call.expect(show, organizations.get(call.session, call.actor, organization))
    row = organizations.update(call.session, call.actor, organization, **body.given())
    return call.one(show, row)


@routes.delete("/organizations/{organization}", status_code=204, operation_id="remove_organization")
def remove(call: Write, organization: str) -> None:
    """Remove an organization and everything it owns (platform tokens only)."""
    organizations.remove(call.session, call.actor, organization, call.now)


@routes.post("/organizations/{organization}:restore", operation_id="restore_organization")
def restore(call: Write, organization: str) -> OrganizationShape:
    """Restore a removed organization and what was removed with it (platform tokens only)."""
    row = organizations.restore(call.session, call.actor, organization, call.now)
    return call.one(show, row)
