"""Setup links: what to publish for one domain, for somebody without an account."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import AwareDatetime, ConfigDict, Field

from nameplate.api.deps import Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.setup_page import address
from nameplate.api.shapes import Body, Page, Reference, Shape, example
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.models import SetupLink
from nameplate.usecases.setup import links

routes = router("setup-links")

_EXAMPLE: dict[str, Any] = {
    "domain": ids.show(Prefix.DOMAIN, 1),
    "organization": ids.show(Prefix.ORGANIZATION, 1),
    "expires_at": "2026-11-30T09:30:00Z",
    "opened_at": None,
    "revoked_at": None,
}
_URL = "https://api.platform.example/setup/open/k7m2p4qw6xz3v5n7b9c2d4f6h8j2l4n6k7m2p4qw"


class SetupLinkNew(Body):
    """A setup link to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"domain": "shop.example.com"}]})

    domain: Reference
    expires_at: AwareDatetime | None = Field(
        default=None, description="Up to 30 days from now. Default: 7 days from now."
    )


class SetupLinkShape(Shape):
    """A setup link, without its address."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [example(Prefix.SETUP_LINK, "setup-links", **_EXAMPLE)]}
    )

    object: Literal["setup_link"] = "setup_link"
    organization: str
    domain: str
    expires_at: datetime
    opened_at: datetime | None = Field(description="When a browser opened it. It opens once.")
    revoked_at: datetime | None


class SetupLinkMade(SetupLinkShape):
    """A new setup link with its address, which is shown only once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [example(Prefix.SETUP_LINK, "setup-links", **_EXAMPLE, url=_URL)]
        }
    )

    url: str | None = Field(
        description="Address to send to whoever manages the domain's DNS. null in the response to a "
        "repeated request: it is not kept."
    )


def show(_call: TransactionCall, row: SetupLink) -> SetupLinkShape:
    """Return a link as callers see it."""
    return SetupLinkShape(**_fields(row))


def _fields(row: SetupLink) -> dict[str, Any]:
    identity = ids.show(Prefix.SETUP_LINK, row.id)
    domain = ids.show(Prefix.DOMAIN, row.organization_domain_id)
    return {
        "id": identity,
        "metadata": {},
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "links": {"self": f"/v1/setup-links/{identity}", "domain": f"/v1/domains/{domain}"},
        "organization": ids.show(Prefix.ORGANIZATION, row.organization_id),
        "domain": domain,
        "expires_at": row.expires_at,
        "opened_at": row.opened_at,
        "revoked_at": row.revoked_at,
    }


@routes.post("/setup-links", status_code=201, operation_id="add_setup_link")
def add(call: Write, body: SetupLinkNew) -> SetupLinkMade:
    """Add a link to a page that shows what to publish for a domain, without a login.

    Its address is shown only in this response. One browser can open it, once.
    """
    row, token = links.add(
        call.session,
        call.actor,
        now=call.now,
        random=call.tools.random,
        **body.given(),
    )
    call.request.state.kept_body = SetupLinkMade(**_fields(row), url=None).model_dump_json()
    return SetupLinkMade(**_fields(row), url=address(call.request, call.tools, token))


@routes.get("/setup-links", operation_id="list_setup_links")
def list_(
    call: Read,
    listing: Listed,
    domain: Annotated[Reference | None, Query(description="Only objects of this domain.")] = None,
) -> Page[SetupLinkShape]:
    """List setup links, including those that work no more."""
    selected = listing.select(domain=domain)
    return listing.page(call, show, links.page(call.session, call.actor, **selected))


@routes.get("/setup-links/{setup_link}", operation_id="show_setup_link")
def get(call: Read, setup_link: str) -> SetupLinkShape:
    """Show a setup link."""
    return call.one(show, links.get(call.session, call.actor, setup_link))


@routes.delete("/setup-links/{setup_link}", status_code=204, operation_id="revoke_setup_link")
def revoke(call: Write, setup_link: str) -> None:
    """Revoke a setup link. Whoever opened it sees nothing more."""
    links.revoke(call.session, call.actor, setup_link, call.now)
