"""`nameplate application`: what bindings lead to."""

from typing import Annotated

import typer

from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    Limit,
    MetadataPairs,
    Organization,
    command,
    filters,
    given,
    pairs,
    removing,
    restoring,
    showing,
)
from nameplate.core.errors import Invalid

app = typer.Typer(help="What bindings lead to.", no_args_is_help=True)
COLUMNS = ("id", "name", "upstream_host", "upstream_port", "organization")

Upstream = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Where it answers (platform only).")
]


@command(app, "add")
def add(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="Name for people.")],
    upstream: Upstream = None,
    organization: Organization = None,
    external_id: Annotated[str | None, typer.Option(help="Your own id.")] = None,
    metadata: MetadataPairs = None,
) -> None:
    """Add an application."""
    host, port = _split(upstream)
    body = given(
        name=name,
        organization=organization,
        upstream_host=host,
        upstream_port=port,
        external_id=external_id,
        metadata=pairs(metadata, "--metadata"),
    )
    cli.printer.one(cli.api.send("POST", "/v1/applications", body))


@command(app, "list")
def list_(
    cli: Cli,
    *,
    name: Annotated[str | None, typer.Option()] = None,
    organization: Organization = None,
    metadata: MetadataPairs = None,
    limit: Limit = None,
) -> None:
    """List applications."""
    query = filters(metadata, name=name, organization=organization)
    cli.printer.many(cli.api.pages("/v1/applications", limit=limit, **query), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    application: str,
    name: Annotated[str | None, typer.Option()] = None,
    upstream: Upstream = None,
    metadata: MetadataPairs = None,
) -> None:
    """Change an application; its bindings follow."""
    host, port = _split(upstream)
    body = given(
        name=name,
        upstream_host=host,
        upstream_port=port,
        metadata=pairs(metadata, "--metadata"),
    )
    cli.printer.one(cli.api.send("PATCH", address("applications", application), body))


showing(app, "application", "applications")
removing(app, "application", "applications")
restoring(app, "applications")


def _split(upstream: str | None) -> tuple[str | None, int | None]:
    if upstream is None:
        return None, None
    host, _, port = upstream.rpartition(":")
    if not host or not port.isdigit():
        raise Invalid("option_malformed", "--upstream takes HOST:PORT, as in 10.0.0.5:8000.")
    return host.strip("[]"), int(port)
