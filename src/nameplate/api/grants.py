"""Grants: names that a holder lends to another organization."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from nameplate.api.deps import Crossing, Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Page, Reference, Shape, example, public
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.core.secret import Secret
from nameplate.models import HoldingScope, NameGrant
from nameplate.usecases.claims import grants

routes = router("grants")

_EXAMPLE: dict[str, Any] = {
    "organization": ids.show(Prefix.ORGANIZATION, 1),
    "grantee": None,
    "name": "shop.example.com",
    "scope": "subtree",
    "may_lend": False,
    "ends_at": None,
    "revoked_at": None,
    "code_expires_at": "2026-11-30T09:30:00Z",
    "error_code": None,
}
_SHORTENED = "k7m2p4qw..."


class GrantNew(Body):
    """A name to lend."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "shop.example.com"}]})

    name: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(
        description="A name below one that the organization holds."
    )
    organization: Reference | None = Field(
        default=None, description="Organization that lends. Required with a platform token."
    )
    to: Reference | None = Field(
        default=None,
        description="Organization that may use the name: one below the lender in the tree of "
        "organizations; a platform token may name any. Default: whoever accepts the grant by its code.",
    )
    scope: HoldingScope = HoldingScope.SUBTREE
    may_lend: bool = Field(
        default=False, description="Whether the grantee may lend names below it in turn."
    )
    ends_at: AwareDatetime | None = Field(default=None, description="Default: it does not end.")


class GrantAcceptance(Body):
    """A code to accept a grant by."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": _SHORTENED}]})

    code: str = Field(min_length=1, max_length=100)
    organization: Reference | None = Field(
        default=None, description="Organization that accepts. Required with a platform token."
    )


class GrantRevocation(Body):
    """When a grant is to end."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    ends_at: AwareDatetime | None = Field(
        default=None,
        description="Default: 7 days from now. A time in the past ends it immediately.",
    )


class GrantShape(Shape):
    """A grant, as both sides see it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [example(Prefix.GRANT, "grants", **_EXAMPLE)]}
    )

    object: Literal["grant"] = "grant"
    organization: str = Field(description="The organization that lends.")
    grantee: str | None = Field(description="The organization that may use the name.")
    name: str
    scope: HoldingScope
    may_lend: bool
    ends_at: datetime | None
    revoked_at: datetime | None
    code_expires_at: datetime | None = Field(
        description="null when it cannot be accepted by a code."
    )
    error_code: str | None = Field(description="Why the grantee cannot use the name.")


class GrantMade(GrantShape):
    """A new grant with its code, which is shown only once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [example(Prefix.GRANT, "grants", **_EXAMPLE, code=_SHORTENED)]
        }
    )

    code: str | None = Field(
        description="Give it to the organization that is to accept the grant. null with `to`, and in "
        "the response to a repeated request."
    )


def show(_call: TransactionCall, row: NameGrant) -> GrantShape:
    """Return a grant as callers see it."""
    return GrantShape(**_fields(row))


def _fields(row: NameGrant) -> dict[str, Any]:
    identity = ids.show(Prefix.GRANT, row.id)
    same = ("name", "scope", "may_lend", "ends_at", "revoked_at", "code_expires_at")
    return {
        "id": identity,
        "metadata": {},
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "links": {"self": f"/v1/grants/{identity}"},
        "organization": ids.show(Prefix.ORGANIZATION, row.organization_id),
        "grantee": public(Prefix.ORGANIZATION, row.grantee_organization_id),
        "error_code": row.trouble_code,
        **{name: getattr(row, name) for name in same},
    }


@routes.post("/grants", status_code=201, operation_id="add_grant")
def add(call: Write, body: GrantNew) -> GrantMade:
    """Lend a name below a held one to another organization."""
    to = body.to and grants.recipient(call.surface.sessions, call.actor, body.to, body.organization)
    row, code = grants.add(
        call.session,
        call.tools,
        call.actor,
        grants.Terms(
            body.name,
            subtree=body.scope is HoldingScope.SUBTREE,
            may_lend=body.may_lend,
            ends_at=body.ends_at,
        ),
        now=call.now,
        organization=body.organization,
        to=to or None,
    )
    call.request.state.kept_body = GrantMade(**_fields(row), code=None).model_dump_json()
    return GrantMade(**_fields(row), code=None if code is None else code.reveal())


@routes.post("/grants:accept", operation_id="accept_grant")
def accept(call: Crossing, body: GrantAcceptance) -> GrantShape:
    """Accept a grant by its code."""
    row = grants.accept(call.sessions, call.actor, Secret(body.code), body.organization)
    return GrantShape(**_fields(row))


@routes.get("/grants", operation_id="list_grants")
def list_(call: Read, listing: Listed) -> Page[GrantShape]:
    """List the grants that were given and received, including those that have ended."""
    return listing.page(call, show, grants.page(call.session, call.actor, **listing.select()))


@routes.get("/grants/{grant}", operation_id="show_grant")
def get(call: Read, grant: str) -> GrantShape:
    """Show a grant."""
    return call.one(show, grants.get(call.session, call.actor, grant))


@routes.post("/grants/{grant}:revoke", operation_id="revoke_grant")
def revoke(call: Write, grant: str, body: GrantRevocation) -> GrantShape:
    """End a grant, with seven days of notice unless `ends_at` says otherwise. Only its lender can."""
    row = grants.revoke(call.session, call.actor, grant, call.now, body.ends_at)
    return call.one(show, row)
