"""`nameplate record`: DNS records of domains."""

from typing import Annotated, Any

import typer

from nameplate.cli import plans, propagation
from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    DomainFilter,
    DomainReference,
    Limit,
    MetadataPairs,
    StatusFilter,
    command,
    given,
    pairs,
    removing,
    showing,
)
from nameplate.cli.completion import names
from nameplate.cli.output import OutputFormat

app = typer.Typer(help="Manage DNS records of domains.", no_args_is_help=True)
COLUMNS = (
    "id", "type", "name", *(NUMBERS := ("priority", "weight", "port")), "value", "ttl", "status",
    "propagated", "error_message",
)  # fmt: skip

RecordReference = Annotated[
    str, typer.Argument(help="Id of the record.", autocompletion=names("records"))
]
Proxied = Annotated[
    bool | None,
    typer.Option(
        "--proxied/--no-proxied", help="Have Cloudflare stand in front. Needs a TTL of 300."
    ),
]
Ttl = Annotated[
    int | None, typer.Option(min=0, help="TTL in seconds. Default for a new record: 3600.")
]
Priority = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Priority of MX and SRV records.")
]
Weight = Annotated[int | None, typer.Option(min=0, max=65535, help="Weight of SRV records.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port of SRV records.")]
Notes = Annotated[str | None, typer.Option(help="Notes of your own.")]


@command(app, "add")
def add(
    cli: Cli,
    *,
    domain: DomainReference,
    kind: Annotated[
        str, typer.Argument(metavar="TYPE", help="Record type, as listed by `record types`.")
    ],
    name: Annotated[
        str, typer.Argument(help="Name relative to the domain, such as www, @ or '*'.")
    ],
    value: Annotated[str, typer.Argument(help="Value, in the form that `record types` shows.")],
    ttl: Ttl = None,
    priority: Priority = None,
    weight: Weight = None,
    port: Port = None,
    proxied: Proxied = None,
    notes: Notes = None,
    metadata: MetadataPairs = None,
    force: Annotated[
        bool, typer.Option("--force", help="Accept NS records at the apex of the zone.")
    ] = False,
) -> None:
    """Add a DNS record. A worker writes it to the DNS provider.

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
        proxied=proxied,
        notes=notes,
        metadata=pairs(metadata, "--metadata"),
        force=force or None,
    )
    _show(cli, cli.api.send("POST", "/v1/records", body))


def _show(cli: Cli, record: dict[str, Any]) -> None:
    cli.printer.one(record, skip=("warnings",))
    for text in record.get("warnings", ()):
        cli.printer.say(f"Warning: {text}")


@command(app, "types")
def types(cli: Cli) -> None:
    """List the types of records, and how their values are written."""
    from nameplate.core.rdata.forms import FORMS

    rows = [
        {"id": rdtype, "type": rdtype, "value": form.parts, "example": form.example}
        for rdtype, form in FORMS.items()
        if rdtype != "SOA"
    ]
    cli.printer.many(rows, ("type", "value", "example"))


@command(app, "list")
def list_(
    cli: Cli,
    *,
    domain: DomainFilter = None,
    kind: Annotated[str | None, typer.Option("--type", help="Only records of this type.")] = None,
    status: StatusFilter = None,
    limit: Limit = None,
) -> None:
    """List records."""
    query = given(domain=domain, type=kind.upper() if kind else None, status=status)
    cli.printer.many(cli.api.pages("/v1/records", limit=limit, **query), COLUMNS, sparse=NUMBERS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    record: RecordReference,
    value: Annotated[str | None, typer.Option(help="New value.")] = None,
    ttl: Ttl = None,
    priority: Priority = None,
    weight: Weight = None,
    port: Port = None,
    proxied: Proxied = None,
    notes: Notes = None,
    metadata: MetadataPairs = None,
) -> None:
    """Update a record."""
    body = given(
        value=value,
        ttl=ttl,
        priority=priority,
        weight=weight,
        port=port,
        proxied=proxied,
        notes=notes,
        metadata=pairs(metadata, "--metadata"),
    )
    _show(cli, cli.api.send("PATCH", address("records", record), body))


@command(app, "detach")
def detach(cli: Cli, record: RecordReference) -> None:
    """Detach a record from its binding or server, so that it can be changed."""
    cli.printer.one(cli.api.send("POST", address("records", record, ":detach")))


@command(app, "templates")
def templates(
    cli: Cli,
    name: Annotated[str | None, typer.Argument(help="Show only this template.")] = None,
) -> None:
    """List record templates and their parameters."""
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
    name: Annotated[str, typer.Argument(help="Template, as listed by `record templates`.")],
    domain: DomainReference,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Parameter of the template; may be repeated."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the effects without making changes.")
    ] = False,
) -> None:
    """Apply a record template to a domain.

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
        cli.printer.say("Dry run: nothing was changed.")


def _described(one: dict[str, Any]) -> list[str]:
    lines = [f"{one['title']}. {one['description']}"]
    for parameter in one["parameters"]:
        choices = f" ({', '.join(parameter['choices'])})" if parameter["choices"] else ""
        word = "required" if parameter["required"] else parameter["default"] or "optional"
        lines.append(f"{parameter['name']} [{word}]: {parameter['description']}{choices}")
    return lines


propagation.register(app)
showing(app, "record", "records", by="Id")
removing(app, "record", "records", by="Id")
plans.register(app)
