"""`nameplate certificate inspect`: what a file or a server shows, without a database."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nameplate.cli import files
from nameplate.cli.command import Cli, command
from nameplate.cli.local import local
from nameplate.cli.moments import relative
from nameplate.cli.output import OutputFormat
from nameplate.core.errors import Invalid

if TYPE_CHECKING:
    from nameplate.core.certificates import Facts
    from nameplate.core.inspection import Inspection

_MAX_PORT = 65_535


def register(app: typer.Typer) -> None:
    """Add the command to those of certificates."""
    command(app, "inspect")(inspect)


def inspect(
    cli: Cli,
    *,
    what: Annotated[
        str,
        typer.Argument(metavar="FILE|HOST[:PORT]", help="PEM or PKCS #12 file, or a TLS server."),
    ],
    connect: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS[:PORT]", help="Where to look at the host. Default: as in DNS."
        ),
    ] = None,
    password_file: files.PasswordFile = None,
) -> None:
    """Inspect a certificate file or the certificate of a server. Needs no database."""
    from nameplate.core import inspection

    here = local()
    now = here.clock()
    if Path(what).is_file():
        found = inspection.read(files.content(what), files.password(password_file))
        seen = inspection.inspect(found, here.roots(), now)
    else:
        host, port = _place(what)
        address, at = _place(connect, port) if connect else (host, port)
        ders = here.presented(host, address, at)
        named = None if _is_address(host) else host
        seen = inspection.inspect(inspection.shown_by_server(ders), here.roots(), now, named)
    if cli.printer.form is OutputFormat.TABLE:
        _print(cli, seen, now)
    else:
        cli.printer.document(_document(what, seen))
    if seen.problems:
        raise typer.Exit(1)


def print_chain(cli: Cli, chain: Iterable[Mapping[str, Any]]) -> None:
    """Print what each certificate of a chain says, the leaf first; fields as the API has them."""
    for number, said in enumerate(chain):
        cli.printer.line("")
        cli.printer.line("leaf" if number == 0 else f"intermediate {number}")
        for label, text in (
            ("subject", said["subject"]),
            ("names", ", ".join(said["names"])),
            ("issuer", said["issuer"]),
            ("valid from", cli.printer.moment(said["not_before"], whole=True)),
            ("valid until", cli.printer.moment(said["not_after"], whole=True)),
            ("key", said["key_type"]),
            ("signature", said["signature"]),
            ("serial", said["serial_number"]),
            ("SHA-256", said["fingerprint"]),
            ("key SHA-256", said["public_key_fingerprint"]),
        ):
            if text:
                cli.printer.line(f"  {label:<12}{text}")


def _print(cli: Cli, seen: "Inspection", now: datetime) -> None:
    ends = seen.certificates[0].not_after
    cli.printer.line(f"{'expired' if ends <= now else 'expires'}: {relative(ends, now)}")
    cli.printer.line(f"chain: {'complete' if seen.complete else 'incomplete or not trusted'}")
    cli.printer.line(f"order: {'as it should be' if seen.in_order else 'not leaf first'}")
    print_chain(cli, [_said(one) for one in seen.certificates])
    cli.printer.line("")
    for problem in seen.problems:
        cli.printer.line(f"problem: {problem.detail} [{problem.code}]")
    if not seen.problems:
        cli.printer.line("No problems found.")


def _document(what: str, seen: "Inspection") -> dict[str, Any]:
    return {
        "object": "certificate_inspection",
        "subject": what,
        "in_order": seen.in_order,
        "complete": seen.complete,
        "chain": [_said(one) for one in seen.certificates],
        "problems": [asdict(one) for one in seen.problems],
    }


def _said(one: "Facts") -> dict[str, Any]:
    """Return the facts of a certificate with the fields of the API."""
    return {
        "subject": one.subject,
        "names": list(one.names),
        "issuer": one.issuer,
        "not_before": one.not_before.isoformat(),
        "not_after": one.not_after.isoformat(),
        "key_type": one.key_type,
        "signature": one.signature,
        "serial_number": one.serial,
        "fingerprint": one.fingerprint,
        "public_key_fingerprint": one.spki,
    }


def _place(text: str, port: int = 443) -> tuple[str, int]:
    """Return host and port of `HOST[:PORT]`, an IPv6 address in brackets."""
    from nameplate.core import names

    host, separator, number = text.rpartition(":")
    if not separator or "]" in number or _is_address(text):
        host, number = text, str(port)
    host = host.removeprefix("[").removesuffix("]")
    if not (number.isascii() and number.isdigit() and 0 < int(number[:6]) <= _MAX_PORT):
        raise Invalid("host_malformed", f"Not a file, nor a host: {text}. Expected HOST[:PORT].")
    if _is_address(host) or host == "localhost":
        return host, int(number)
    try:
        return names.parse(host, special_use=True).name, int(number)
    except Invalid as error:
        raise Invalid("host_malformed", f"Not a file, nor a host: {text}. {error.detail}") from None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
