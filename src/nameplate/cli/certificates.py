"""`nameplate certificate`: certificates of domains."""

import sys
from base64 import b64encode
from pathlib import Path
from typing import Annotated, Any

import typer

from nameplate.cli import (
    certificate_budgets,
    certificate_campaigns,
    files,
    inspections,
    preflights,
    text_files,
    waiting,
)
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
from nameplate.cli.completion import names as completed
from nameplate.cli.output import OutputFormat
from nameplate.cli.waiting import Seen, Timeout, Wait
from nameplate.core.deployment import DeploymentState
from nameplate.core.keys import KeyType
from nameplate.core.revocation import RevocationReason

app = typer.Typer(help="Manage certificates of domains.", no_args_is_help=True)
_DER = b"\x30"
"""How a PKCS #12 file begins, and no PEM file."""
_LONG = ("bundle", "chain")
COLUMNS = ("id", "common_name", "status", "expires_at", "next_renewal_at", "error_message")

CertificateReference = Annotated[
    str, typer.Argument(help="Id of the certificate.", autocompletion=completed("certificates"))
]

ChainOption = Annotated[
    str | None,
    typer.Option(
        "--preferred-chain",
        help="Common name of the root that the chain should lead to.",
    ),
]
KeyKind = Annotated[KeyType | None, typer.Option("--key-type", help="Kind of the private key.")]


@command(app, "issue")
def issue(
    cli: Cli,
    *,
    domain: DomainReference,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--host",
            "--name",
            help="Host to certify, of this domain or of another proved domain of the organization; may be "
            "repeated. Default: the domain's name.",
        ),
    ] = None,
    challenge: Annotated[
        str | None, typer.Option(help="ACME challenge, as in `http-01`, `dns-01` or `tls-alpn-01`.")
    ] = None,
    key_type: KeyKind = None,
    profile: Annotated[str | None, typer.Option(help="The authority's profile.")] = None,
    preferred_chain: ChainOption = None,
    wait: Wait = False,
    timeout: Timeout = 600.0,
) -> None:
    """Request a certificate."""
    body = given(
        domain=domain,
        names=names or None,
        challenge=challenge,
        key_type=key_type,
        profile=profile,
        preferred_chain=preferred_chain,
    )
    made = cli.api.send("POST", "/v1/certificates", body)
    if wait and not cli.api.dry_run:
        made = _waited(cli, made["id"], 1, timeout)
    cli.printer.one(made)


CertificateFile = Annotated[
    str,
    typer.Option(
        "--certificate",
        metavar="FILE",
        help="PEM file with the certificate and its intermediates in any order, or a PKCS #12 file. "
        "`-` for standard input.",
    ),
]
KeyFile = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="FILE",
        help="PEM file with the private key, unless it is in the other file.",
    ),
]


@command(app, "upload")
def upload(
    cli: Cli,
    *,
    certificate: CertificateFile,
    key: KeyFile = None,
    password_file: files.PasswordFile = None,
    domain: Annotated[
        str | None,
        typer.Option(
            help="Domain to keep it under. Default: the one closest to its first name.",
            autocompletion=completed("domains"),
        ),
    ] = None,
    takeover_days: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=365,
            help="Days before its end at which the authority's certificate is ordered. Default: 30.",
        ),
    ] = None,
) -> None:
    """Upload a certificate of your own, with its private key."""
    body = _brought(certificate, key, password_file)
    body |= given(domain=domain, takeover_days=takeover_days)
    cli.printer.one(cli.api.send("POST", "/v1/certificates:upload", body), skip=_LONG)


@command(app, "replace")
def replace(
    cli: Cli,
    reference: Annotated[
        str | None,
        typer.Argument(
            help="Id of the uploaded certificate.", autocompletion=completed("certificates")
        ),
    ] = None,
    *,
    certificate: Annotated[
        str | None,
        typer.Option(
            "--certificate",
            metavar="FILE",
            help="PEM or PKCS #12 file with the certificate to put in its place.",
        ),
    ] = None,
    key: KeyFile = None,
    password_file: files.PasswordFile = None,
    wanted: certificate_campaigns.Selection = None,
    before: certificate_campaigns.Before = None,
    due: certificate_campaigns.Due = None,
    reason: certificate_campaigns.Reason = None,
    organization: certificate_campaigns.Owner = None,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
) -> None:
    """Replace an uploaded certificate, or every certificate of an issuer or from before a moment."""
    body = given(
        issuer=wanted, issued_before=before, due_at=due, reason=reason, organization=organization
    )
    if reference is None or certificate is None:
        if reference is not None or certificate is not None or not (wanted or before):
            raise typer.BadParameter(
                "Pass the id of an uploaded certificate and `--certificate`, or `--issuer` or `--before`."
            )
        cli.confirm("Replace all of these certificates", yes=yes, non_interactive=non_interactive)
        certificate_campaigns.start(cli, body)
        return
    made = cli.api.send(
        "POST",
        address("certificates", reference, ":replace"),
        _brought(certificate, key, password_file),
    )
    cli.printer.one(made, skip=_LONG)


