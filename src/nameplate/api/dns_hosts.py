"""The DNS host of a domain, and what its owner types there."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nameplate.api.deps import Crossing
from nameplate.api.routing import router
from nameplate.core.dns_hosts import ApexAlias, Confidence, DnsHost, HostField
from nameplate.core.dns_hosts.entry import Purpose, TypedRecord
from nameplate.core.pointing import Obstacle
from nameplate.usecases.setup import dns_hosts
from nameplate.usecases.setup.dns_hosts import Advice

routes = router("domains")


class HostShape(BaseModel):
    """A DNS host; null always means that it is not known."""

    slug: str
    name: str
    account_provider: str | None = Field(
        description="`provider` of an account with which Nameplate writes there itself; with "
        "`lexicon`, `slug` is its `lexicon_provider`."
    )
    host_field: HostField | None = Field(description="What its panel wants as name of a record.")
    apex_alias: ApexAlias | None = Field(
        description="How the zone's own name can follow another host."
    )
    panel: str | None = Field(description="Address of its DNS panel or help.")


class EntryShape(BaseModel):
    """A record as a person types it."""

    purpose: Purpose
    type: str
    name: str = Field(description="The whole name.")
    host: str = Field(description="What to type in the field for the name; may be empty.")
    value: str
    ttl: int = Field(description="Seconds.")
    remarks: list[str]


class ObstacleShape(BaseModel):
    """Why a host cannot be led to its server."""

    reason: str = Field(description="Stable slug for programs.")
    message: str
    fix: str


class AdviceShape(BaseModel):
    """Where a domain's DNS is managed, and what to enter there."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "dns_host",
                    "domain": "shop.example.com",
                    "zone": "example.com",
                    "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
                    "host": {
                        "slug": "cloudflare",
                        "name": "Cloudflare",
                        "account_provider": "cloudflare",
                        "host_field": "relative",
                        "apex_alias": "flattening",
                        "panel": "https://dash.cloudflare.com/?to=/:account/:zone/dns/records",
                    },
                    "confidence": "certain",
                    "message": "The name servers of example.com are those of Cloudflare.",
                    "others": [],
                    "steps": ["Sign in to Cloudflare and choose the domain."],
                    "entries": [
                        {
                            "purpose": "routing",
                            "type": "CNAME",
                            "name": "shop.example.com",
                            "host": "shop",
                            "value": "edge.platform.example",
                            "ttl": 3600,
                            "remarks": [
                                "The panel appends .example.com by itself: do not enter it."
                            ],
                        }
                    ],
                    "obstacles": [],
                }
            ]
        }
    )

    object: Literal["dns_host"] = "dns_host"
    domain: str
    zone: str | None = Field(description="Zone that the name lies in; null when there is none.")
    name_servers: list[str]
    host: HostShape | None
    confidence: Confidence
    message: str = Field(description="How the host was found.")
    others: list[str] = Field(description="Further DNS hosts, and name servers of unknown ones.")
    steps: list[str] = Field(description="How to get to the place where records are entered.")
    entries: list[EntryShape] = Field(description="Each record as it is typed there.")
    obstacles: list[ObstacleShape] = Field(description="What no record there can achieve.")


def show(advice: Advice) -> AdviceShape:
    """Return advice as callers see it."""
    recognition = advice.recognition
    return AdviceShape(
        domain=advice.domain,
        zone=advice.delegation.zone or None,
        name_servers=list(advice.delegation.name_servers),
        host=None if recognition.host is None else _host(recognition.host),
        confidence=recognition.confidence,
        message=advice.message,
        others=[*(one.name for one in recognition.others), *recognition.strangers],
        steps=list(advice.steps),
        entries=[show_entry(one) for one in advice.entries],
        obstacles=[show_obstacle(one) for one in advice.obstacles],
    )


def show_entry(one: TypedRecord) -> EntryShape:
    """Return an entry as callers see it."""
    fields: dict[str, Any] = {name: getattr(one, name) for name in TypedRecord.__slots__}
    return EntryShape(**{**fields, "remarks": list(one.remarks)})


def show_obstacle(one: Obstacle) -> ObstacleShape:
    """Return an obstacle as callers see it."""
    return ObstacleShape(reason=one.reason, message=one.message, fix=one.fix)


def _host(host: DnsHost) -> HostShape:
    return HostShape(
        slug=host.slug,
        name=host.name,
        account_provider=host.provider,
        host_field=host.host_field,
        apex_alias=host.apex_alias,
        panel=host.panel,
    )


@routes.get("/domains/{domain}/dns-host", operation_id="show_dns_host")
def get(world: Crossing, domain: str) -> AdviceShape:
    """Look where the domain's DNS is managed, and show what to enter there."""
    return show(dns_hosts.advise(world.sessions, world.tools, world.actor, domain))
