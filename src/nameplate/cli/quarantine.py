"""`nameplate quarantine`: released names that may still point here."""

from typing import Annotated

import typer

from nameplate.cli.client import address
from nameplate.cli.command import Cli, Limit, command, showing

app = typer.Typer(help="Look at released names that may still point here.", no_args_is_help=True)
COLUMNS = ("id", "name", "scope", "organization", "reason", "since", "away_since", "next_check_at")


@command(app, "list")
def list_(cli: Cli, limit: Limit = None) -> None:
    """List released names that may still point here."""
    cli.printer.many(cli.api.pages("/v1/quarantine", limit=limit), COLUMNS)


@command(app, "end")
def end(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(metavar="ID", help="Id of the quarantined name.")],
    reason: Annotated[str, typer.Option(help="Why. It is part of the event.")],
) -> None:
    """End the quarantine of a name before its time. Requires a platform token."""
    cli.api.send("POST", address("quarantine", name, ":end"), {"reason": reason})
    cli.printer.say(f"The quarantine {name} has ended.")


showing(app, "quarantined name", "quarantine", by="Id")
