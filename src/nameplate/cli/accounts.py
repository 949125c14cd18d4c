"""`nameplate account`: credentials at DNS providers and certificate authorities."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    Limit,
    MetadataFilter,
    MetadataPairs,
    NameFilter,
    NewName,
    Owner,
    command,
    filters,
    given,
    pairs,
    removing_by_force,
    restoring,
    showing,
)
from nameplate.cli.completion import names
from nameplate.cli.output import OutputFormat
from nameplate.cli.servers import parsed
from nameplate.core.errors import Invalid

app = typer.Typer(help="Manage accounts at DNS providers and CAs.", no_args_is_help=True)
COLUMNS = ("id", "kind", "provider", "name", "priority", "tested_at", "error_message")
_KINDS = "Only plug-ins of this kind: `dns`, `ca`, `proof` or `proxy`."

Credentials = Annotated[
    list[str] | None,
    typer.Option(
        "--credential",
        metavar="NAME=@FILE|env:VAR|-",
        help="Read a credential from a file, an environment variable or standard input. May be repeated.",
    ),
]
Config = Annotated[
    str | None,
    typer.Option(
        metavar="JSON|@FILE",
        help="Settings that are not secret. `account providers` lists the keys.",
    ),
]
Priority = Annotated[
    int | None,
    typer.Option(
        min=0, max=10_000, help="Accounts at authorities with smaller numbers are asked first."
    ),
]
AccountReference = Annotated[
    str, typer.Argument(help="Id or name of the account.", autocompletion=names("accounts"))
]


@command(app, "add")
def add(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="Display name.")],
    kind: Annotated[str, typer.Option(help="Kind of account: `dns`, `ca` or `registrar`.")],
    provider: Annotated[str, typer.Option(help="Provider, as listed by `account providers`.")],
    config: Config = None,
    credential: Credentials = None,
    organization: Owner = None,
    metadata: MetadataPairs = None,
    priority: Priority = None,
    no_test: Annotated[
        bool,
        typer.Option("--no-test", help="Add an account at an authority without registering there."),
    ] = False,
) -> None:
    """Add an account. Its credentials are encrypted and never shown."""
    body = given(
        kind=kind,
        provider=provider,
        name=name,
        config=parsed(config, "--config"),
        credentials=secrets(credential),
        organization=organization,
        metadata=pairs(metadata, "--metadata"),
        priority=priority,
        test=False if no_test else None,
    )
    cli.printer.one(cli.api.send("POST", "/v1/accounts", body))


@command(app, "list")
def list_(
    cli: Cli,
    *,
    kind: Annotated[str | None, typer.Option(help="Only accounts of this kind.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only accounts at this provider.")] = None,
    name: NameFilter = None,
    metadata: MetadataFilter = None,
    limit: Limit = None,
) -> None:
    """List accounts."""
    query = filters(metadata, kind=kind, provider=provider, name=name)
    cli.printer.many(cli.api.pages("/v1/accounts", limit=limit, **query), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    account: AccountReference,
    name: NewName = None,
    config: Config = None,
    credential: Credentials = None,
    metadata: MetadataPairs = None,
    priority: Priority = None,
) -> None:
    """Update an account. `--credential` replaces all stored credentials."""
    body = given(
        name=name,
        config=parsed(config, "--config"),
        credentials=secrets(credential),
        metadata=pairs(metadata, "--metadata"),
        priority=priority,
    )
    cli.printer.one(cli.api.send("PATCH", address("accounts", account), body))


@command(app, "providers")
def providers(cli: Cli, *, kind: Annotated[str | None, typer.Option(help=_KINDS)] = None) -> None:
    """List providers, authorities, proof methods and proxies, with their settings and credentials."""
    found = cli.api.get("/v1/providers", kind=kind)
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document(found)
    elif cli.printer.form is OutputFormat.ID:
        for one in found["data"]:
            cli.printer.line(one["name"])
    else:
        for one in found["data"]:
            _describe(cli, one)


@command(app, "test")
def test(cli: Cli, account: AccountReference) -> None:
    """Test an account at its provider. Exit code 1 when the test fails."""
    found = cli.api.send("POST", address("accounts", account, "/test"))
    cli.printer.one(found)
    if not found["ok"]:
        raise typer.Exit(1)


@command(app, "rotate-key")
def rotate_key(cli: Cli, account: AccountReference) -> None:
    """Give an account at an ACME authority another key. Repeat it to finish what was interrupted."""
    cli.printer.one(cli.api.send("POST", address("accounts", account, ":rotate_key")))


showing(app, "account", "accounts")
removing_by_force(app, "account", "accounts")
restoring(app, "account", "accounts")


def _describe(cli: Cli, one: dict[str, Any]) -> None:
    """Print a provider with its settings and credentials."""
    third = f", from {one['distribution']}" if one["third_party"] else ""
    said = one["title"] or one["message"] or one["code"]
    cli.printer.line(f"{one['name']} ({one['kind']}{third}): {said}")
    for each in one["config"]:
        cli.printer.line(f"  config {_field(each)}")
        for inner in each["fields"]:
            cli.printer.line(f"    {each['name']}.{_field(inner)}")
    for each in one["credentials"]:
        cli.printer.line(f"  credential {_field(each)}")


def _field(one: dict[str, Any]) -> str:
    facts = [
        *([one["type"]] if "type" in one else []),
        *(["required"] if one["required"] else []),
        *([f"required with {one['required_with']}"] if one.get("required_with") else []),
        *([f"default {one['default']}"] if one.get("default") not in (None, "", []) else []),
        *(["platform only"] if one["platform_only"] else []),
    ]
    told = f" ({', '.join(facts)})" if facts else ""
    return f"{one['name']}{told}: {one['description']}"


def secrets(options: list[str] | None) -> dict[str, str] | None:
    """Return the credentials that the options point at. Raises Invalid `credential_in_argument`."""
    found: dict[str, str] = {}
    for name, source in (pairs(options, "--credential") or {}).items():
        if source == "-":
            found[name] = _typed(name)
        elif source.startswith("env:"):
            value = os.environ.get(source[4:])
            if value is None:
                raise Invalid("credential_missing", f"The variable `{source[4:]}` is not set.")
            found[name] = value
        elif source.startswith("@"):
            try:
                found[name] = Path(source[1:]).read_text(encoding="utf-8").strip("\r\n")
            except (OSError, UnicodeDecodeError):
                raise Invalid(
                    "credential_missing",
                    f"Cannot read `{source[1:]}`. Check the path and its permissions.",
                ) from None
        else:
            raise Invalid(
                "credential_in_argument",
                "A credential must not be an argument, which every user of the machine can read. "
                f"Use `{name}=@FILE`, `{name}=env:VARIABLE` or `{name}=-`, and replace the credential.",
            )
    return found or None


def _typed(name: str) -> str:
    """Read a secret from a hidden prompt, or from standard input where nobody types."""
    if sys.stdin.isatty():
        value: str = typer.prompt(name, hide_input=True, err=True)
        return value
    return sys.stdin.read().strip("\r\n")
