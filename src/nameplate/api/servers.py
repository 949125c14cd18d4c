"""Servers: machines with a proxy."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api import errors
from nameplate.api.applications import Host
from nameplate.api.deps import Crossing, Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import (
    Body,
    ExternalId,
    Force,
    Metadata,
    Name,
    Page,
    Reference,
    Shape,
    common,
    example,
    public,
)
from nameplate.core.ids import Prefix
from nameplate.core.pointing import MAX_ADDRESSES
from nameplate.models import Server
from nameplate.usecases.serving import server_tests, servers

routes = router("servers")

Region = Annotated[
    str,
    StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9][a-z0-9.-]*$"),
    Field(description="Where the server is, in your own words, such as `eu-central`."),
]
Addresses = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=64)]],
    Field(max_length=MAX_ADDRESSES, description="IPv4 and IPv6 addresses for A and AAAA records."),
]

_EXAMPLE: dict[str, Any] = {
    "name": "edge-1",
    "address": "edge-1.platform.example",
    "addresses": ["192.0.2.7", "2001:db8::7"],
    "region": "eu-central",
    "proxy": {"type": "caddy", "admin_url": "http://127.0.0.1:2019"},
}


class ServerNew(Body):
    """A server to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name
    address: Host = Field(description="Public host name or IP address that DNS records point at.")
    addresses: Addresses = Field(default_factory=list)
    region: Region | None = None
    organization: Reference | None = Field(
        default=None,
        description="Organization that owns the server. Default: the organization of the token; with "
        "a platform token, the server is shared by all organizations.",
    )
    proxy: dict[str, Any] | None = Field(
        default=None, description="How to reach the proxy on the server. Platform tokens only."
    )
    external_id: ExternalId | None = Field(default=None, description="Platform tokens only.")
    metadata: Metadata | None = None


class ServerChange(Body):
    """Changes to a server. Omitted fields keep their value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"address": "192.0.2.7"}]})

    name: Name = Field(default="")
    address: Host = Field(default="")
    addresses: Addresses = Field(default_factory=list)
    region: Region | None = None
    proxy: dict[str, Any] | None = None
    external_id: ExternalId | None = None
    metadata: Metadata | None = None


class ServerShape(Shape):
    """A machine with a proxy."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(
                    Prefix.SERVER,
                    "servers",
                    organization=None,
                    external_id=None,
                    server_group=None,
                    configured_at="2026-11-23T09:31:00Z",
                    error_code=None,
                    error_message=None,
                    failing_since=None,
                    still_served=[],
                    **_EXAMPLE,
                )
            ]
        }
    )

    object: Literal["server"] = "server"
    organization: str | None = Field(
        description="null when the server is shared by all organizations."
    )
    name: str
    address: str
    addresses: list[str]
    region: str | None
    server_group: str | None = Field(description="The group that the server is in.")
    proxy: dict[str, Any] | None = Field(description="Shown to platform tokens only.")
    external_id: str | None
    configured_at: datetime | None = Field(
        description="When the proxy last accepted its configuration."
    )
    error_code: str | None = Field(
        description="Error code of the last attempt to configure the proxy, if it failed."
    )
    error_message: str | None
    failing_since: datetime | None = Field(
        description="Since when every attempt to configure the proxy has failed."
    )
    still_served: list[str] = Field(
        description="Hosts that the proxy still serves although it must not. Platform tokens only."
    )


def show(call: TransactionCall, row: Server) -> ServerShape:
    """Return a server as callers see it: the proxy's own addresses are the platform's business."""
    return ServerShape(
        **common(row, Prefix.SERVER, "servers"),
        organization=public(Prefix.ORGANIZATION, row.organization_id),
        name=row.name,
        address=row.address,
        addresses=row.addresses or [],
        region=row.region,
        server_group=public(Prefix.SERVER_GROUP, row.server_group_id),
        proxy=row.proxy if call.actor.is_platform else None,
        external_id=row.external_id if call.actor.is_platform else None,
        configured_at=row.configured_at,
        error_code=row.trouble_code,
        error_message=row.trouble_message if call.actor.is_platform else None,
        failing_since=row.trouble_since,
        still_served=(row.still_served or []) if call.actor.is_platform else [],
    )


@routes.post("/servers", status_code=201, operation_id="add_server")
def add(call: Write, body: ServerNew) -> ServerShape:
    """Add a server."""
    return call.one(
        show, servers.add(call.session, call.tools, call.actor, now=call.now, **body.given())
    )


@routes.get("/servers", operation_id="list_servers")
def list_(
    call: Read,
    listing: Listed,
    name: Annotated[Name | None, Query(description="Only objects with this name.")] = None,
    region: Annotated[Region | None, Query(description="Only servers of this region.")] = None,
) -> Page[ServerShape]:
    """List the caller's servers and the shared servers."""
    selected = listing.select(tagged=True, name=name, region=region)
    return listing.page(call, show, servers.page(call.session, call.actor, **selected))


@routes.get("/servers/{server}", operation_id="show_server")
def get(call: Read, server: str) -> ServerShape:
    """Show a server by id, external id or name."""
    return call.one(show, servers.get(call.session, call.actor, server))


@routes.patch("/servers/{server}", operation_id="update_server")
def update(call: Write, server: str, body: ServerChange) -> ServerShape:
    """Update a server, reconfigure its proxy, and update DNS when its addresses change."""
    call.expect(show, servers.get(call.session, call.actor, server))
    row = servers.update(call.session, call.tools, call.actor, server, call.now, **body.given())
    return call.one(show, row)


@routes.delete("/servers/{server}", status_code=204, operation_id="remove_server")
def remove(call: Write, server: str, force: Force = False) -> None:  # noqa: FBT002 - a query parameter
    """Remove a server. With `force`, even if it has bindings. Those fail until they are moved."""
    servers.remove(call.session, call.actor, server, call.now, force=force)


@routes.post("/servers/{server}:restore", operation_id="restore_server")
def restore(call: Write, server: str) -> ServerShape:
    """Restore a removed server by id, external id or name."""
    return call.one(show, servers.restore(call.session, call.actor, server, call.now))


class CheckShape(BaseModel):
    """One thing that was tried."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(description="`address`, `http`, `https`, `proxy`, `agent` or `collision`.")
    ok: bool
    message: str
    fix: str = Field(description="What to do; empty when no action is needed.")


class ServerTest(BaseModel):
    """Result of testing a server."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "server_test",
                    "ok": False,
                    "checks": [
                        {
                            "name": "address",
                            "ok": False,
                            "message": "edge-1.example.net does not resolve to an IP address.",
                            "fix": "Publish A or AAAA records for edge-1.example.net, or correct the "
                            "address of the server.",
                        }
                    ],
                }
            ]
        }
    )

    object: Literal["server_test"] = "server_test"
    ok: bool
    checks: list[CheckShape]


@routes.post(
    "/servers/{server}/test",
    operation_id="test_server",
    responses=errors.documented(429, 502),
)
def test(world: Crossing, server: str) -> ServerTest:
    """Test a server: its address, its ports, and its proxy, which is configured again soon."""
    checks = server_tests.run(world.sessions, world.tools, world.actor, server)
    shown = [CheckShape.model_validate(one) for one in checks]
    return ServerTest(ok=all(one.ok for one in checks), checks=shown)
