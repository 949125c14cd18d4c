"""Server groups: servers that all serve the same hosts."""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import ConfigDict, Field

from nameplate.api import servers as server_routes
from nameplate.api.deps import Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.servers import ServerShape
from nameplate.api.shapes import (
    Body,
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
from nameplate.models import ServerGroup
from nameplate.usecases.serving import server_groups, servers

routes = router("server-groups")

_EXAMPLE: dict[str, Any] = {"name": "europe"}


class ServerGroupNew(Body):
    """A server group to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name
    organization: Reference | None = Field(
        default=None,
        description="Organization that owns the group. Default: the organization of the token; with "
        "a platform token, the group is shared by all organizations.",
    )
    metadata: Metadata | None = None


class ServerGroupChange(Body):
    """Changes to a server group. Omitted fields keep their value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "europe-1"}]})

    name: Name = Field(default="")
    metadata: Metadata | None = None


class GroupServer(Body):
    """A server to add to a group."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"server": "edge-1"}]})

    server: Reference = Field(
        description="A server of the group's organization, or a shared one for a shared group. It "
        "needs a proxy and an IP address, and is in one group at most."
    )


class ServerGroupShape(Shape):
    """Servers that all serve the hosts of the bindings on the group."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(Prefix.SERVER_GROUP, "server-groups", organization=None, **_EXAMPLE)
            ]
        }
    )

    object: Literal["server_group"] = "server_group"
    organization: str | None = Field(
        description="null when the group is shared by all organizations."
    )
    name: str


def show(_call: TransactionCall, row: ServerGroup) -> ServerGroupShape:
    """Return a server group as callers see it."""
    fields: dict[str, Any] = common(row, Prefix.SERVER_GROUP, "server-groups")
    fields["links"] |= {"servers": f"{fields['links']['self']}/servers"}
    return ServerGroupShape(
        **fields,
        organization=public(Prefix.ORGANIZATION, row.organization_id),
        name=row.name,
    )


@routes.post("/server-groups", status_code=201, operation_id="add_server_group")
def add(call: Write, body: ServerGroupNew) -> ServerGroupShape:
    """Add a server group. Only a platform token adds one that all organizations share."""
    return call.one(show, server_groups.add(call.session, call.actor, **body.given()))


@routes.get("/server-groups", operation_id="list_server_groups")
def list_(
    call: Read,
    listing: Listed,
    name: Annotated[Name | None, Query(description="Only objects with this name.")] = None,
) -> Page[ServerGroupShape]:
    """List the caller's server groups and the shared ones."""
    selected = listing.select(tagged=True, name=name)
    return listing.page(call, show, server_groups.page(call.session, call.actor, **selected))


@routes.get("/server-groups/{server_group}", operation_id="show_server_group")
def get(call: Read, server_group: str) -> ServerGroupShape:
    """Show a server group by id or name."""
    return call.one(show, server_groups.get(call.session, call.actor, server_group))


@routes.patch("/server-groups/{server_group}", operation_id="update_server_group")
def update(call: Write, server_group: str, body: ServerGroupChange) -> ServerGroupShape:
    """Update a server group."""
    call.expect(show, server_groups.get(call.session, call.actor, server_group))
    row = server_groups.update(call.session, call.actor, server_group, **body.given())
    return call.one(show, row)


@routes.delete("/server-groups/{server_group}", status_code=204, operation_id="remove_server_group")
def remove(call: Write, server_group: str, force: Force = False) -> None:  # noqa: FBT002 - a query parameter
    """Remove a server group, which its servers leave. With `force`, even if it has bindings."""
    server_groups.remove(call.session, call.actor, server_group, call.now, force=force)


@routes.post("/server-groups/{server_group}:restore", operation_id="restore_server_group")
def restore(call: Write, server_group: str) -> ServerGroupShape:
    """Restore a removed server group by id or name, without servers."""
    row = server_groups.restore(call.session, call.actor, server_group, call.now)
    return call.one(show, row)


@routes.get("/server-groups/{server_group}/servers", operation_id="list_group_servers")
def list_servers(call: Read, listing: Listed, server_group: str) -> Page[ServerShape]:
    """List the servers of a group."""
    row = server_groups.get(call.session, call.actor, server_group)
    selected = listing.select()
    found = servers.page(call.session, call.actor, server_group_id=row.id, **selected)
    return listing.page(call, server_routes.show, found)


@routes.post(
    "/server-groups/{server_group}/servers", status_code=201, operation_id="add_group_server"
)
def add_server(call: Write, server_group: str, body: GroupServer) -> ServerShape:
    """Add a server to a group. DNS leads to it once it was seen to serve the group's bindings."""
    row = server_groups.join(call.session, call.actor, server_group, body.server, call.now)
    return call.one(server_routes.show, row)


@routes.delete(
    "/server-groups/{server_group}/servers/{server}",
    status_code=204,
    operation_id="remove_group_server",
)
def remove_server(call: Write, server_group: str, server: str) -> None:
    """Take a server out of a group. It stops serving the group's bindings, and DNS leaves it."""
    server_groups.leave(call.session, call.actor, server_group, server, call.now)
