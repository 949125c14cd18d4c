"""`nameplate application`: what bindings send requests to."""

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
    Organization,
    OrganizationFilter,
    command,
    filters,
    given,
    pairs,
    removing,
    restoring,
    showing,
)
from nameplate.cli.completion import names
from nameplate.core.errors import Invalid

app = typer.Typer(
    help="Manage applications, which bindings send requests to.", no_args_is_help=True
)
COLUMNS = ("id", "name", "upstream_host", "upstream_port", "organization")

Upstream = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="Address of the application. Requires a platform token."
    ),
]
Ports = Annotated[
    list[int] | None,
    typer.Option(
        "--binding-port",
        min=1,
        max=65535,
        help="Other port that the organization may choose for a binding. Repeatable. Requires a "
        "platform token.",
    ),
]
ApplicationReference = Annotated[
    str,
    typer.Argument(
        help="Id, external id or name of the application.", autocompletion=names("applications")
    ),
]


@command(app, "add")
def add(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="Display name.")],
    upstream: Upstream = None,
    binding_port: Ports = None,
    organization: Organization = None,
    external_id: Annotated[str | None, typer.Option(help="Id in your own system.")] = None,
    metadata: MetadataPairs = None,
) -> None:
    """Add an application."""
    host, port = address_of(upstream)
    body = given(
        name=name,
        organization=organization,
        upstream_host=host,
        upstream_port=port,
        binding_ports=binding_port or None,
        external_id=external_id,
        metadata=pairs(metadata, "--metadata"),
    )
    cli.printer.one(cli.api.send("POST", "/v1/applications", body))


@command(app, "list")
def list_(
    cli: Cli,
    *,
    name: NameFilter = None,
    organization: OrganizationFilter = None,
    metadata: MetadataFilter = None,
    limit: Limit = None,
) -> None:
    """List applications."""
    query = filters(metadata, name=name, organization=organization)
    cli.printer.many(cli.api.pages("/v1/applications", limit=limit, **query), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    application: ApplicationReference,
    name: NewName = None,
    upstream: Upstream = None,
    binding_port: Ports = None,
    metadata: MetadataPairs = None,
) -> None:
    """Update an application and reconfigure its bindings."""
    host, port = address_of(upstream)
    body = given(
        name=name,
        upstream_host=host,
        upstream_port=port,
        binding_ports=binding_port or None,
        metadata=pairs(metadata, "--metadata"),
    )
    cli.printer.one(cli.api.send("PATCH", address("applications", application), body))


showing(app, "application", "applications")
removing(app, "application", "applications")
restoring(app, "application", "applications")


def address_of(upstream: str | None) -> tuple[str | None, int | None]:
    """Return the host and the port that `--upstream` names. Raises Invalid `option_malformed`."""
    if upstream is None:
        return None, None
    host, _, port = upstream.rpartition(":")
    if not host or not port.isdigit():
        raise Invalid(
            "option_malformed", "`--upstream` expects HOST:PORT, for example `10.0.0.5:8000`."
        )
    return host.strip("[]"), int(port)
