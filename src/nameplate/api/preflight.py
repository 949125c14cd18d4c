"""Whether a certificate would be obtained now: findings, without an order."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api import errors
from nameplate.api.deps import Crossing
from nameplate.api.diagnosis import FindingShape, finding_shape
from nameplate.api.routing import router
from nameplate.api.shapes import Body, public
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.models import ChallengeType
from nameplate.usecases.claims import preflight
from nameplate.usecases.claims.preflight import Preflight

routes = router("certificates")

_EXAMPLE: dict[str, Any] = {
    "object": "preflight",
    "names": ["shop.example.com"],
    "challenge": "http-01",
    "domain": ids.show(Prefix.DOMAIN, 1),
    "certificate": None,
    "ok": False,
    "checked_at": "2026-11-29T09:30:00Z",
    "findings": [
        {
            "check": "caa_excludes",
            "weight": "blocks",
            "confidence": "certain",
            "message": "CAA at example.com does not let Let's Encrypt issue, as shop.example.com needs it. "
            'Add the record example.com CAA 0 issue "letsencrypt.org".',
            "fix": 'Add the record example.com CAA 0 issue "letsencrypt.org", or remove the CAA records. '
            "Nameplate checks again automatically, and then orders the certificate.",
            "turn": "you",
            "records": [
                {
                    "action": "add",
                    "type": "CAA",
                    "name": "example.com",
                    "value": '0 issue "letsencrypt.org"',
                }
            ],
            "evidence": ['example.com CAA 0 issue "other.example"'],
            "next_check_at": None,
        }
    ],
}


class PreflightNew(Body):
    """A host for which a certificate is to be ordered some day."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "shop.example.com"}]})

    name: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(
        description="A host of a claimed domain."
    )
    challenge: ChallengeType | None = Field(
        default=None, description="ACME challenge, as for the request of a certificate."
    )


class PreflightShape(BaseModel):
    """What was found, the most important finding first. Nothing was ordered."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    object: Literal["preflight"] = "preflight"
    names: list[str]
    challenge: str
    domain: str
    certificate: str | None = Field(description="Id; null when a host was looked at.")
    ok: bool = Field(description="Whether nothing keeps the certificate from being ordered.")
    checked_at: datetime
    findings: list[FindingShape]


def show(found: Preflight) -> PreflightShape:
    """Return what was found as callers see it."""
    return PreflightShape(
        names=list(found.names),
        challenge=found.challenge,
        domain=ids.show(Prefix.DOMAIN, found.domain_id),
        certificate=public(Prefix.CERTIFICATE, found.certificate_id),
        ok=found.is_clear,
        checked_at=found.at,
        findings=[finding_shape(one, found.next_check_at) for one in found.findings],
    )


@routes.post(
    "/certificates:preflight",
    operation_id="preflight_host",
    responses=errors.documented(429),
)
def of_host(world: Crossing, body: PreflightNew) -> PreflightShape:
    """Find out whether a certificate for a host would be obtained now. Nothing is ordered or stored."""
    found = preflight.of_host(world.sessions, world.tools, world.actor, body.name, body.challenge)
    return show(found)


@routes.post(
    "/certificates/{certificate}:preflight",
    operation_id="preflight_certificate",
    responses=errors.documented(429),
)
def of_certificate(world: Crossing, certificate: str) -> PreflightShape:
    """Find out whether a certificate would be renewed now. Nothing is ordered."""
    found = preflight.of_certificate(world.sessions, world.tools, world.actor, certificate)
    return show(found)
