"""`nameplate challenge`: claims that meet a name in use."""

from typing import Annotated

import typer

from nameplate.cli.client import address
from nameplate.cli.command import Cli, Limit, command, showing
from nameplate.cli.completion import names

app = typer.Typer(help="Manage challenges of names in use.", no_args_is_help=True)
COLUMNS = ("id", "name", "status", "decides_at", "reason")

ChallengeReference = Annotated[
    str, typer.Argument(help="Id of the challenge.", autocompletion=names("challenges"))
]


@command(app, "list")
def list_(cli: Cli, limit: Limit = None) -> None:
    """List challenges that the organization opened."""
    cli.printer.many(cli.api.pages("/v1/challenges", limit=limit), COLUMNS)


@command(app, "withdraw")
def withdraw(cli: Cli, challenge: ChallengeReference) -> None:
    """Withdraw a challenge. The name stays with its holder."""
    cli.printer.one(cli.api.send("POST", address("challenges", challenge, ":withdraw")))


showing(app, "challenge", "challenges", by="Id")
