"""Memberships: what users are in an organization and all below it."""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import ConfigDict, Field

from nameplate.api.deps import Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Page, Reference, Shape, example
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.core.roles import Role
from nameplate.models import Membership
from nameplate.usecases.tenants import memberships, users

routes = router("memberships")

_EXAMPLE: dict[str, Any] = {
    "organization": ids.show(Prefix.ORGANIZATION, 1),
    "user": ids.show(Prefix.USER, 1),
    "email": "ada@example.com",
    "role": "member",
}


class MembershipNew(Body):
    """A membership to add."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user": "ada@example.com", "role": "member"}]}
    )

    user: Reference = Field(description="The user, by id or address.")
    role: Role
    organization: Reference | None = Field(
        default=None, description="Required with a platform token."
    )


class MembershipChange(Body):
    """Another role."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "admin"}]})

    role: Role


class MembershipShape(Shape):
    """What a user is in an organization."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [example(Prefix.MEMBERSHIP, "memberships", **_EXAMPLE)]}
    )

    object: Literal["membership"] = "membership"
    organization: str
    user: str
    email: str = Field(description="Address of the user.")
    role: Role = Field(
        description="`owner` spends money and makes tokens, `admin` sets up, `member` works on domains, "
        "`viewer` looks."
    )


def show(call: TransactionCall, row: Membership) -> MembershipShape:
    """Return a membership as callers see it."""
    return _shape(row, users.emails(call.sessions, [row.user_id]).get(row.user_id, ""))


def _shape(row: Membership, email: str) -> MembershipShape:
    identity = ids.show(Prefix.MEMBERSHIP, row.id)
    return MembershipShape(
        id=identity,
        metadata={},
        created_at=row.created_at,
        updated_at=row.updated_at,
        links={"self": f"/v1/memberships/{identity}"},
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        user=ids.show(Prefix.USER, row.user_id),
        email=email,
        role=row.role,
    )


@routes.post("/memberships", status_code=201, operation_id="add_membership")
def add(call: Write, body: MembershipNew) -> MembershipShape:
    """Let a user act in an organization. A role above the own cannot be given."""
    row = memberships.add(
        call.session,
        call.actor,
        user=memberships.user_id(call.sessions, body.user),
        role=body.role,
        organization=body.organization,
        by=call.request.state.caller.role,
    )
    return call.one(show, row)


@routes.get("/memberships", operation_id="list_memberships")
def list_(
    call: Read,
    listing: Listed,
    organization: Annotated[
        Reference | None, Query(description="Only objects of this organization.")
    ] = None,
) -> Page[MembershipShape]:
    """List memberships."""
    rows = memberships.page(call.session, call.actor, **listing.select(organization=organization))
    known = users.emails(call.sessions, [row.user_id for row in rows])
    return listing.page(call, lambda _, row: _shape(row, known.get(row.user_id, "")), rows)


@routes.get("/memberships/{membership}", operation_id="show_membership")
def get(call: Read, membership: str) -> MembershipShape:
    """Show a membership."""
    return call.one(show, memberships.get(call.session, call.actor, membership))


@routes.patch("/memberships/{membership}", operation_id="update_membership")
def update(call: Write, membership: str, body: MembershipChange) -> MembershipShape:
    """Change a role. The last owner stays one."""
    call.expect(show, memberships.get(call.session, call.actor, membership))
    by = call.request.state.caller.role
    row = memberships.update(call.session, call.actor, membership, body.role, by)
    return call.one(show, row)


@routes.delete("/memberships/{membership}", status_code=204, operation_id="remove_membership")
def remove(call: Write, membership: str) -> None:
    """End a membership. The last owner stays."""
    by = call.request.state.caller.role
    memberships.remove(call.session, call.actor, membership, by)
