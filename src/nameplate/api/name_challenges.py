"""Challenges: a claim was proved, and whoever stands in its way must prove the name again."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from nameplate.api.deps import Crossing, Listed, Read, TransactionCall
from nameplate.api.routing import router
from nameplate.api.shapes import Page, Shape, example
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.models import ChallengeStatus, NameChallenge
from nameplate.usecases.claims import contests

routes = router("challenges")

_EXAMPLE: dict[str, Any] = {
    "organization": ids.show(Prefix.ORGANIZATION, 1),
    "domain": ids.show(Prefix.DOMAIN, 1),
    "name": "example.com",
    "status": "open",
    "decides_at": "2026-12-01T09:30:00Z",
    "ended_at": None,
    "reason": None,
    "message": None,
}


class ChallengeShape(Shape):
    """A challenge, as who opened it sees it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [example(Prefix.CHALLENGE, "challenges", **_EXAMPLE)]}
    )

    object: Literal["challenge"] = "challenge"
    organization: str
    domain: str = Field(description="The claim that challenges.")
    name: str
    status: ChallengeStatus
    decides_at: datetime | None = Field(description="When it is decided at the earliest.")
    ended_at: datetime | None
    reason: str | None = Field(description="Why it ended as it did; null while it is open.")
    message: str | None


def show(_call: TransactionCall, row: NameChallenge) -> ChallengeShape:
    """Return a challenge as callers see it."""
    return _shape(row)


def _shape(row: NameChallenge) -> ChallengeShape:
    identity = ids.show(Prefix.CHALLENGE, row.id)
    return ChallengeShape(
        id=identity,
        metadata={},
        created_at=row.created_at,
        updated_at=row.updated_at,
        links={"self": f"/v1/challenges/{identity}"},
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        domain=ids.show(Prefix.DOMAIN, row.organization_domain_id),
        name=row.name,
        status=row.status,
        decides_at=row.decides_at,
        ended_at=row.ended_at,
        reason=row.outcome_code,
        message=row.outcome_message,
    )


@routes.get("/challenges", operation_id="list_challenges")
def list_(call: Read, listing: Listed) -> Page[ChallengeShape]:
    """List the challenges that the organization opened, including those that have ended."""
    return listing.page(call, show, contests.page(call.session, call.actor, **listing.select()))


@routes.get("/challenges/{challenge}", operation_id="show_challenge")
def get(call: Read, challenge: str) -> ChallengeShape:
    """Show a challenge."""
    return call.one(show, contests.get(call.session, call.actor, challenge))


@routes.post("/challenges/{challenge}:withdraw", operation_id="withdraw_challenge")
def withdraw(call: Crossing, challenge: str) -> ChallengeShape:
    """End a challenge. The name stays with its holder."""
    return _shape(contests.withdraw(call.sessions, call.actor, challenge))
