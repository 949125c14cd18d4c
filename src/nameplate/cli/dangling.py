"""`nameplate dangling`: DNS records that lead to what somebody else can take."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    DomainFilter,
    DomainReference,
    Limit,
    command,
    given,
    showing,
)
from nameplate.cli.output import OutputFormat

app = typer.Typer(
    help="Find DNS records that lead to what a stranger can take.", no_args_is_help=True
)
COLUMNS = ("id", "severity", "name", "problem", "subject", "turn", "created_at", "ended_at")


@command(app, "list")
def list_(
    cli: Cli,
    domain: DomainFilter = None,
    severity: Annotated[
        str | None, typer.Option(help="Only this severity: high, medium or low.")
    ] = None,
    state: Annotated[
        str | None, typer.Option(help="Only this state: open, ended or any. Default: open.")
    ] = None,
    limit: Limit = None,
) -> None:
    """List dangling records; with a platform token those of all organizations."""
    query = given(domain=domain, severity=severity, state=state)
    found = cli.api.pages("/v1/dangling-records", limit=limit, **query)
    cli.printer.many(found, COLUMNS, sparse=("ended_at",))


@command(app, "scan")
def scan(cli: Cli, domain: DomainReference) -> None:
    """Look for dangling records of a held domain now. Exit code 1 when there are any."""
    done = cli.api.send("POST", address("domains", domain, ":scan"))
    found = list(cli.api.pages("/v1/dangling-records", limit=None, domain=done["domain"]))
    if cli.printer.form is OutputFormat.TABLE:
        for one in found:
            _print(cli, one)
        if not found:
            cli.printer.say("No dangling record found.")
    else:
        cli.printer.many(found, COLUMNS)
    if found:
        raise typer.Exit(1)


@command(app, "report")
def report(cli: Cli) -> None:
    """Count dangling records; with a platform token those of all organizations."""
    found = cli.api.get("/v1/dangling-records:report")
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document(found)
        return
    cli.printer.say(
        f"{found['count']} dangling records. {found['domains']} domains are looked at daily, "
        f"{found['unseen_domains']} of them were not within two days."
    )
    rows = [[one["severity"], one["problem"], str(one["count"])] for one in found["problems"]]
    cli.printer.table(rows, ("severity", "problem", "count"))
    if len(found["organizations"]) > 1:
        most = [[one["organization"], str(one["count"])] for one in found["organizations"]]
        cli.printer.table(most, ("organization", "count"))


def _print(cli: Cli, one: Mapping[str, Any]) -> None:
    cli.printer.line(f"[{one['severity']}] {one['message']} [{one['problem']}]")
    cli.printer.line(f"  fix: {one['fix']}")
    for fix in one["records"]:
        cli.printer.line(f"  {fix['action']}: {fix['name']} {fix['type']} {fix['value']}")
    for line in one["evidence"]:
        cli.printer.line(f"  seen: {line}")


showing(app, "dangling record", "dangling-records", by="Id")
