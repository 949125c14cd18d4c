"""`nameplate verification`: proofs of domain ownership."""

from typing import Annotated, Any

import typer

from nameplate.cli import instructions
from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    DomainFilter,
    DomainReference,
    Limit,
    StatusFilter,
    command,
    given,
)
from nameplate.cli.completion import names
from nameplate.cli.output import OutputFormat

app = typer.Typer(help="Manage proofs of domain ownership.", no_args_is_help=True)
METHODS = "`dns_txt`, `dns_cname`, `file_upload`, `meta_tag`, `acme_http`, `acme_dns` or `email`"
PROOF_METHOD = f"Verification method: {METHODS}."
COLUMNS = ("id", "domain", "method", "status", "attempts", "next_check_at", "error_message")

VerificationReference = Annotated[
    str, typer.Argument(help="Id of the verification.", autocompletion=names("verifications"))
]


@command(app, "add")
def add(
    cli: Cli,
    *,
    domain: DomainReference,
    method: Annotated[str, typer.Option(help=PROOF_METHOD)] = "dns_txt",
) -> None:
    """Add a verification with another method or a new token."""
    body = {"domain": domain, "method": method}
    _print(cli, cli.api.send("POST", "/v1/verifications", body))


@command(app, "list")
def list_(
    cli: Cli,
    *,
    domain: DomainFilter = None,
    status: StatusFilter = None,
    limit: Limit = None,
) -> None:
    """List verifications."""
    query = given(domain=domain, status=status)
    cli.printer.many(cli.api.pages("/v1/verifications", limit=limit, **query), COLUMNS)


@command(app, "check")
def check(cli: Cli, verification: VerificationReference) -> None:
    """Check a verification now."""
    _print(cli, cli.api.send("POST", address("verifications", verification, ":check")))


@command(app, "confirm")
def confirm(
    cli: Cli,
    verification: VerificationReference,
    code: Annotated[str, typer.Argument(help="The code, as the message has it.")],
) -> None:
    """Confirm a verification with the code that its owner got by mail."""
    path = address("verifications", verification, ":confirm")
    _print(cli, cli.api.send("POST", path, {"code": code}))


@command(app, "show")
def show(cli: Cli, verification: VerificationReference) -> None:
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
