"""`nameplate certificate`: certificates of domains."""

from typing import Annotated

import typer

from nameplate.cli import waiting
from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    DomainFilter,
    DomainReference,
    Limit,
    NonInteractive,
    StatusFilter,
    Yes,
    command,
    given,
    removing,
    showing,
)
from nameplate.cli.waiting import Seen, Timeout, Wait, WaitingStep

app = typer.Typer(help="Manage certificates of domains.", no_args_is_help=True)
COLUMNS = ("id", "common_name", "status", "expires_at", "next_renewal_at", "error_message")

CertificateReference = Annotated[str, typer.Argument(help="Id of the certificate.")]


@command(app, "issue")
def issue(
    cli: Cli,
    *,
    domain: DomainReference,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="Name to certify; may be repeated. Default: the domain's."),
    ] = None,
    challenge: Annotated[
        str | None, typer.Option(help="ACME challenge: `http-01` or `dns-01`.")
    ] = None,
    wait: Wait = False,
    timeout: Timeout = 600.0,
) -> None:
    """Request a certificate."""
    body = given(domain=domain, names=names or None, challenge=challenge)
    made = cli.api.send("POST", "/v1/certificates", body)
    if wait:
        made = _waited(cli, made["id"], 1, timeout)
    cli.printer.one(made)


@command(app, "list")
def list_(
    cli: Cli,
    *,
    domain: DomainFilter = None,
    status: StatusFilter = None,
    limit: Limit = None,
) -> None:
    """List certificates."""
    query = given(domain=domain, status=status)
    cli.printer.many(cli.api.pages("/v1/certificates", limit=limit, **query), COLUMNS)


@command(app, "renew")
def renew(
    cli: Cli, certificate: CertificateReference, wait: Wait = False, timeout: Timeout = 600.0
) -> None:
    """Renew a certificate now. The current one is served until the new one is installed."""
    made = cli.api.send("POST", address("certificates", certificate, ":renew"))
    if wait:
        made = _waited(cli, made["id"], made["generation"] + 1, timeout)
    cli.printer.one(made)


@command(app, "revoke")
def revoke(
    cli: Cli,
    certificate: CertificateReference,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
) -> None:
    """Revoke a certificate at its authority. Asks for confirmation."""
    found = cli.api.get(address("certificates", certificate))
    what = f"Revoke certificate {found['common_name']} ({found['id']})"
    cli.confirm(what, yes=yes, non_interactive=non_interactive)
    cli.printer.one(cli.api.send("POST", address("certificates", found["id"], ":revoke")))


showing(app, "certificate", "certificates", by="Id")
removing(app, "certificate", "certificates", by="Id")


def _waited(cli: Cli, identity: str, generation: int, timeout: float) -> dict[str, object]:
    def look() -> Seen:
        found = cli.api.get(address("certificates", identity))
        done = found["status"] == "active" and found["generation"] >= generation
        step = WaitingStep("certificate", done, found["error_message"] or found["status"])
        over = "" if found["status"] != "revoked" else "The certificate is revoked."
        return Seen(found, [step], done, over)

    resume = ["nameplate", "certificate", "show", identity]
    return waiting.until(cli, look, timeout=timeout, resume=resume)
