"""`nameplate plan`, and the commands of `nameplate record` that plan, import, export and undo."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nameplate.cli import zone_files
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
    showing,
)
from nameplate.cli.output import OutputFormat, coloured
from nameplate.cli.zone_files import FileFormat, Strict
from nameplate.core.errors import Invalid

app = typer.Typer(help="Show and apply plans of DNS changes.", no_args_is_help=True)
COLUMNS = (
    "id", "domain", "status", "origin", "changes_total", "edits", "unsafe", "created_at",
)  # fmt: skip
CHANGES = 10
"""Exit code of `--detailed-exitcode` when there is something to do."""
CONFLICT = 5
_SIGNS = {"create": ("+", "32"), "update": ("~", "33"), "delete": ("-", "31")}
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


showing(app, "plan", "plans", by="Id")


@command(app, "apply")
def apply(
    cli: Cli,
    *,
    plan: Annotated[str, typer.Argument(help="Id of the plan.")],
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
        _draw(cli, made)
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
        _draw(cli, made) if cli.printer.form is OutputFormat.TABLE else cli.printer.one(made)
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
        _draw(cli, plan)
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


def _draw(cli: Cli, plan: dict[str, Any]) -> None:
    """Print a plan as people read it: `+ ~ -`, what is held back, the numbers."""
    for change in plan["changes"]:
        sign, colour = _SIGNS[change["action"]]
        for text in _lines(change):
            line = f"{sign} {text}"
            cli.printer.paint(line, colour if coloured() else "")
    rest = plan["changes_total"] - len(plan["changes"])
    if rest:
        cli.printer.line(f"... and {rest} more")
    for one in plan["blocked"]:
        cli.printer.line(f"! {one['name']} {one['type']}: {one['detail']} [{one['code']}]")
    for text in (*plan["drift"], *plan["warnings"]):
        cli.printer.line(f"! {text}")
    for text in plan["foreign"][:20]:
        cli.printer.line(
            f"= {text[:200]} already exists and is not managed (pass --adopt to take ownership)"
        )
    if plan["unsafe"]:
        cli.printer.line(f"! {plan['unsafe']}")
    cli.printer.say(
        f"{plan['changes_total']} changes in {plan['zone']}, {plan['edits']} records edited, "
        f"{plan['adopted']} adopted, {plan['untouched']} record sets unchanged."
    )


def _lines(change: dict[str, Any]) -> list[str]:
    sides = [change["before"], change["after"]]
    shown = [_rrset(side) for side in sides if side]
    return [" -> ".join(shown)]


def _rrset(rrset: dict[str, Any]) -> str:
    proxied = " (proxied)" if rrset["proxied"] else ""
    return f"{rrset['name']} {rrset['ttl']} {rrset['type']} {' | '.join(rrset['values'])}{proxied}"
