"""`nameplate certificate`: certificates of domains."""

from typing import Annotated

import typer

from nameplate.cli import waiting
from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    Limit,
    NonInteractive,
    Yes,
    command,
    given,
    removing,
    showing,
)
from nameplate.cli.waiting import Seen, Timeout, Wait, WaitingStep

app = typer.Typer(help="Certificates of domains.", no_args_is_help=True)
COLUMNS = ("id", "common_name", "status", "expires_at", "next_renewal_at", "error_message")


@command(app, "issue")
def issue(
    cli: Cli,
    *,
    domain: str,
    names: Annotated[
        list[str] | None, typer.Option("--name", help="May be repeated; the domain's otherwise.")
    ] = None,
    challenge: Annotated[str | None, typer.Option(help="http-01 or dns-01.")] = None,
    wait: Wait = False,
    timeout: Timeout = 600.0,
) -> None:
    """Obtain a certificate."""
    body = given(domain=domain, names=names or None, challenge=challenge)
    made = cli.api.send("POST", "/v1/certificates", body)
    if wait:
        made = _waited(cli, made["id"], 1, timeout)
    cli.printer.one(made)


@command(app, "list")
def list_(
    cli: Cli,
    *,
    domain: Annotated[str | None, typer.Option()] = None,
    status: Annotated[str | None, typer.Option()] = None,
    limit: Limit = None,
) -> None:
    """List certificates."""
    query = given(domain=domain, status=status)
    cli.printer.many(cli.api.pages("/v1/certificates", limit=limit, **query), COLUMNS)


@command(app, "renew")
def renew(cli: Cli, certificate: str, wait: Wait = False, timeout: Timeout = 600.0) -> None:
    """Obtain a new generation now; the present one serves until then."""
    made = cli.api.send("POST", address("certificates", certificate, ":renew"))
    if wait:
        made = _waited(cli, made["id"], made["generation"] + 1, timeout)
    cli.printer.one(made)


@command(app, "revoke")
def revoke(
    cli: Cli, certificate: str, yes: Yes = False, non_interactive: NonInteractive = False
) -> None:
    """Revoke a certificate at its authority; asks first."""
    found = cli.api.get(address("certificates", certificate))
    what = f"Revoke certificate {found['common_name']} ({found['id']})"
    cli.confirm(what, yes=yes, non_interactive=non_interactive)
    cli.printer.one(cli.api.send("POST", address("certificates", found["id"], ":revoke")))


showing(app, "certificate", "certificates")
removing(app, "certificate", "certificates")


def _waited(cli: Cli, identity: str, generation: int, timeout: float) -> dict[str, object]:
    def look() -> Seen:
        found = cli.api.get(address("certificates", identity))
        done = found["status"] == "active" and found["generation"] >= generation
        step = WaitingStep("certificate", done, found["error_message"] or found["status"])
        over = "" if found["status"] != "revoked" else "The certificate is revoked."
        return Seen(found, [step], done, over)

    resume = ["nameplate", "certificate", "show", identity]
    return waiting.until(cli, look, timeout=timeout, resume=resume)
