"""`nameplate record`: DNS records of domains."""

from typing import Annotated, Any

import typer

from nameplate.cli import plans, propagation
from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    Limit,
    MetadataPairs,
    command,
    given,
    pairs,
    removing,
    showing,
)
from nameplate.cli.output import OutputFormat

app = typer.Typer(help="DNS records of domains.", no_args_is_help=True)
COLUMNS = ("id", "type", "name", "value", "ttl", "status", "propagated", "error_message")

Ttl = Annotated[int | None, typer.Option(min=0, help="Seconds.")]
Short = Annotated[int | None, typer.Option(min=0, max=65535)]


@command(app, "add")
def add(
    cli: Cli,
    *,
    domain: str,
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="A, AAAA, CNAME, MX, TXT ...")],
    name: Annotated[str, typer.Argument(help="Relative to the domain: www, @, '*'.")],
    value: str,
    ttl: Ttl = None,
    priority: Short = None,
    weight: Short = None,
    port: Short = None,
    notes: Annotated[str | None, typer.Option()] = None,
    metadata: MetadataPairs = None,
) -> None:
    """Want a record at the domain's DNS provider.

    Example: nameplate record add example.com MX @ mail.example.com. --priority 10
    """
    body = given(
        domain=domain,
        type=kind.upper(),
        name=name,
        value=value,
        ttl=ttl,
        priority=priority,
        weight=weight,
        port=port,
        notes=notes,
        metadata=pairs(metadata, "--metadata"),
    )
    _show(cli, cli.api.send("POST", "/v1/records", body))


def _show(cli: Cli, record: dict[str, Any]) -> None:
    cli.printer.one(record, skip=("warnings",))
    for text in record.get("warnings", ()):
        cli.printer.say(f"Warning: {text}")


@command(app, "list")
def list_(
    cli: Cli,
    *,
    domain: Annotated[str | None, typer.Option()] = None,
    kind: Annotated[str | None, typer.Option("--type")] = None,
    status: Annotated[str | None, typer.Option()] = None,
    limit: Limit = None,
) -> None:
    """List records."""
    query = given(domain=domain, type=kind.upper() if kind else None, status=status)
    cli.printer.many(cli.api.pages("/v1/records", limit=limit, **query), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    record: str,
    value: Annotated[str | None, typer.Option()] = None,
    ttl: Ttl = None,
    priority: Short = None,
    weight: Short = None,
    port: Short = None,
    notes: Annotated[str | None, typer.Option()] = None,
    metadata: MetadataPairs = None,
) -> None:
    """Change a record."""
    body = given(
        value=value,
        ttl=ttl,
        priority=priority,
        weight=weight,
        port=port,
        notes=notes,
        metadata=pairs(metadata, "--metadata"),
    )
    _show(cli, cli.api.send("PATCH", address("records", record), body))


@command(app, "detach")
def detach(cli: Cli, record: str) -> None:
    """Take over a record that Nameplate made: it stays, and is yours to change."""
    cli.printer.one(cli.api.send("POST", address("records", record, ":detach")))


@command(app, "templates")
def templates(
    cli: Cli,
    name: Annotated[str | None, typer.Argument(help="Show only this one.")] = None,
) -> None:
    """List record templates with their parameters."""
    if name is None:
        found = cli.api.get("/v1/record-templates")
    else:
        found = {"data": [cli.api.get(address("record-templates", name))]}
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document(found)
        return
    for one in found["data"]:
        cli.printer.line(one["name"])
        if cli.printer.form is OutputFormat.TABLE:
            for text in _described(one):
                cli.printer.line(f"    {text}")


@command(app, "template")
def template(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="As `record templates` lists it.")],
    domain: str,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="May be repeated.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
) -> None:
    """Make the records of a template.

    Example: nameplate record template spf example.com --set include=_spf.example.net --dry-run
    """
    body = {"template": name, "parameters": pairs(values, "--set") or {}, "dry_run": dry_run}
    found = cli.api.send("POST", address("domains", domain, "/records:template"), body)
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document(found)
        return
    for one in found["effects"]:
        if cli.printer.form is OutputFormat.ID:
            cli.printer.line(one["record"] or "")
            continue
        sign = {"add": "+", "change": "~", "exists": "=", "conflict": "!"}[one["action"]]
        before = f"{one['before']} -> " if one["action"] == "change" else ""
        cli.printer.line(f"{sign} {one['name']} {one['ttl']} {one['type']} {before}{one['value']}")
        if one["detail"]:
            cli.printer.line(f"    {one['detail']}")
    if dry_run:
        cli.printer.say("Nothing was done: this was a dry run.")


def _described(one: dict[str, Any]) -> list[str]:
    lines = [f"{one['title']}. {one['description']}"]
    for parameter in one["parameters"]:
        choices = f" ({', '.join(parameter['choices'])})" if parameter["choices"] else ""
        word = "required" if parameter["required"] else parameter["default"] or "optional"
        lines.append(f"{parameter['name']} [{word}]: {parameter['description']}{choices}")
    return lines


propagation.register(app)
showing(app, "record", "records")
removing(app, "record", "records")
plans.register(app)
