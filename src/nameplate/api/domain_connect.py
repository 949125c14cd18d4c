"""Domain Connect: one consent at the DNS host instead of typing records."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nameplate.api.deps import Crossing, Read
from nameplate.api.dns_hosts import EntryShape, ObstacleShape, show_entry, show_obstacle
from nameplate.api.routing import router
from nameplate.usecases.setup import domain_connect
from nameplate.usecases.setup.domain_connect import ConnectOffer, Submission

routes = router("domains")


class CoveredShape(BaseModel):
    """A record that is published after consent."""

    type: str
    name: str
    value: str


class ConsentProviderShape(BaseModel):
    """The DNS host as it identifies itself."""

    id: str
    name: str


class OfferShape(BaseModel):
    """Whether the DNS host supports Domain Connect, and the link for the owner."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "domain_connect",
                    "domain": "shop.example.com",
                    "zone": "example.com",
                    "supported": True,
                    "reason": "offered",
                    "message": "Open the link, sign in at the DNS host, and confirm the records.",
                    "retryable": False,
                    "provider": {"id": "virtucondomains.example", "name": "Virtucon Domains"},
                    "apply_url": (
                        "https://domainconnect.virtucondomains.example/sync/v2/domainTemplates/"
                        "providers/platform.example/services/custom-domain/apply?domain=..."
                    ),
                    "covered": [
                        {
                            "type": "CNAME",
                            "name": "shop.example.com",
                            "value": "edge.platform.example",
                        }
                    ],
                    "by_hand": [],
                    "obstacles": [],
                    "stale": False,
                }
            ]
        }
    )

    object: Literal["domain_connect"] = "domain_connect"
    domain: str
    zone: str | None
    supported: bool
    reason: str = Field(description="Stable machine-readable code.")
    message: str
    retryable: bool = Field(description="Whether the request may succeed later.")
    provider: ConsentProviderShape | None
    apply_url: str | None = Field(
        description="Link for the owner to open. It is signed: do not change it."
    )
    covered: list[CoveredShape] = Field(description="Records that are published after consent.")
    by_hand: list[EntryShape] = Field(description="Records to enter manually.")
    obstacles: list[ObstacleShape] = Field(
        description="Hosts that no record there can point at their server."
    )
    stale: bool = Field(
        description="Whether the provider lists different name servers for the zone. If so, it may be "
        "a former DNS host."
    )


class KeyRecordShape(BaseModel):
    """A TXT record with a part of the public key."""

    type: Literal["TXT"] = "TXT"
    name: str
    value: str


class ServiceShape(BaseModel):
    """The template to submit and the public key to publish for Domain Connect."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "domain_connect_service",
                    "configured": True,
                    "file_name": "platform.example.custom-domain.json",
                    "template": {"providerId": "platform.example", "records": []},
                    "key_records": [
                        {
                            "type": "TXT",
                            "name": "_dcpubkeyv1.platform.example",
                            "value": "p=1,a=RS256,d=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A...",
                        }
                    ],
                }
            ]
        }
    )

    object: Literal["domain_connect_service"] = "domain_connect_service"
    configured: bool
    file_name: str | None
    template: dict[str, Any] | None = Field(
        description="Template to submit to the Domain Connect template repository."
    )
    key_records: list[KeyRecordShape]


def show(offer: ConnectOffer) -> OfferShape:
    """Return an offer as callers see it."""
    provider = offer.provider
    return OfferShape(
        domain=offer.domain,
        zone=offer.zone or None,
        supported=offer.apply_url is not None,
        reason=offer.reason,
        message=offer.message,
        retryable=offer.retryable,
        provider=None
        if provider is None
        else ConsentProviderShape(id=provider.id, name=provider.name),
        apply_url=offer.apply_url,
        covered=[
            CoveredShape(type=one.type, name=one.name, value=one.value) for one in offer.covered
        ],
        by_hand=[show_entry(one) for one in offer.by_hand],
        obstacles=[show_obstacle(one) for one in offer.obstacles],
        stale=offer.stale,
    )


def show_service(found: Submission | None) -> ServiceShape:
    """Return what is to be submitted as callers see it."""
    if found is None:
        return ServiceShape(configured=False, file_name=None, template=None, key_records=[])
    return ServiceShape(
        configured=True,
        file_name=found.file_name,
        template=found.template,
        key_records=[
            KeyRecordShape(name=found.key_name, value=value) for value in found.key_values
        ],
    )


@routes.get("/domains/{domain}/domain-connect", operation_id="show_domain_connect")
def get(world: Crossing, domain: str) -> OfferShape:
    """Check the DNS host of a domain for Domain Connect and show the signed link for its owner."""
    return show(domain_connect.offer(world.sessions, world.tools, world.actor, domain))


@routes.get("/domain-connect", operation_id="show_domain_connect_service")
def get_service(call: Read) -> ServiceShape:
    """Show the Domain Connect template and public key of the platform (platform tokens only)."""
    return show_service(domain_connect.submission(call.tools, call.actor))
