"""`nameplate setup-link`: pages that show what to publish, for somebody without an account."""

from typing import Annotated

import typer

from nameplate.cli.command import (
    Cli,
    DomainFilter,
    DomainReference,
    Limit,
    command,
    given,
    removing,
    showing,
)
from nameplate.cli.output import OutputFormat

app = typer.Typer(help="Manage links that show what to publish for a domain.", no_args_is_help=True)
COLUMNS = ("id", "domain", "created_at", "expires_at", "opened_at", "revoked_at")


@command(app, "add")
def add(
    cli: Cli,
    *,
    domain: DomainReference,
    expires_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="When the link stops working, up to 30 days from now. Default: in 7 days.",
        ),
    ] = None,
) -> None:
    """Add a link for whoever manages the domain's DNS. It is shown only once and opens once."""
    made = cli.api.send("POST", "/v1/setup-links", given(domain=domain, expires_at=expires_at))
    if cli.printer.form is OutputFormat.TABLE:
        cli.printer.say(
            f"Link {made['id']}, until {made['expires_at']}. It opens once, in one browser."
        )
        cli.printer.line(made["url"])
    else:
        cli.printer.one(made)


@command(app, "list")
def list_(cli: Cli, domain: DomainFilter = None, limit: Limit = None) -> None:
    """List links, including those that work no more."""
    query = given(domain=domain)
    cli.printer.many(cli.api.pages("/v1/setup-links", limit=limit, **query), COLUMNS)


showing(app, "setup-link", "setup-links", by="Id")
removing(app, "setup-link", "setup-links", verb="revoke", by="Id")