@command(app, "export")
def export(
    cli: Cli,
    certificate: CertificateReference,
    *,
    chain: Annotated[
        bool, typer.Option("--chain", help="Add the intermediate certificates.")
    ] = False,
    key: Annotated[
        bool,
        typer.Option(
            "--key", help="Add the private key. The token must be allowed to export keys."
        ),
    ] = False,
) -> None:
    """Print a certificate in PEM; its private key only when asked for, which an event tells of."""
    asked = {"chain": "true"} if chain else {}
    found = cli.api.get(address("certificates", certificate, "/pem"), **asked)
    if key:
        secret = cli.api.send("POST", address("certificates", certificate, ":export-key"))
        found["private_key"] = secret["private_key"]
    if cli.printer.form is OutputFormat.TABLE:
        sys.stdout.write(found["certificate"] + found.get("private_key", ""))
    else:
        cli.printer.one(found)


def _brought(certificate: str, key: str | None, password_file: str | None) -> dict[str, Any]:
    """Return the files of an upload as the API takes them."""
    found = files.content(certificate)
    secret = files.password(password_file)
    body: dict[str, Any] = given(password=None if secret is None else secret.reveal())
    if found[:1] == _DER:
        body["pkcs12"] = b64encode(found).decode()
    else:
        body["certificate"] = found.decode("utf-8", "replace")
    if key is not None:
        body["private_key"] = files.content(key).decode("utf-8", "replace")
    return body


@command(app, "list")
def list_(
    cli: Cli,
    *,
    domain: DomainFilter = None,
    status: StatusFilter = None,
    at_risk: Annotated[
        bool | None,
        typer.Option(
            "--at-risk/--not-at-risk", help="Whose next renewal would fail, or would not."
        ),
    ] = None,
    deployment: Annotated[
        DeploymentState | None,
        typer.Option(help="Only certificates that have come this far to the proxies."),
    ] = None,
    campaign: Annotated[
        str | None, typer.Option(help="Only certificates of this campaign.")
    ] = None,
    limit: Limit = None,
) -> None:
    """List certificates."""
    query = given(
        domain=domain, status=status, at_risk=at_risk, deployment=deployment, campaign=campaign
    )
    cli.printer.many(cli.api.pages("/v1/certificates", limit=limit, **query), COLUMNS)


@command(app, "renew")
def renew(
    cli: Cli,
    certificate: CertificateReference,
    *,
    key_type: KeyKind = None,
    profile: Annotated[
        str | None, typer.Option(help='The authority\'s profile from now on; "" for none.')
    ] = None,
    preferred_chain: ChainOption = None,
    wait: Wait = False,
    timeout: Timeout = 600.0,
) -> None:
    """Renew a certificate now. The current one is served until the new one is installed."""
    body = given(key_type=key_type, preferred_chain=preferred_chain)
    body |= {} if profile is None else {"profile": profile or None}
    made = cli.api.send("POST", address("certificates", certificate, ":renew"), body or None)
    if wait and not cli.api.dry_run:
        made = _waited(cli, made["id"], made["generation"] + 1, timeout)
    cli.printer.one(made)


@command(app, "revoke")
def revoke(
    cli: Cli,
    certificate: CertificateReference,
    *,
    reason: Annotated[
        RevocationReason, typer.Option(help="Why (RFC 5280).")
    ] = RevocationReason.UNSPECIFIED,
    replace_: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Obtain another certificate. It is served before this one is revoked, unless the "
            "reason is `keyCompromise`.",
        ),
    ] = False,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
) -> None:
    """Revoke a certificate at its authority. Asks for confirmation."""
    found = cli.api.get(address("certificates", certificate))
    what = f"Revoke certificate {found['common_name']} ({found['id']})"
    cli.confirm(what, yes=yes, non_interactive=non_interactive)
    body = {"reason": reason.value, "replace": replace_}
    made = cli.api.send("POST", address("certificates", found["id"], ":revoke"), body)
    cli.printer.one(made, skip=_LONG)


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
    is_table = cli.printer.form is OutputFormat.TABLE
    told = ("bundle", "chain", "next_try", "renewal_risk", "deployment")
    cli.printer.one(found, skip=told if is_table else ())
    if is_table:
        preflights.print_outlook(cli, found)
    if is_table and found["authority_account"]:
        because = (found["authority_reason"] or "it was the account at that time.").strip()
        cli.printer.line(f"issued by {found['authority_account']} because {because}")
    if is_table:
        certificate_campaigns.print_deployment(cli, found["deployment"])
        inspections.print_chain(cli, found["chain"] or ())


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
inspections.register(app)
preflights.register(app)
certificate_campaigns.register(app)
certificate_budgets.register(app)


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
