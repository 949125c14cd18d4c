"""`nameplate purchase`: what was bought at registrars, and what waits for the operator."""

from typing import Annotated

import typer

from nameplate.cli.client import address
from nameplate.cli.command import Cli, Limit, NameFilter, StatusFilter, command, filters, showing
from nameplate.cli.completion import names

app = typer.Typer(help="Look at purchases at registrars, and approve them.", no_args_is_help=True)
COLUMNS = ("id", "name", "act", "years", "status", "confirmed_by", "sent_at", "error_code")

PurchaseReference = Annotated[
    str, typer.Argument(help="Id of the purchase.", autocompletion=names("purchases"))
]


@command(app, "list")
def list_(
    cli: Cli, *, status: StatusFilter = None, name: NameFilter = None, limit: Limit = None
) -> None:
    """List purchases, including quotes that were not confirmed."""
    query = filters(None, status=status, name=name)
    cli.printer.many(cli.api.pages("/v1/purchases", limit=limit, **query), COLUMNS)


@command(app, "approve")
def approve(cli: Cli, purchase: PurchaseReference) -> None:
    """Let a purchase be that is over a limit. Requires a platform token."""
    cli.printer.one(cli.api.send("POST", address("purchases", purchase, ":approve")))


@command(app, "cancel")
def cancel(cli: Cli, purchase: PurchaseReference) -> None:
    """Call off a purchase that was not sent to the registrar yet."""
    cli.printer.one(cli.api.send("POST", address("purchases", purchase, ":cancel")))


showing(app, "purchase", "purchases", by="Id")
