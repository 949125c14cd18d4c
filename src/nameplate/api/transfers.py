"""Transfers of domains from one organization to another."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from nameplate.api.deps import Crossing, Listed, Read, TransactionCall
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Page, Reference, Shape, example
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.models import NameTransfer, TransferStatus
from nameplate.usecases.claims import acceptances, transfers
from nameplate.usecases.claims.acceptances import Acceptance
from nameplate.usecases.claims.transfers import TransferOffer

routes = router("transfers")

_EXAMPLE: dict[str, Any] = {
    "organization": ids.show(Prefix.ORGANIZATION, 1),
    "to": ids.show(Prefix.ORGANIZATION, 2),
    "name": "example.com",
    "with_bindings": True,
    "status": "offered",
    "expires_at": "2026-12-07T09:30:00Z",
    "ended_at": None,
}


class TransferNew(Body):
    """A domain to give to another organization."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"domain": "example.com", "to": ids.show(Prefix.ORGANIZATION, 2)}]
        }
    )

    domain: Reference = Field(description="Domain that is proved by itself.")
    to: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(
        description="Id or external id of the other organization. The response is the same when there "
        "is no such organization."
    )
    with_bindings: bool = Field(
        default=True,
        description="Whether the bindings may continue with an application of the other organization.",
    )
    expires_at: AwareDatetime | None = Field(
        default=None, description="Default: 7 days from now. At most 30 days."
    )


class TransferAcceptance(Body):
    """How to take a domain over."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"application": "shop"}]})

    application: Reference | None = Field(
        default=None,
        description="Application that the bindings continue with. Default: nothing is served until the "
        "domain is bound anew.",
    )
    server: Reference | None = Field(
        default=None, description="Server that serves them. Default: the same one."
    )


class TransferShape(Shape):
    """A transfer, as both sides see it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [example(Prefix.TRANSFER, "transfers", **_EXAMPLE)]}
    )

    object: Literal["transfer"] = "transfer"
    organization: str = Field(description="The organization that gives the domain.")
    to: str = Field(description="The organization that is to get it, as it was named.")
    name: str
    with_bindings: bool
    status: TransferStatus = Field(description="An offer that has expired stays `offered`.")
    expires_at: datetime
    ended_at: datetime | None


def show(_call: TransactionCall, row: NameTransfer) -> TransferShape:
    """Return a transfer as callers see it."""
    return _shape(row)


def _shape(row: NameTransfer) -> TransferShape:
    identity = ids.show(Prefix.TRANSFER, row.id)
    return TransferShape(
        id=identity,
        metadata={},
        created_at=row.created_at,
        updated_at=row.updated_at,
        links={"self": f"/v1/transfers/{identity}"},
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        to=row.target_reference,
        name=row.name,
        with_bindings=row.with_bindings,
        status=row.status,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )


@routes.post("/transfers", status_code=201, operation_id="offer_transfer")
def offer(call: Crossing, body: TransferNew) -> TransferShape:
    """Offer a domain to another organization. Nothing changes before it accepts."""
    terms = TransferOffer(
        body.domain, body.to, with_bindings=body.with_bindings, expires_at=body.expires_at
    )
    return _shape(transfers.offer(call.sessions, call.actor, terms))


@routes.get("/transfers", operation_id="list_transfers")
def list_(call: Read, listing: Listed) -> Page[TransferShape]:
    """List the transfers that were offered and received, including those that have ended."""
    return listing.page(call, show, transfers.page(call.session, call.actor, **listing.select()))


@routes.get("/transfers/{transfer}", operation_id="show_transfer")
def get(call: Read, transfer: str) -> TransferShape:
    """Show a transfer."""
    return call.one(show, transfers.get(call.session, call.actor, transfer))


@routes.post("/transfers/{transfer}:accept", operation_id="accept_transfer")
def accept(call: Crossing, transfer: str, body: TransferAcceptance | None = None) -> TransferShape:
    """Take a domain over. Only the organization that it was offered to can."""
    given = body or TransferAcceptance()
    terms = Acceptance(application=given.application, server=given.server)
    return _shape(acceptances.accept(call.sessions, call.tools, call.actor, transfer, terms))


@routes.post("/transfers/{transfer}:decline", operation_id="decline_transfer")
def decline(call: Crossing, transfer: str) -> TransferShape:
    """Decline an offer. Only the organization that it was made to can."""
    return _shape(transfers.decline(call.sessions, call.actor, transfer))


@routes.post("/transfers/{transfer}:withdraw", operation_id="withdraw_transfer")
def withdraw(call: Crossing, transfer: str) -> TransferShape:
    """Withdraw an offer. Only the organization that made it can."""
    return _shape(transfers.withdraw(call.sessions, call.actor, transfer))
