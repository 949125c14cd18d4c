"""`nameplate transfer`: domains that go to another organization."""

from typing import Annotated

import typer

from nameplate.cli.client import address
from nameplate.cli.command import Cli, Limit, command, given, showing
from nameplate.cli.completion import names

app = typer.Typer(help="Move domains to another organization.", no_args_is_help=True)
COLUMNS = ("id", "name", "organization", "to", "status", "expires_at")

TransferReference = Annotated[
    str, typer.Argument(help="Id of the transfer.", autocompletion=names("transfers"))
]


@command(app, "offer")
def offer(
    cli: Cli,
    *,
    domain: Annotated[
        str, typer.Argument(help="Id or name of the domain.", autocompletion=names("domains"))
    ],
    to: Annotated[str, typer.Option(help="Id or external id of the other organization.")],
    bindings: Annotated[
        bool,
        typer.Option(
            "--bindings/--no-bindings",
            help="Let the bindings continue with an application of the other organization.",
        ),
    ] = True,
    expires_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Until when. Default: in 7 days.")
    ] = None,
) -> None:
    """Offer a domain to another organization. Nothing changes before it accepts."""
    body = given(
        domain=domain, to=to, with_bindings=None if bindings else False, expires_at=expires_at
    )
    cli.printer.one(cli.api.send("POST", "/v1/transfers", body))


@command(app, "accept")
def accept(
    cli: Cli,
    *,
    transfer: TransferReference,
    application: Annotated[
        str | None,
        typer.Option(help="Application that the bindings continue with. Default: none is made."),
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="Server that serves them. Default: the same one.")
    ] = None,
) -> None:
    """Take an offered domain over."""
    body = given(application=application, server=server) or None
    cli.printer.one(cli.api.send("POST", address("transfers", transfer, ":accept"), body))


@command(app, "decline")
def decline(cli: Cli, transfer: TransferReference) -> None:
    """Decline an offer."""
    cli.printer.one(cli.api.send("POST", address("transfers", transfer, ":decline")))


@command(app, "withdraw")
def withdraw(cli: Cli, transfer: TransferReference) -> None:
    """Withdraw an offer."""
    cli.printer.one(cli.api.send("POST", address("transfers", transfer, ":withdraw")))


@command(app, "list")
def list_(cli: Cli, limit: Limit = None) -> None:
    """List transfers, offered and received."""
    cli.printer.many(cli.api.pages("/v1/transfers", limit=limit), COLUMNS)


showing(app, "transfer", "transfers", by="Id")
