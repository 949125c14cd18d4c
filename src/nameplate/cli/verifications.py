"""`nameplate verification`: proofs of control over domains."""

from typing import Annotated, Any

import typer

from nameplate.cli import instructions
from nameplate.cli.client import address
from nameplate.cli.command import Cli, Limit, command, given
from nameplate.cli.output import OutputFormat

app = typer.Typer(help="Proofs of control over domains.", no_args_is_help=True)
PROOF_METHOD = "How it is proved: dns_txt, file_upload or another that is available."
COLUMNS = ("id", "domain", "method", "status", "attempts", "next_check_at", "error_message")


@command(app, "add")
def add(
    cli: Cli,
    *,
    domain: str,
    method: Annotated[str, typer.Option(help=PROOF_METHOD)] = "dns_txt",
) -> None:
    """Offer another way, or a fresh token, to prove a domain."""
    body = {"domain": domain, "method": method}
    _print(cli, cli.api.send("POST", "/v1/verifications", body))


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
    _print(cli, cli.api.send("POST", address("verifications", verification, ":check")))


@command(app, "show")
def show(cli: Cli, verification: str) -> None:
    """Show a verification and what to publish."""
    _print(cli, cli.api.get(address("verifications", verification)))


def _print(cli: Cli, found: dict[str, Any]) -> None:
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.one(found)
        return
    cli.printer.one(found, skip=("instruction",))
    if found["instruction"]:
        cli.printer.line("")
        instructions.show(cli.printer, [found["instruction"]])
