"""`nameplate certificate budgets`: how much of the authorities' limits is taken."""

from datetime import timedelta

import typer

from nameplate.cli.command import Cli, OrganizationFilter, command
from nameplate.cli.output import OutputFormat


def register(app: typer.Typer) -> None:
    """Add the command to those of certificates."""
    command(app, "budgets")(budgets)


def budgets(cli: Cli, *, organization: OrganizationFilter = None) -> None:
    """Show how much of the authorities' limits is taken, and when one more order is possible."""
    found = cli.api.get("/v1/certificate-budgets", organization=organization)
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.document(found)
        return
    rows = [
        [
            one["account_name"],
            one["authority"],
            one["limit"],
            one["subject"] or "",
            f"{one['used']} of {one['count']} in {timedelta(seconds=one['period_seconds'])}",
            cli.printer.upcoming(one["next_at"]) if one["next_at"] else "now",
        ]
        for one in found["data"]
    ]
    cli.printer.table(rows, ("account", "authority", "limit", "subject", "taken", "next"))
