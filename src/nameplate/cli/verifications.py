"""`nameplate verification`: proofs of control over domains."""

from typing import Annotated

import typer

from nameplate.cli.client import address
from nameplate.cli.command import Cli, Limit, command, given, showing

app = typer.Typer(help="Proofs of control over domains.", no_args_is_help=True)
COLUMNS = ("id", "domain", "method", "status", "attempts", "next_check_at", "error_message")


@command(app, "add")
def add(
    cli: Cli,
    *,
    domain: str,
    method: Annotated[str, typer.Option(help="dns_txt or file_upload.")] = "dns_txt",
) -> None:
    """Offer another way, or a fresh token, to prove a domain."""
    body = {"domain": domain, "method": method}
    cli.printer.one(cli.api.send("POST", "/v1/verifications", body))


@command(app, "list")
def list_(
    cli: Cli,
    *,
    domain: Annotated[str | None, typer.Option()] = None,
    status: Annotated[str | None, typer.Option()] = None,
    limit: Limit = None,
) -> None:
    """List verifications."""
    query = given(domain=domain, status=status)
    cli.printer.many(cli.api.pages("/v1/verifications", limit=limit, **query), COLUMNS)


@command(app, "check")
def check(cli: Cli, verification: str) -> None:
    """Look again now."""
    cli.printer.one(cli.api.send("POST", address("verifications", verification, ":check")))


showing(app, "verification", "verifications")
