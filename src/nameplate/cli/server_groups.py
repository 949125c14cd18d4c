"""`nameplate server-group`: servers that all serve the same hosts."""

from typing import Annotated

import typer

from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    Limit,
    MetadataFilter,
    MetadataPairs,
    NameFilter,
    NewName,
    Owner,
    command,
    filters,
    given,
    pairs,
    removing_by_force,
    restoring,
    showing,
)
from nameplate.cli.completion import names
from nameplate.cli.servers import COLUMNS as SERVER_COLUMNS
from nameplate.cli.servers import ServerReference

app = typer.Typer(help="Manage groups of servers that serve the same hosts.", no_args_is_help=True)
COLUMNS = ("id", "name", "organization")

GroupReference = Annotated[
    str,
    typer.Argument(
        metavar="SERVER_GROUP",
        help="Id or name of the server group.",
        autocompletion=names("server-groups"),
    ),
]


@command(app, "add")
def add(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="Display name.")],
    organization: Owner = None,
    metadata: MetadataPairs = None,
) -> None:
    """Add a server group. Without `--organization`, all organizations share it.

    Example: nameplate server-group add europe
    """
    body = given(name=name, organization=organization, metadata=pairs(metadata, "--metadata"))
    cli.printer.one(cli.api.send("POST", "/v1/server-groups", body))


@command(app, "list")
def list_(
    cli: Cli,
    *,
    name: NameFilter = None,
    metadata: MetadataFilter = None,
    limit: Limit = None,
) -> None:
    """List server groups, including shared ones."""
    query = filters(metadata, name=name)
    cli.printer.many(cli.api.pages("/v1/server-groups", limit=limit, **query), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    group: GroupReference,
    name: NewName = None,
    metadata: MetadataPairs = None,
) -> None:
    """Update a server group."""
    body = given(name=name, metadata=pairs(metadata, "--metadata"))
    cli.printer.one(cli.api.send("PATCH", address("server-groups", group), body))


@command(app, "servers")
def servers(cli: Cli, *, group: GroupReference, limit: Limit = None) -> None:
    """List the servers of a group."""
    path = address("server-groups", group, "/servers")
    cli.printer.many(cli.api.pages(path, limit=limit), SERVER_COLUMNS)


@command(app, "join")
def join(cli: Cli, *, group: GroupReference, server: ServerReference) -> None:
    """Add a server to a group. DNS leads to it once it was seen to serve the group's bindings."""
    path = address("server-groups", group, "/servers")
    cli.printer.one(cli.api.send("POST", path, {"server": server}))


@command(app, "leave")
def leave(cli: Cli, *, group: GroupReference, server: ServerReference) -> None:
    """Take a server out of a group. It stops serving the group's bindings."""
    found = cli.api.get(address("servers", server))
    cli.api.send("DELETE", address("server-groups", group, f"/servers/{found['id']}"))
    cli.printer.say(f"The server {found['name']} ({found['id']}) leaves the group.")


showing(app, "server group", "server-groups")
removing_by_force(app, "server group", "server-groups")
restoring(app, "server group", "server-groups")
