"""`nameplate certificate campaign` and `replace`: many certificates replaced until a moment."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from nameplate.cli.command import Cli, OrganizationFilter, command
from nameplate.cli.output import OutputFormat

Selection = Annotated[
    str | None,
    typer.Option("--issuer", help="Replace the certificates whose issuer's name contains this."),
]
Before = Annotated[
    str | None,
    typer.Option(
        "--before", metavar="TIME", help="Replace the certificates that were issued before."
    ),
]
Due = Annotated[
    str | None,
    typer.Option(
        "--due", metavar="TIME", help="Until when all must be replaced. Default: 5 days from now."
    ),
]
Reason = Annotated[str | None, typer.Option(help="Why they are replaced.")]
Owner = OrganizationFilter


def register(app: typer.Typer) -> None:
    """Add the command to those of certificates."""
    command(app, "campaign")(campaign)


def campaign(cli: Cli) -> None:
    """Show which certificates must be replaced, until when, and how many are."""
    found = cli.api.get("/v1/certificate-campaigns")
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.document(found)
        return
    if not found["data"]:
        cli.printer.line("No certificates have to be replaced.")
    for one in found["data"]:
        _print(cli, one)


def start(cli: Cli, body: Mapping[str, Any]) -> None:
    """Start a campaign and print it."""
    started = cli.api.send("POST", "/v1/certificate-campaigns", dict(body))
    found = started.get("campaign")
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.document(started)
    elif found is None:
        cli.printer.line("No certificates have to be replaced.")
    else:
        _print(cli, found)


def _print(cli: Cli, one: Mapping[str, Any]) -> None:
    due = cli.printer.moment(one["due_at"], whole=True)
    line = f"{one['id']}: {one['total']} must be replaced by {due}, {one['done']} done"
    if one["failing"]:
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(one["failures"].items()))
        line += f", {one['failing']} failing ({codes})"
    cli.printer.line(line)
    cli.printer.line(f"  {one['reason']}")


def print_deployment(cli: Cli, found: Mapping[str, Any] | None) -> None:
    """Print how far a certificate has come, and each server that does not serve it."""
    if found is None:
        return
    at = f" at {found['bindings']} bindings" if found["bindings"] else ""
    cli.printer.line(f"deployment: {found['state']}{at}")
    for one in found["missing"]:
        where = one["server_name"] or one["server"] or "no server"
        turn = one["whose_turn"]
        cli.printer.line(f"  {one['hostname']} at {where}: {one['reason']} ({turn} must act)")
