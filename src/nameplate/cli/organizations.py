"""`nameplate organization`: the tenants of the platform."""

from typing import Annotated

import typer

from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    Limit,
    MetadataPairs,
    command,
    filters,
    given,
    pairs,
    removing,
    showing,
)

app = typer.Typer(help="Tenants of the platform.", no_args_is_help=True)
COLUMNS = ("id", "slug", "name", "is_active", "created_at")


@command(app, "add")
def add(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="Name for people.")],
    slug: Annotated[str | None, typer.Option(help="Made from the name when not given.")] = None,
    parent: Annotated[str | None, typer.Option(help="The organization above it.")] = None,
    external_id: Annotated[str | None, typer.Option(help="Your own id.")] = None,
    metadata: MetadataPairs = None,
) -> None:
    """Add an organization."""
    body = given(
        name=name,
        slug=slug,
        parent=parent,
        external_id=external_id,
        metadata=pairs(metadata, "--metadata"),
    )
    cli.printer.one(cli.api.send("POST", "/v1/organizations", body))


@command(app, "list")
def list_(
    cli: Cli,
    *,
    name: Annotated[str | None, typer.Option()] = None,
    parent: Annotated[str | None, typer.Option()] = None,
    metadata: MetadataPairs = None,
    limit: Limit = None,
) -> None:
    """List organizations."""
    query = filters(metadata, name=name, parent=parent)
    cli.printer.many(cli.api.pages("/v1/organizations", limit=limit, **query), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    organization: str,
    name: Annotated[str | None, typer.Option()] = None,
    slug: Annotated[str | None, typer.Option()] = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive")] = None,
    metadata: MetadataPairs = None,
) -> None:
    """Change an organization."""
    body = given(name=name, slug=slug, is_active=active, metadata=pairs(metadata, "--metadata"))
    cli.printer.one(cli.api.send("PATCH", address("organizations", organization), body))


@command(app, "restore")
def restore(cli: Cli, organization: str) -> None:
    """Bring back a removed organization and what was removed with it."""
    cli.printer.one(cli.api.send("POST", address("organizations", organization, ":restore")))


showing(app, "organization", "organizations")
removing(app, "organization", "organizations")
