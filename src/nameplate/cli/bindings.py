"""`nameplate binding`: which application answers at which host."""

from typing import Annotated

import typer

from nameplate.cli import waiting
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
from nameplate.cli.waiting import Seen, Timeout, Wait, WaitingStep

app = typer.Typer(help="Which application answers at which host.", no_args_is_help=True)
COLUMNS = ("id", "hostname", "path", "status", "health_status", "application", "error_message")

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="The application's otherwise.")]


@command(app, "add")
def add(
    cli: Cli,
    *,
    domain: str,
    application: Annotated[str, typer.Option(help="Id or name.")],
    subdomain: Annotated[str | None, typer.Option(help="Label below the domain.")] = None,
    path: Annotated[str | None, typer.Option()] = None,
    port: Port = None,
    server: Annotated[str | None, typer.Option(help="The only one with a proxy otherwise.")] = None,
    force_https: Annotated[bool | None, typer.Option("--force-https/--no-force-https")] = None,
    hsts: Annotated[bool | None, typer.Option("--hsts/--no-hsts")] = None,
    health_check_path: Annotated[str | None, typer.Option()] = None,
    metadata: MetadataPairs = None,
    wait: Wait = False,
    timeout: Timeout = 600.0,
) -> None:
    """Bind an application to a host; certificate and proxy follow.

    Example: nameplate binding add shop.example.com --application Shop --wait
    """
    body = given(
        domain=domain,
        application=application,
        subdomain=subdomain,
        path=path,
        port=port,
        server=server,
        force_https=force_https,
        hsts_enabled=hsts,
        health_check_path=health_check_path,
        metadata=pairs(metadata, "--metadata"),
    )
    made = cli.api.send("POST", "/v1/bindings", body)
    if wait:
        made = _waited(cli, made["id"], timeout)
    cli.printer.one(made)


@command(app, "list")
def list_(
    cli: Cli,
    *,
    domain: Annotated[str | None, typer.Option()] = None,
    application: Annotated[str | None, typer.Option()] = None,
    status: Annotated[str | None, typer.Option()] = None,
    limit: Limit = None,
) -> None:
    """List bindings."""
    query = given(domain=domain, application=application, status=status)
    cli.printer.many(cli.api.pages("/v1/bindings", limit=limit, **query), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    binding: str,
    port: Port = None,
    force_https: Annotated[bool | None, typer.Option("--force-https/--no-force-https")] = None,
    hsts: Annotated[bool | None, typer.Option("--hsts/--no-hsts")] = None,
    health_check_path: Annotated[str | None, typer.Option()] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable")] = None,
    server: Annotated[str | None, typer.Option(help="Move to this server.")] = None,
    metadata: MetadataPairs = None,
) -> None:
    """Change a binding."""
    body = given(
        port=port,
        force_https=force_https,
        hsts_enabled=hsts,
        health_check_path=health_check_path,
        enabled=enabled,
        server=server,
        metadata=pairs(metadata, "--metadata"),
    )
    cli.printer.one(cli.api.send("PATCH", address("bindings", binding), body))


@command(app, "restore")
def restore(cli: Cli, binding: str) -> None:
    """Bring a removed binding back, by its id."""
    cli.printer.one(cli.api.send("POST", address("bindings", binding, ":restore")))


@command(app, "check")
def check(cli: Cli, binding: str) -> None:
    """Look at a binding again now."""
    cli.printer.one(cli.api.send("POST", address("bindings", binding, ":check")))


showing(app, "binding", "bindings")
removing(app, "binding", "bindings")


def _waited(cli: Cli, identity: str, timeout: float) -> dict[str, object]:
    def look() -> Seen:
        found = cli.api.get(address("bindings", identity))
        done = found["status"] == "active"
        step = WaitingStep("binding", done, found["error_message"] or found["status"])
        over = "The binding is disabled." if found["status"] == "disabled" else ""
        return Seen(found, [step], done, over)

    resume = ["nameplate", "binding", "show", identity]
    return waiting.until(cli, look, timeout=timeout, resume=resume)
