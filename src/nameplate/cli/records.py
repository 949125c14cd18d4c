"""`nameplate record`: DNS records of domains."""

from typing import Annotated

import typer

from nameplate.cli import plans
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


showing(app, "record", "records")
removing(app, "record", "records")
plans.register(app)
