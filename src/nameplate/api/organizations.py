"""Organizations: the tenants of the platform."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import ConfigDict, Field

from nameplate.api.deps import Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import (
    Body,
    ExternalId,
    Metadata,
    Name,
    Page,
    Reference,
    Shape,
    common,
    example,
    public,
)
from nameplate.core.ids import Prefix
from nameplate.models import Organization
from nameplate.usecases.tenants import organizations

routes = router("organizations")


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


def show(_call: TransactionCall, row: Organization) -> OrganizationShape:
    """Return an organization as callers see it."""
    return OrganizationShape(
        **common(row, Prefix.ORGANIZATION, "organizations"),
        name=row.name,
        slug=row.slug,
        parent=public(Prefix.ORGANIZATION, row.parent_organization_id),
        external_id=row.external_id,
        is_active=row.is_active,
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
