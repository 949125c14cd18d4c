"""`nameplate plan`, and the commands of `nameplate record` that plan, import, export and undo."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    Limit,
    NonInteractive,
    Yes,
    command,
    given,
    showing,
)
from nameplate.cli.output import OutputFormat, coloured
from nameplate.core.errors import Invalid

app = typer.Typer(help="Plans of DNS changes.", no_args_is_help=True)
COLUMNS = (
    "id", "domain", "status", "origin", "changes_total", "edits", "unsafe", "created_at",
)  # fmt: skip
CHANGES = 10
"""Exit code of `--detailed-exitcode` when there is something to do."""
CONFLICT = 5
_SIGNS = {"create": ("+", "32"), "update": ("~", "33"), "delete": ("-", "31")}
_ENDINGS = {".csv": "csv", ".json": "json", ".yaml": "octodns", ".yml": "octodns"}
_FORMATS = "bind, csv, json or octodns; told by the file's ending when not given, else bind."

Force = Annotated[bool, typer.Option("--force", help="Although it changes much.")]
FileFormat = Annotated[str | None, typer.Option("--format", help=_FORMATS)]
Replace = Annotated[bool, typer.Option("--replace", help="The domain shall have nothing but this.")]
Adopt = Annotated[
    bool, typer.Option("--adopt", help="Wanted values that others put there become ours.")
]
Source = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="zone|names|drift",
        help="What the provider has, what the Internet sees at the usual names, or what somebody "
        "else made of our records.",
    ),
]


@command(app, "list")
def list_(
    cli: Cli,
    *,
    domain: Annotated[str | None, typer.Option()] = None,
    status: Annotated[str | None, typer.Option()] = None,
    limit: Limit = None,
) -> None:
    """List plans."""
    query = given(domain=domain, status=status)
    cli.printer.many(cli.api.pages("/v1/plans", limit=limit, **query), COLUMNS)


showing(app, "plan", "plans")


@command(app, "apply")
def apply(
    cli: Cli,
    *,
    plan: str,
    force: Force = False,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
) -> None:
    """Carry a plan out, if the zone still is as it was seen; asks first."""
    found = cli.api.get(address("plans", plan))
    carry_out(cli, found, force=force, yes=yes, non_interactive=non_interactive)


def plan(
    cli: Cli,
    *,
    domain: str,
    file: Annotated[Path | None, typer.Option(help="Zone file of what is wanted.")] = None,
    form: FileFormat = None,
    source: Source = None,
    replace: Replace = False,
    adopt: Adopt = False,
    detailed: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 10 when there is work to do.")
    ] = False,
) -> None:
    """Make a plan of what would change at the provider; nothing is changed.

    Example: nameplate record plan example.com --file example.com.zone
    """
    body = _wanted(file, form, source, replace=replace, adopt=adopt)
    made = _plan(cli, domain, body)
    if cli.printer.form is OutputFormat.TABLE:
        _draw(cli, made)
        cli.printer.say(f"Apply it with: nameplate plan apply {made['id']}")
    else:
        cli.printer.one(made)
    if detailed and not made["is_empty"]:
        raise typer.Exit(CHANGES)


def import_(
    cli: Cli,
    *,
    domain: str,
    file: Annotated[str | None, typer.Argument(help="Zone file; - reads standard input.")] = None,
    form: FileFormat = None,
    source: Source = None,
    replace: Replace = False,
    adopt: Adopt = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    force: Force = False,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
) -> None:
    """Want the records of a zone file, or of the live zone: shows the plan, asks, applies it.

    Examples: nameplate record import example.com example.com.zone
    nameplate record import example.com --from zone --adopt
    """
    if file is None and source is None:
        raise Invalid("nothing_to_import", "Name a zone file, or say --from zone, names or drift.")
    path = None if file is None else Path(file)
    body = _wanted(path, form, source, replace=replace, adopt=adopt)
    made = _plan(cli, domain, body)
    if dry_run:
        _draw(cli, made) if cli.printer.form is OutputFormat.TABLE else cli.printer.one(made)
        return
    carry_out(cli, made, force=force, yes=yes, non_interactive=non_interactive)


def undo(
    cli: Cli,
    *,
    domain: str,
    force: Force = False,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
) -> None:
    """Take back the last plan that was applied; shows what that changes, and asks."""
    made = cli.api.send("POST", address("domains", domain, "/records:undo"))
    carry_out(cli, made, force=force, yes=yes, non_interactive=non_interactive)


def export(
    cli: Cli,
    *,
    domain: str,
    form: Annotated[str, typer.Option("--format", help="bind, csv, json or octodns.")] = "bind",
    live: Annotated[bool, typer.Option("--live", help="As the provider has them now.")] = False,
    file: Annotated[Path | None, typer.Option(help="Write there instead of stdout.")] = None,
) -> None:
    """Write the records as a file.

    Example: nameplate record export example.com --format octodns --file example.com.yaml
    """
    path = address("domains", domain, "/records:export")
    found = cli.api.get(path, format=form, live="true" if live else None)
    if file is not None:
        file.write_text(found["content"], encoding="utf-8")
        cli.printer.say(f"{found['records']} records written to {file}.")
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
    file: Path | None, form: str | None, source: str | None, *, replace: bool, adopt: bool
) -> dict[str, Any]:
    """Return the body of the request for a plan."""
    body: dict[str, Any] = {"replace": replace, "adopt": adopt}
    if file is not None:
        body["file"] = {
            "format": form or _ENDINGS.get(file.suffix.lower(), "bind"),
            "content": _text(file),
        }
    return body | given(source=source)


def _text(file: Path) -> str:
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise Invalid("file_unreadable", f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Invalid("file_unreadable", f"{file} is not in UTF-8.") from None


def _plan(cli: Cli, domain: str, body: dict[str, Any]) -> dict[str, Any]:
    return cli.api.send("POST", address("domains", domain, "/records:plan"), body)


def carry_out(
    cli: Cli, plan: dict[str, Any], *, force: bool, yes: bool, non_interactive: bool
) -> None:
    """Show a plan, ask, apply it, and print what became of it."""
    if cli.printer.form is OutputFormat.TABLE:
        _draw(cli, plan)
    if plan["is_empty"]:
        cli.printer.say("Nothing is to do.")
        if cli.printer.form is not OutputFormat.TABLE:
            cli.printer.one(plan)
        return
    if plan["unsafe"] and not force:
        cli.fail(
            CONFLICT,
            "plan_unsafe",
            f"{plan['unsafe']} Say --force if you mean it.",
            plan=plan["id"],
        )
    what = f"Make {plan['changes_total']} changes in {plan['zone']} ({plan['id']})"
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
        return f"The provider stopped answering: a worker goes on. See: {again}"
    refused = len(done["outcomes"])
    return f"Made {done['changes_total'] - refused} of {done['changes_total']} changes."


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
        cli.printer.line(f"= {text[:200]} is there already and not ours (--adopt takes it)")
    if plan["unsafe"]:
        cli.printer.line(f"! {plan['unsafe']}")
    cli.printer.say(
        f"{plan['changes_total']} changes in {plan['zone']}, {plan['edits']} records edited, "
        f"{plan['adopted']} adopted, {plan['untouched']} record sets left as they are."
    )


def _lines(change: dict[str, Any]) -> list[str]:
    sides = [change["before"], change["after"]]
    shown = [_rrset(side) for side in sides if side]
    return [" -> ".join(shown)]


def _rrset(rrset: dict[str, Any]) -> str:
    proxied = " (proxied)" if rrset["proxied"] else ""
    return f"{rrset['name']} {rrset['ttl']} {rrset['type']} {' | '.join(rrset['values'])}{proxied}"
