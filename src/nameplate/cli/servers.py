"""`nameplate server`: machines with a proxy."""

import json
from pathlib import Path
from typing import Annotated, Any

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
from nameplate.cli.local import local
from nameplate.cli.output import OutputFormat
from nameplate.core.addresses import is_address
from nameplate.core.errors import Invalid, NameplateError

app = typer.Typer(help="Manage servers that run a proxy.", no_args_is_help=True)
COLUMNS = (
    "id",
    "name",
    "address",
    "region",
    "server_group",
    "configured_at",
    "error_code",
    "error_message",
    "still_served",
)

Proxy = Annotated[
    str | None,
    typer.Option(
        metavar="JSON|@FILE",
        help="How to reach the proxy on the server. Requires a platform token.",
    ),
]
ServerReference = Annotated[
    str,
    typer.Argument(help="Id, external id or name of the server.", autocompletion=names("servers")),
]
Ips = Annotated[
    list[str] | None,
    typer.Option("--ip", help="IPv4 or IPv6 address for DNS records; may be repeated."),
]
Region = Annotated[
    str | None,
    typer.Option(help="Where the server is, in your own words, such as `eu-central`."),
]
_ADDRESS = "Public host name or IP address that DNS records point at."


@command(app, "add")
def add(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="Display name.")],
    public: Annotated[str, typer.Option("--address", help=_ADDRESS)],
    ip: Ips = None,
    region: Region = None,
    proxy: Proxy = None,
    organization: Owner = None,
    external_id: Annotated[str | None, typer.Option(help="Id in your own system.")] = None,
    metadata: MetadataPairs = None,
) -> None:
    """Add a server. Without `--organization`, all organizations share it."""
    body = given(
        name=name,
        address=public,
        addresses=ip or None,
        region=region,
        proxy=parsed(proxy, "--proxy"),
        organization=organization,
        external_id=external_id,
        metadata=pairs(metadata, "--metadata"),
    )
    made = cli.api.send("POST", "/v1/servers", body)
    cli.printer.one(made)
    _warn(cli, made)


@command(app, "list")
def list_(
    cli: Cli,
    *,
    name: NameFilter = None,
    region: Annotated[str | None, typer.Option(help="Only servers of this region.")] = None,
    metadata: MetadataFilter = None,
    limit: Limit = None,
) -> None:
    """List servers, including shared servers."""
    query = filters(metadata, name=name, region=region)
    cli.printer.many(cli.api.pages("/v1/servers", limit=limit, **query), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    server: ServerReference,
    name: NewName = None,
    public: Annotated[str | None, typer.Option("--address", help=_ADDRESS)] = None,
    ip: Ips = None,
    region: Region = None,
    proxy: Proxy = None,
    metadata: MetadataPairs = None,
) -> None:
    """Update a server, reconfigure its proxy, and update DNS."""
    body = given(
        name=name,
        address=public,
        addresses=ip or None,
        region=region,
        proxy=parsed(proxy, "--proxy"),
        metadata=pairs(metadata, "--metadata"),
    )
    found = cli.api.send("PATCH", address("servers", server), body)
    cli.printer.one(found)
    if public is not None or proxy is not None:
        _warn(cli, found)


@command(app, "test")
def test(cli: Cli, server: ServerReference) -> None:
    """Test a server: its address, its ports and its proxy. Exit code 1 when a check fails."""
    found = cli.api.send("POST", address("servers", server, "/test"))
    if cli.printer.form is OutputFormat.TABLE:
        for one in found["checks"]:
            cli.printer.line(f"[{'x' if one['ok'] else ' '}] {one['name']}: {one['message']}")
            if one["fix"]:
                cli.printer.line(f"    fix: {one['fix']}")
    else:
        cli.printer.one(found)
    if not found["ok"]:
        raise typer.Exit(1)


@command(app, "edge-token")
def edge_token(cli: Cli, server: ServerReference) -> None:
    """Print what the proxy of a server sends to fetch its configuration from the edge.

    The token opens the certificates and private keys of this server alone. It is made of the edge's
    secret, so the command works only on a machine with the settings of `nameplate serve`.
    """
    here = local()
    found = cli.api.send("GET", address("servers", server))
    token = here.edge_token(found["id"]).reveal()
    path = f"/edge/traefik/{found['id']}.json"
    cli.printer.one({"path": path, "header": "X-Nameplate-Edge-Secret", "token": token})


def _warn(cli: Cli, server: dict[str, Any]) -> None:
    """Say at once when DNS does not know the address just written, or the proxy's own settings collide."""
    if cli.api.dry_run or (is_address(server["address"]) and not server.get("proxy")):
        return
    try:
        tried = cli.api.send("POST", address("servers", server["id"], "/test"))
    except NameplateError:
        return  # the server was written, which is what was asked for
    for one in tried["checks"]:
        if one["name"] == "collision" or (one["name"] == "address" and not one["ok"]):
            cli.printer.say(f"Warning: {one['message']} {one['fix']}")


showing(app, "server", "servers")
removing_by_force(app, "server", "servers")
restoring(app, "server", "servers")


def parsed(text: str | None, option: str) -> dict[str, Any] | None:
    """Return the JSON object that an option holds, or the file that it names after @."""
    if text is None:
        return None
    try:
        found = json.loads(
            Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        )
    except OSError as error:
        raise Invalid(
            "option_malformed", f"`{option}`: cannot read `{text[1:]}`: {error.strerror}."
        ) from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Invalid(
            "option_malformed",
            f'`{option}` expects a JSON object, for example `{{"type": "caddy"}}`.',
        )
    return found
