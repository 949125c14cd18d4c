"""`nameplate certificate`: certificates of domains."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from nameplate.cli import text_files, waiting
from nameplate.cli.checklist import WaitingStep
from nameplate.cli.client import address
from nameplate.cli.command import (
    Cli,
    DomainFilter,
    DomainReference,
    Limit,
    NonInteractive,
    Organization,
    StatusFilter,
    Yes,
    command,
    given,
    removing,
)
from nameplate.cli.completion import names
from nameplate.cli.output import OutputFormat
from nameplate.cli.waiting import Seen, Timeout, Wait

app = typer.Typer(help="Manage certificates of domains.", no_args_is_help=True)
COLUMNS = ("id", "common_name", "status", "expires_at", "next_renewal_at", "error_message")

CertificateReference = Annotated[
    str, typer.Argument(help="Id of the certificate.", autocompletion=names("certificates"))
]


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
    if wait and not cli.api.dry_run:
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
    if wait and not cli.api.dry_run:
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


@command(app, "show")
def show(
    cli: Cli,
    certificate: CertificateReference,
    pem: Annotated[
        bool, typer.Option("--pem", help="Print the chain in PEM, and nothing else.")
    ] = False,
) -> None:
    """Show a certificate: whom it names, how long it is valid, and its chain."""
    found = cli.api.get(address("certificates", certificate))
    if pem:
        sys.stdout.write(found["bundle"] or "")
        return
    cli.printer.one(found, skip=("bundle",) if cli.printer.form is OutputFormat.TABLE else ())
    if cli.printer.form is OutputFormat.TABLE and found["bundle"]:
        _show_chain(cli, found["bundle"])


@command(app, "schedule")
def schedule(
    cli: Cli,
    file: Annotated[
        Path,
        typer.Argument(
            help="File with the names of one certificate per line, or - for standard input.",
            allow_dash=True,
        ),
    ],
    *,
    organization: Organization = None,
) -> None:
    """Show when each of many certificates can be ordered within the authority's limits."""
    lines = text_files.read(file).splitlines()
    certificates = [line.partition("#")[0].replace(",", " ").split() for line in lines]
    wanted = [{"names": names} for names in certificates if names]
    body = given(organization=organization, certificates=wanted)
    found = cli.api.send("POST", "/v1/certificates:schedule", body)["certificates"]
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.document({"object": "list", "data": found})
        return
    moment = cli.printer.moment
    cli.printer.table(
        [
            [moment(one["order_at"], whole=True), " ".join(one["names"]), one["waits_for"] or ""]
            for one in found
        ],
        ("order at", "names", "waits for"),
    )
    if found:
        last = moment(found[-1]["order_at"], whole=True)
        cli.printer.line(f"\n{len(found)} certificates, the last at {last}.")


removing(app, "certificate", "certificates", by="Id")


def _show_chain(cli: Cli, bundle: str) -> None:
    """Print what each certificate of a bundle says, the leaf first."""
    from nameplate.core import certificates

    for number, said in enumerate(certificates.each(bundle.encode())):
        cli.printer.line("")
        cli.printer.line("leaf" if number == 0 else f"intermediate {number}")
        for label, text in (
            ("subject", said.subject),
            ("names", ", ".join(said.names)),
            ("issuer", said.issuer),
            ("valid from", cli.printer.moment(said.not_before.isoformat(), whole=True)),
            ("valid until", cli.printer.moment(said.not_after.isoformat(), whole=True)),
            ("key", said.key_type),
            ("serial", said.serial),
            ("SHA-256", said.fingerprint),
        ):
            if text:
                cli.printer.line(f"  {label:<12}{text}")


def _waited(cli: Cli, identity: str, generation: int, timeout: float) -> dict[str, object]:
    def look() -> Seen:
        found = cli.api.get(address("certificates", identity))
        done = found["status"] == "active" and found["generation"] >= generation
        step = WaitingStep(
            "certificate", done, found["error_message"] or f"It is {found['status']}."
        )
        domain = {} if done else cli.api.get(address("domains", found["domain"]))
        over = "" if found["status"] != "revoked" else "The certificate is revoked."
        steps = [one for one in waiting.of_conditions(domain) if one.name != "serving"]
        return Seen(found, [*steps, step], done, over)

    resume = ["nameplate", "certificate", "show", identity]
    return waiting.until(cli, look, timeout=timeout, resume=resume)
