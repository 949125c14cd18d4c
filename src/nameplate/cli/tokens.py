"""`nameplate token`: bearer tokens of the API."""

from typing import Annotated

import typer

from nameplate.cli.command import Cli, Limit, Organization, command, given, removing, showing
from nameplate.cli.output import OutputFormat

app = typer.Typer(help="Bearer tokens of the API.", no_args_is_help=True)
COLUMNS = ("id", "name", "organization", "expires_at", "revoked_at", "last_used_at")


@command(app, "add")
def add(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    organization: Organization = None,
    expires_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As in 2027-01-31T00:00:00Z.")
    ] = None,
) -> None:
    """Make a token and print it, the only time that it is shown."""
    body = given(name=name, organization=organization, expires_at=expires_at)
    made = cli.api.send("POST", "/v1/tokens", body)
    if cli.printer.form is OutputFormat.TABLE:
        cli.printer.say(f"Token {made['id']} ({made['name']}). Keep it now: it is not stored.")
        cli.printer.line(made["token"])
    else:
        cli.printer.one(made)


@command(app, "list")
def list_(
    cli: Cli, name: Annotated[str | None, typer.Option()] = None, limit: Limit = None
) -> None:
    """List tokens, revoked ones included."""
    cli.printer.many(cli.api.pages("/v1/tokens", limit=limit, **given(name=name)), COLUMNS)


showing(app, "token", "tokens")
removing(app, "token", "tokens")
removing(app, "token", "tokens", verb="revoke")
