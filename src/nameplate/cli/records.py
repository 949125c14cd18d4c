"""`nameplate record`: DNS records of domains."""

from typing import Annotated, Any

import typer

from nameplate.cli import propagation
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
from nameplate.cli.output import Form

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
    cli.printer.one(cli.api.send("POST", "/v1/records", body))


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
    cli.printer.one(cli.api.send("PATCH", address("records", record), body))


@command(app, "plan")
def plan(cli: Cli, domain: str) -> None:
    """Show what would be changed at the provider now; nothing is."""
    found = cli.api.send("POST", address("domains", domain, "/records:plan"))
    if cli.printer.form is not Form.TABLE:
        cli.printer.document(found)
        return
    for change in found["changes"]:
        sign = {"create": "+", "update": "~", "delete": "-"}[change["action"]]
        for text in _lines(change):
            cli.printer.line(f"{sign} {text}")
    for one in found["blocked"]:
        cli.printer.line(f"! {one['name']} {one['type']}: {one['detail']} [{one['code']}]")
    cli.printer.say(f"{len(found['changes'])} changes, {found['untouched']} left as they are.")


propagation.register(app)
showing(app, "record", "records")
removing(app, "record", "records")


def _lines(change: dict[str, Any]) -> list[str]:
    sides = [change["before"], change["after"]] if change["before"] else [change["after"]]
    shown = [_text(side) for side in sides if side]
    return [" -> ".join(shown)] if change["action"] == "update" else shown


def _text(rrset: dict[str, Any]) -> str:
    return f"{rrset['name']} {rrset['ttl']} {rrset['type']} {' | '.join(rrset['values'])}"
