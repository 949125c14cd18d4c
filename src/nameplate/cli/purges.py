"""`nameplate domain purge-cache`: a CDN forgets what it keeps of a host."""

from typing import Annotated

import typer

from nameplate.cli.client import address
from nameplate.cli.command import Cli, DomainReference, command, given
from nameplate.cli.output import OutputFormat


def register(app: typer.Typer) -> None:
    """Add the command to those of domains."""
    command(app, "purge-cache")(purge)


def purge(
    cli: Cli,
    domain: DomainReference,
    *,
    host: Annotated[
        str | None, typer.Option(help="Host of the domain. Default: the domain's own name.")
    ] = None,
    path: Annotated[
        list[str] | None,
        typer.Option(help="Path with its query; repeat for more. Default: the whole host."),
    ] = None,
) -> None:
    """Have the CDN in front of a host forget the whole host, or some paths of it.

    Example: nameplate domain purge-cache example.com --host www.example.com --path /style.css
    """
    at = address("domains", domain, ":purge-cache")
    found = cli.api.send("POST", at, given(host=host, paths=path))
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.document(found)
        return
    does = "Would purge" if found["dry_run"] else "Purged"
    for one in [*found["hosts"], *found["urls"]]:
        cli.printer.line(f"{does} {one} at {found['provider']}.")
