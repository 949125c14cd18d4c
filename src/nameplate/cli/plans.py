"""`nameplate plan`, and the commands of `nameplate record` that plan, import, export and undo."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nameplate.cli import diffs, zone_files
from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    DomainFilter,
    DomainReference,
    Limit,
    NonInteractive,
    StatusFilter,
    Yes,
    command,
    given,
)
from nameplate.cli.completion import names
from nameplate.cli.output import OutputFormat
from nameplate.cli.zone_files import FileFormat, Strict
from nameplate.core.errors import Invalid

app = typer.Typer(help="Show and apply plans of DNS changes.", no_args_is_help=True)
COLUMNS = (
    "id", "domain", "status", "origin", "changes_total", "edits", "unsafe", "created_at",
)  # fmt: skip
CHANGES = 10
"""Exit code of `--detailed-exitcode` when there is something to do."""
CONFLICT = 5

PlanReference = Annotated[
    str, typer.Argument(help="Id of the plan.", autocompletion=names("plans"))
]
Force = Annotated[
    bool, typer.Option("--force", help="Apply even if the plan exceeds the safety thresholds.")
]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="Remove the domain's other records. Default: they are kept."),
]
Adopt = Annotated[
    bool,
    typer.Option(
        "--adopt", help="Take ownership of desired values that already exist in the zone."
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="zone|names|drift",
        help="Read the records from `zone` (the zone at the provider), `names` (public DNS at common "
        "names) or `drift` (changes made outside Nameplate).",
    ),
]


@command(app, "list")
def list_(
    cli: Cli,
    *,
    domain: DomainFilter = None,
    status: StatusFilter = None,
    limit: Limit = None,
) -> None:
    """List plans."""
    query = given(domain=domain, status=status)
    cli.printer.many(cli.api.pages("/v1/plans", limit=limit, **query), COLUMNS)


@command(app, "show")
def show(cli: Cli, plan: PlanReference) -> None:
    """Show a plan: what it adds, changes and removes, and what holds it back."""
    found = cli.api.get(address("plans", plan))
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.one(found)
        return
    cli.printer.one(found, skip=diffs.DRAWN)
    cli.printer.line("")
    diffs.draw(cli.printer, found)
    if found["status"] == "ready" and not found["is_empty"]:
        cli.printer.say(f"To apply this plan, run `nameplate plan apply {found['id']}`.")


@command(app, "apply")
def apply(
    cli: Cli,
    *,
    plan: PlanReference,
    force: Force = False,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
) -> None:
    """Apply a plan if the zone has not changed since. Asks for confirmation."""
    found = cli.api.get(address("plans", plan))
    carry_out(cli, found, force=force, yes=yes, non_interactive=non_interactive)


def plan(
    cli: Cli,
    *,
    domain: DomainReference,
    file: Annotated[Path | None, typer.Option(help="File with the desired records.")] = None,
    form: FileFormat = None,
    source: Source = None,
    replace: Replace = False,
    adopt: Adopt = False,
    strict: Strict = False,
    detailed: Annotated[
        bool,
        typer.Option("--detailed-exitcode", help="Exit with code 10 when there are changes."),
    ] = False,
) -> None:
    """Create a plan from the live zone and the desired records. Nothing is changed.

    Example: nameplate record plan example.com --file example.com.zone
    """
    body = _wanted(file, form, source, replace=replace, adopt=adopt, strict=strict)
    made = _plan(cli, domain, body)
    if cli.printer.form is OutputFormat.TABLE:
        diffs.draw(cli.printer, made)
        cli.printer.say(f"To apply this plan, run `nameplate plan apply {made['id']}`.")
    else:
        cli.printer.one(made)
    if detailed and not made["is_empty"]:
        raise typer.Exit(CHANGES)


def import_(
    cli: Cli,
    *,
    domain: DomainReference,
    file: Annotated[
        str | None, typer.Argument(help="File with the desired records, or - for standard input.")
    ] = None,
    form: FileFormat = None,
    source: Source = None,
    replace: Replace = False,
    adopt: Adopt = False,
    strict: Strict = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan without applying it.")
    ] = False,
    force: Force = False,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
) -> None:
    """Import records from a file or from DNS. Shows the plan and asks for confirmation.

    Examples: nameplate record import example.com example.com.zone
    nameplate record import example.com --from zone --adopt
    """
    if file is None and source is None:
        raise Invalid(
            "nothing_to_import",
            "Nothing to import. Specify a file, or `--from zone`, `names` or `drift`.",
        )
    body = _wanted(file, form, source, replace=replace, adopt=adopt, strict=strict)
    made = _plan(cli, domain, body)
    if dry_run:
        diffs.draw(
            cli.printer, made
        ) if cli.printer.form is OutputFormat.TABLE else cli.printer.one(made)
        return
    carry_out(cli, made, force=force, yes=yes, non_interactive=non_interactive)


def undo(
    cli: Cli,
    *,
    domain: DomainReference,
    force: Force = False,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
) -> None:
    """Undo the last applied plan. Shows the changes and asks for confirmation."""
    made = cli.api.send("POST", address("domains", domain, "/records:undo"))
    carry_out(cli, made, force=force, yes=yes, non_interactive=non_interactive)


def export(
    cli: Cli,
    *,
    domain: DomainReference,
    form: Annotated[
        str, typer.Option("--format", help="Format: `bind`, `csv`, `json` or `octodns`.")
    ] = "bind",
    live: Annotated[
        bool, typer.Option("--live", help="Export the live zone instead of the stored records.")
    ] = False,
    file: Annotated[Path | None, typer.Option(help="File to write. Default: stdout.")] = None,
) -> None:
    """Export the records of a domain.

    Example: nameplate record export example.com --format octodns --file example.com.yaml
    """
    path = address("domains", domain, "/records:export")
    found = cli.api.get(path, format=form, live="true" if live else None)
    if file is not None:
        file.write_text(found["content"], encoding="utf-8")
        cli.printer.say(f"Wrote {found['records']} records to {file}.")
    elif cli.printer.form is OutputFormat.JSON:
        cli.printer.document(found)
    else:
        sys.stdout.write(found["content"])


def register(records: typer.Typer) -> None:
    """Add `plan`, `import`, `undo` and `export` to the commands of records."""
    for name, function in (
        ("plan", plan),
        ("import", import_),
        ("undo", undo),
        ("export", export),
    ):
        command(records, name)(function)


def _wanted(
    file: Path | str | None,
    form: str | None,
    source: str | None,
    *,
    replace: bool,
    adopt: bool,
    strict: bool,
) -> dict[str, Any]:
    """Return the body of the request for a plan."""
    body: dict[str, Any] = {"replace": replace, "adopt": adopt}
    if file is not None:
        body["file"] = zone_files.body(Path(file), form)
    return body | given(source=source, strict=strict or None)


def _plan(cli: Cli, domain: str, body: dict[str, Any]) -> dict[str, Any]:
    return cli.api.send("POST", address("domains", domain, "/records:plan"), body)


def carry_out(
    cli: Cli, plan: dict[str, Any], *, force: bool, yes: bool, non_interactive: bool
) -> None:
    """Show a plan, ask for confirmation, apply it, and print the result."""
    if cli.printer.form is OutputFormat.TABLE:
        diffs.draw(cli.printer, plan)
    if plan["is_empty"]:
        cli.printer.say("No changes.")
        if cli.printer.form is not OutputFormat.TABLE:
            cli.printer.one(plan)
        return
    if plan["unsafe"] and not force:
        cli.fail(
            CONFLICT,
            "plan_unsafe",
            f"{plan['unsafe']} Pass `--force` to apply it anyway.",
            plan=plan["id"],
        )
    what = f"Apply {plan['changes_total']} changes to {plan['zone']} ({plan['id']})"
    cli.confirm(what, yes=yes, non_interactive=non_interactive)
    done = cli.api.send("POST", address("plans", plan["id"], ":apply"), {"force": force})
    for one in done["outcomes"]:
        cli.printer.say(f"! {one['name']} {one['type']}: {one['result']}, {one['detail']}")
    if cli.printer.form is OutputFormat.TABLE:
        cli.printer.say(_ended(done))
    else:
        cli.printer.one(done)
    if done["status"] == "failed":
        raise typer.Exit(1)


def _ended(done: dict[str, Any]) -> str:
    if done["status"] == "applying":
        again = f"nameplate plan show {done['id']}"
        return f"The provider stopped answering. A worker continues; see `{again}`."
    refused = len(done["outcomes"])
    return f"Applied {done['changes_total'] - refused} of {done['changes_total']} changes."
