"""Campaigns: many certificates that are to be replaced until a moment."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api.deps import Read, Write
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Reference
from nameplate.usecases.certificates import campaigns
from nameplate.usecases.certificates.campaigns import CampaignProgress, ReplacementOrder

routes = router("certificates")

_EXAMPLE: dict[str, Any] = {
    "object": "certificate_campaign",
    "id": "ari-5f2c0a9d1e4b7c36",
    "reason": "The authority wants it replaced: https://ca.example/incident",
    "issuers": ["CN=E7,O=Let's Encrypt,C=US"],
    "began_at": "2026-11-29T08:00:00Z",
    "due_at": "2026-12-04T08:00:00Z",
    "total": 1200,
    "done": 1100,
    "failing": 3,
    "remaining": 100,
    "failures": {"caa": 3},
    "organizations": 42,
    "ended_at": None,
}


class CampaignNew(Body):
    """Certificates to replace. Uploaded ones and those that nothing uses are left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"issuer": "Let's Encrypt", "due_at": "2026-12-04T08:00:00Z"}]
        }
    )

    issuer: Annotated[str, StringConstraints(min_length=2, max_length=255)] | None = Field(
        default=None, description="A part of the issuer's name, without regard to case."
    )
    issued_before: AwareDatetime | None = Field(
        default=None, description="Only certificates issued before. This or `issuer` is required."
    )
    due_at: AwareDatetime | None = Field(
        default=None, description="Until when they must be replaced. Default: 5 days from now."
    )
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    organization: Reference | None = Field(
        default=None, description="Only certificates of this organization."
    )


class CampaignShape(BaseModel):
    """How far a campaign has come, as far as you see its certificates."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    object: Literal["certificate_campaign"] = "certificate_campaign"
    id: str
    reason: str
    issuers: list[str]
    began_at: datetime
    due_at: datetime = Field(description="Until when all must be replaced.")
    total: int
    done: int = Field(description="Number of certificates that are replaced.")
    failing: int = Field(description="Number of the others whose last attempt failed.")
    remaining: int
    failures: dict[str, int] = Field(description="Number of failing certificates by error code.")
    organizations: int
    ended_at: datetime | None = Field(description="When the last one was replaced.")


class CampaignList(BaseModel):
    """The campaigns that are under way, or ended in the last 30 days."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"object": "list", "data": [_EXAMPLE]}]}
    )

    object: Literal["list"] = "list"
    data: list[CampaignShape]


class CampaignStarted(BaseModel):
    """The campaign that was started."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"object": "certificate_campaign_start", "campaign": _EXAMPLE}]
        }
    )

    object: Literal["certificate_campaign_start"] = "certificate_campaign_start"
    campaign: CampaignShape | None = Field(description="null when there is nothing to replace.")


def _shown(one: CampaignProgress) -> CampaignShape:
    return CampaignShape(
        id=one.id,
        reason=one.reason,
        issuers=list(one.issuers),
        began_at=one.began_at,
        due_at=one.due_at,
        total=one.total,
        done=one.done,
        failing=one.failing,
        remaining=one.remaining,
        failures=one.reasons,
        organizations=one.organizations,
        ended_at=one.ended_at,
    )


@routes.get("/certificate-campaigns", operation_id="list_certificate_campaigns")
def list_(call: Read) -> CampaignList:
    """List campaigns with their progress."""
    found = campaigns.overview(call.session, call.actor)
    return CampaignList(data=[_shown(one) for one in found])


@routes.post("/certificate-campaigns", operation_id="start_certificate_campaign")
def start(call: Write, body: CampaignNew) -> CampaignStarted:
    """Replace many certificates, those of each organization one after the other."""
    asked = ReplacementOrder(**body.model_dump())
    found = campaigns.start(call.session, call.actor, asked, call.now)
    return CampaignStarted(campaign=None if found is None else _shown(found))
