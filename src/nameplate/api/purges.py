"""Having a CDN forget what it keeps of a host."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api import errors
from nameplate.api.deps import Crossing, DryRun
from nameplate.api.routing import router
from nameplate.api.shapes import Body
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.usecases.dns import purges
from nameplate.usecases.dns.purges import CachePurge

routes = router("domains")

_EXAMPLE: dict[str, Any] = {
    "object": "cache_purge",
    "domain": ids.show(Prefix.DOMAIN, 1),
    "provider": "cloudflare",
    "hosts": [],
    "urls": ["https://www.example.com/style.css", "http://www.example.com/style.css"],
    "dry_run": False,
}
_Path = Annotated[str, StringConstraints(min_length=1, max_length=purges.MAX_PATH)]


class PurgeNew(Body):
    """What is to be forgotten."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"host": "www.example.com", "paths": ["/style.css"]}]}
    )

    host: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        default=None, description="A host of the domain. Default: the domain's own name."
    )
    paths: list[_Path] = Field(
        default_factory=list,
        max_length=purges.MAX_PATHS,
        description="Paths with their query, exactly as browsers ask for them. Default: the whole host.",
    )


class PurgeShape(BaseModel):
    """What was forgotten, or would be."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    object: Literal["cache_purge"] = "cache_purge"
    domain: str
    provider: str = Field(description="DNS provider whose network stands in front of the host.")
    hosts: list[str] = Field(description="Hosts of which everything is forgotten.")
    urls: list[str] = Field(description="Addresses that are forgotten.")
    dry_run: bool


def show(found: CachePurge, *, dry_run: bool) -> PurgeShape:
    """Return a purge as callers see it."""
    return PurgeShape(
        domain=ids.show(Prefix.DOMAIN, found.domain_id),
        provider=found.provider,
        hosts=list(found.what.hosts),
        urls=list(found.what.urls),
        dry_run=dry_run,
    )


@routes.post(
    "/domains/{domain}:purge-cache",
    operation_id="purge_cache",
    responses=errors.documented(429),
)
def purge(
    world: Crossing,
    domain: str,
    body: PurgeNew | None = None,
    dry_run: DryRun = False,  # noqa: FBT002 - a query parameter
) -> PurgeShape:
    """Have the CDN in front of a host forget the whole host, or some paths of it."""
    given = body or PurgeNew()
    found = purges.purge(
        world.sessions, world.tools, world.actor, domain, given.host, given.paths, dry_run=dry_run
    )
    return show(found, dry_run=dry_run)
