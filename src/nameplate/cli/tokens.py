"""`nameplate token`: bearer tokens of the API."""

import os
from typing import Annotated

import typer

from nameplate.cli import profiles
from nameplate.cli.command import (
    Cli,
    Limit,
    NameFilter,
    command,
    given,
    removing,
    showing,
)
from nameplate.cli.output import OutputFormat

app = typer.Typer(help="Manage API tokens.", no_args_is_help=True)
COLUMNS = ("id", "name", "organization", "expires_at", "revoked_at", "last_used_at")

TokenOwner = Annotated[
    str | None,
    typer.Option(
        "--organization",
        help="Organization that the token acts for. Required with a platform token, unless with "
        "`--platform`. On the installation's own machine the default is a platform token.",
    ),
]


@command(app, "add")
def add(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    organization: TokenOwner = None,
    platform: Annotated[
        bool, typer.Option("--platform", help="Add a token that acts for all organizations.")
    ] = False,
    expires_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="When the token expires, such as 2027-01-31T00:00:00Z. Default: never.",
        ),
    ] = None,
    may_export_keys: Annotated[
        bool,
        typer.Option(
            "--may-export-keys", help="Let the token export private keys of certificates."
        ),
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(help="Add the token of this server's agent, which does nothing else."),
    ] = None,
) -> None:
    """Add a token and print its secret, which is shown only once."""
    is_operator = organization is None and server is None and profiles.remote(os.environ) is None
    body = given(
        name=name,
        organization=organization,
        platform=(platform or is_operator) or None,
        expires_at=expires_at,
        may_export_keys=may_export_keys or None,
        server=server,
    )
    made = cli.api.send("POST", "/v1/tokens", body)
    if cli.printer.form is OutputFormat.TABLE:
        reach = "one organization" if made["organization"] else "all organizations"
        reach = f"the agent of {made['server']}" if made["server"] else reach
        cli.printer.say(
            f"Token {made['id']} ({made['name']}) for {reach}. Store it now: it is not shown again."
        )
        cli.printer.line(made["token"])
    else:
        cli.printer.one(made)


@command(app, "list")
def list_(cli: Cli, name: NameFilter = None, limit: Limit = None) -> None:
    """List tokens, including revoked tokens."""
    cli.printer.many(cli.api.pages("/v1/tokens", limit=limit, **given(name=name)), COLUMNS)


showing(app, "token", "tokens", by="Id")
removing(app, "token", "tokens", by="Id")
removing(app, "token", "tokens", verb="revoke", by="Id")
