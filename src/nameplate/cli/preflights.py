"""`nameplate certificate preflight`: whether a certificate would be obtained, before it is ordered."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from nameplate.cli import findings
from nameplate.cli.client import address
from nameplate.cli.command import Cli, command, given
from nameplate.cli.output import OutputFormat
from nameplate.core.ids import Prefix


def register(app: typer.Typer) -> None:
    """Add the command to those of certificates."""
    command(app, "preflight")(preflight)


def preflight(
    cli: Cli,
    what: Annotated[
        str,
        typer.Argument(
            metavar="HOST|CERTIFICATE", help="A host of a claimed domain, or id of a certificate."
        ),
    ],
    *,
    challenge: Annotated[
        str | None, typer.Option(help="For a host: `http-01` or `dns-01`.")
    ] = None,
) -> None:
    """Find out whether a certificate would be obtained now. Nothing is ordered.

    Exit code 1 when something keeps it from being ordered.
    Example: nameplate certificate preflight shop.example.com
    """
    if what.startswith(f"{Prefix.CERTIFICATE}_"):
        found = cli.api.send("POST", address("certificates", what, ":preflight"))
    else:
        body = given(name=what, challenge=challenge)
        found = cli.api.send("POST", "/v1/certificates:preflight", body)
    if cli.printer.form is OutputFormat.TABLE:
        findings.show(cli.printer, {**found, "name": ", ".join(found["names"])})
    else:
        cli.printer.document(found)
    if not found["ok"]:
        raise typer.Exit(1)


def print_outlook(cli: Cli, found: Mapping[str, Any]) -> None:
    """Say when a certificate is tried next and why then, and what its next renewal would fail on."""
    planned = found["next_try"]
    if planned is not None:
        at = planned["at"]
        when = "not by itself" if at is None else cli.printer.moment(at, whole=True)
        cli.printer.line(f"next try: {when}, because {planned['because']}.")
    risk = found["renewal_risk"]
    if risk is not None:
        since = cli.printer.moment(risk["since"], whole=True)
        cli.printer.line(f"the renewal will fail, since {since}:")
        findings.show(cli.printer, {**risk, "name": found["common_name"]})
