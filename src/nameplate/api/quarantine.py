"""Quarantine: released names that may still point here."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from nameplate.api.deps import Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Page, Shape, example
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.models import HoldingScope, QuarantinedName, ReleaseReason
from nameplate.usecases.claims import quarantine

routes = router("quarantine")

_EXAMPLE: dict[str, Any] = {
    "organization": ids.show(Prefix.ORGANIZATION, 1),
    "domain": ids.show(Prefix.DOMAIN, 1),
    "name": "shop.example.com",
    "scope": "subtree",
    "reason": "removed",
    "since": "2026-11-23T09:30:00Z",
    "looked_at": "2026-11-23T09:30:05Z",
    "away_since": None,
    "next_check_at": "2026-11-23T15:30:05Z",
    "explanation": "The name points to 192.0.2.5, which is here.",
}


class QuarantineEnd(Body):
    """Why a quarantine ends before its time."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "The owner has shown a letter."}]}
    )

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class QuarantineShape(Shape):
    """A released name, until its DNS has left."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [example(Prefix.QUARANTINED_NAME, "quarantine", **_EXAMPLE)]}
    )

    object: Literal["quarantined_name"] = "quarantined_name"
    organization: str = Field(description="The organization that held the name.")
    domain: str = Field(description="The domain that held it.")
    name: str
    scope: HoldingScope
    reason: ReleaseReason
    since: datetime
    looked_at: datetime | None
    away_since: datetime | None = Field(
        description="Since when it points elsewhere or nowhere; null while it points here."
    )
    next_check_at: datetime | None
    explanation: str | None = Field(description="What the last check saw.")


def show(_call: TransactionCall, row: QuarantinedName) -> QuarantineShape:
    """Return a quarantined name as callers see it."""
    identity = ids.show(Prefix.QUARANTINED_NAME, row.id)
    domain = ids.show(Prefix.DOMAIN, row.organization_domain_id)
    same = ("name", "scope", "reason", "since", "looked_at", "away_since", "explanation")
    return QuarantineShape(
        id=identity,
        metadata={},
        created_at=row.created_at,
        updated_at=row.updated_at,
        links={"self": f"/v1/quarantine/{identity}"},
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        domain=domain,
        next_check_at=row.next_action_at,
        **{name: getattr(row, name) for name in same},
    )


@routes.get("/quarantine", operation_id="list_quarantined_names")
def list_(call: Read, listing: Listed) -> Page[QuarantineShape]:
    """List released names that may still point here."""
    found = quarantine.page(call.session, call.actor, **listing.select())
    return listing.page(call, show, found)


@routes.get("/quarantine/{quarantined_name}", operation_id="show_quarantined_name")
def get(call: Read, quarantined_name: str) -> QuarantineShape:
    """Show a released name."""
    return call.one(show, quarantine.get(call.session, call.actor, quarantined_name))


@routes.post("/quarantine/{quarantined_name}:end", status_code=204, operation_id="end_quarantine")
def end(call: Write, quarantined_name: str, body: QuarantineEnd) -> None:
    """End the quarantine of a name. Platform tokens only; the reason is part of the event."""
    quarantine.end(call.session, call.actor, quarantined_name, body.reason)
