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
    """A DNS host. A field is null when its value is not known."""

    slug: str
    name: str
    account_provider: str | None = Field(
        description="`provider` of an account that lets Nameplate write records at this host. For "
        "`lexicon`, `slug` is the value of its `lexicon_provider`."
    )
    host_field: HostField | None = Field(
        description="Form of the record name that its panel expects."
    )
    apex_alias: ApexAlias | None = Field(
        description="How the zone apex can be an alias of another host."
    )
    panel: str | None = Field(description="URL of its DNS panel or documentation.")


class EntryShape(BaseModel):
    """A record as entered in the DNS host's panel."""

    purpose: Purpose
    type: str
    name: str = Field(description="Fully qualified name of the record.")
    host: str = Field(description="What to enter in the name field; may be empty.")
    value: str
    ttl: int = Field(description="In seconds.")
    remarks: list[str]
    is_published: bool | None = Field(
        description="Whether every authoritative server has the record; null when not checked."
    )


class ObstacleShape(BaseModel):
    """Why a host cannot be pointed at its server."""

    reason: str = Field(description="Stable machine-readable code.")
    message: str
    fix: str


class AdviceShape(BaseModel):
    """The DNS host of a domain and the records to enter there."""

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
                            "remarks": ["The panel appends `.example.com`. Do not enter it."],
                            "is_published": False,
                        }
                    ],
                    "obstacles": [],
                }
            ]
        }
    )

    object: Literal["dns_host"] = "dns_host"
    domain: str
    zone: str | None = Field(description="Zone that contains the name; null when there is none.")
    name_servers: list[str]
    host: HostShape | None
    confidence: Confidence
    message: str = Field(description="How the DNS host was recognised.")
    others: list[str] = Field(description="Other DNS hosts, and name servers of unknown hosts.")
    steps: list[str] = Field(description="How to reach the page where records are entered.")
    entries: list[EntryShape] = Field(
        description="Records to enter, and those that are published already."
    )
    obstacles: list[ObstacleShape] = Field(
        description="Hosts that no record there can point at their server."
    )


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
    """Find the DNS host of a domain and show the records to enter there."""
    return show(dns_hosts.advise(world.sessions, world.tools, world.actor, domain))
