"""`nameplate server`: machines with a proxy."""

import json
from pathlib import Path
from typing import Annotated, Any

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
    removing_by_force,
    restoring,
    showing,
)
from nameplate.core.errors import Invalid

app = typer.Typer(help="Machines with a proxy.", no_args_is_help=True)
COLUMNS = ("id", "name", "address", "configured_at", "error_code", "error_message", "still_served")

Proxy = Annotated[
    str | None,
    typer.Option(metavar="JSON|@FILE", help="How to reach the proxy there (platform only)."),
]
Ips = Annotated[
    list[str] | None, typer.Option("--ip", help="An IPv4 or IPv6 address of it; may be repeated.")
]


@command(app, "add")
def add(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="Name for people.")],
    public: Annotated[str, typer.Option("--address", help="What DNS points at.")],
    ip: Ips = None,
    proxy: Proxy = None,
    organization: Organization = None,
    external_id: Annotated[str | None, typer.Option(help="Your own id.")] = None,
    metadata: MetadataPairs = None,
) -> None:
    """Add a server; without --organization the platform's is shared by all."""
    body = given(
        name=name,
        address=public,
        addresses=ip or None,
        proxy=parsed(proxy, "--proxy"),
        organization=organization,
        external_id=external_id,
        metadata=pairs(metadata, "--metadata"),
    )
    cli.printer.one(cli.api.send("POST", "/v1/servers", body))


@command(app, "list")
def list_(
    cli: Cli,
    *,
    name: Annotated[str | None, typer.Option()] = None,
    metadata: MetadataPairs = None,
    limit: Limit = None,
) -> None:
    """List servers, the shared ones included."""
    query = filters(metadata, name=name)
    cli.printer.many(cli.api.pages("/v1/servers", limit=limit, **query), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    server: str,
    name: Annotated[str | None, typer.Option()] = None,
    public: Annotated[str | None, typer.Option("--address")] = None,
    ip: Ips = None,
    proxy: Proxy = None,
    metadata: MetadataPairs = None,
) -> None:
    """Change a server; its proxy is configured again, and DNS follows."""
    body = given(
        name=name,
        address=public,
        addresses=ip or None,
        proxy=parsed(proxy, "--proxy"),
        metadata=pairs(metadata, "--metadata"),
    )
    cli.printer.one(cli.api.send("PATCH", address("servers", server), body))


showing(app, "server", "servers")
removing_by_force(app, "server", "servers")
restoring(app, "servers")


def parsed(text: str | None, option: str) -> dict[str, Any] | None:
    """Return the JSON object that an option holds, or the file that it names after @."""
    if text is None:
        return None
    try:
        found = json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except OSError as error:
        raise Invalid("option_malformed", f"{option}: {error.strerror}: {text[1:]}.") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Invalid("option_malformed", f'{option} takes a JSON object: \'{{"type": "caddy"}}\'.')
    return found
