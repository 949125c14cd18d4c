"""`nameplate registration`: names at registrars, from search to delegation."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from nameplate.cli import text_files, waiting
from nameplate.cli.accounts import secrets
from nameplate.cli.checklist import WaitingStep
from nameplate.cli.client import address
from nameplate.cli.command import (
    NEEDS_INPUT,
    Cli,
    Limit,
    NameFilter,
    NonInteractive,
    Organization,
    StatusFilter,
    Yes,
    command,
    filters,
    given,
    showing,
)
from nameplate.cli.completion import names
from nameplate.cli.output import OutputFormat
from nameplate.cli.waiting import Seen, Timeout
from nameplate.core.errors import Invalid
from nameplate.core.money import Money

app = typer.Typer(help="Find, buy, renew and delegate names at registrars.", no_args_is_help=True)
COLUMNS = ("id", "name", "status", "expires_at", "renewed_by", "error_code")
_OFFERED = ("name", "availability", "price", "premium")
_OVER = frozenset({"failed", "cancelled"})

RegistrationReference = Annotated[
    str,
    typer.Argument(help="Id or name of the registration.", autocompletion=names("registrations")),
]
NameArgument = Annotated[str, typer.Argument(help="Name, as in example.com.")]
Years = Annotated[int, typer.Option(help="Number of years, 1 to 10.")]
AccountChoice = Annotated[
    str | None,
    typer.Option(
        help="Account at a registrar. Default: the organization's own, or else the platform's."
    ),
]
MaxPrice = Annotated[
    str | None,
    typer.Option(
        metavar="AMOUNT",
        help="What may be paid at most, as in 12.50USD. Default: what is asked now.",
    ),
]
Premium = Annotated[bool, typer.Option("--premium", help="Agree to the price of a premium name.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Ask for the price, and buy nothing.")]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Wait until it is bought. Default: wait.")
]
ContactFile = Annotated[
    Path | None,
    typer.Option(
        "--contact",
        metavar="FILE",
        help="JSON file with who registers the name. Default: as for the last name.",
    ),
]


class OnOff(StrEnum):
    """Whether something is to be."""

    ON = "on"
    OFF = "off"


@command(app, "search")
def search(
    cli: Cli,
    *,
    name: Annotated[list[str], typer.Argument(help="Names, up to 50.")],
    suggest: Annotated[bool, typer.Option("--suggest", help="Propose other names, too.")] = False,
    account: AccountChoice = None,
    organization: Organization = None,
) -> None:
    """Ask which names are free and what they cost.

    Example: nameplate registration search example.com example.net
    """
    body = given(names=name, suggest=suggest or None, account=account, organization=organization)
    found = cli.api.send("POST", "/v1/registrations:search", body)
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.document(found)
        return
    rows = [
        {**one, "id": one["name"], "price": one["price"]["text"] if one["price"] else None}
        for one in (*found["offers"], *found["suggestions"])
    ]
    cli.printer.many(iter(rows), _OFFERED)


@command(app, "quote")
def quote(
    cli: Cli,
    *,
    name: NameArgument,
    act: Annotated[
        str, typer.Option(help="`register`, `renew`, `transfer` or `reactivate`.")
    ] = "register",
    years: Years = 1,
    account: AccountChoice = None,
    organization: Organization = None,
) -> None:
    """Ask what an act costs, and keep the quote for half an hour. Nothing is bought."""
    cli.printer.one(_quoted(cli, act, name, years, account=account, organization=organization))


@command(app, "buy")
def buy(
    cli: Cli,
    *,
    name: NameArgument,
    years: Years = 1,
    max_price: MaxPrice = None,
    premium: Premium = False,
    contact: ContactFile = None,
    delegate: Annotated[
        bool,
        typer.Option("--delegate", help="Delegate it to the DNS account of its domain."),
    ] = False,
    account: AccountChoice = None,
    organization: Organization = None,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
    dry_run: DryRun = False,
    wait: Wait = True,
    timeout: Timeout = 600.0,
) -> None:
    """Register a name. It is asked for by its name before anything is paid.

    Example: nameplate registration buy example.com --max-price 15USD
    """
    found = _quoted(cli, "register", name, years, account=account, organization=organization)
    more = given(delegate=delegate or None, contact=_contact(contact))
    limit = _agreed(cli, found, max_price, premium=premium)
    if dry_run:
        cli.printer.one(found)
        return
    _ask(cli, found, limit, yes=yes, non_interactive=non_interactive)
    _confirm(cli, found, limit, {**more, "accepts_premium": premium}, wait=wait, timeout=timeout)


@command(app, "renew")
def renew(
    cli: Cli,
    *,
    name: NameArgument,
    years: Years = 1,
    max_price: MaxPrice = None,
    premium: Premium = False,
    organization: Organization = None,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
    dry_run: DryRun = False,
    wait: Wait = True,
    timeout: Timeout = 600.0,
) -> None:
    """Make a registration longer."""
    found = _quoted(cli, "renew", name, years, organization=organization)
    limit = _agreed(cli, found, max_price, premium=premium)
    if dry_run:
        cli.printer.one(found)
        return
    _ask(cli, found, limit, yes=yes, non_interactive=non_interactive)
    _confirm(cli, found, limit, {"accepts_premium": premium}, wait=wait, timeout=timeout)


@command(app, "reactivate")
def reactivate(
    cli: Cli,
    *,
    name: NameArgument,
    max_price: MaxPrice = None,
    premium: Premium = False,
    organization: Organization = None,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
    dry_run: DryRun = False,
    wait: Wait = True,
    timeout: Timeout = 600.0,
) -> None:
    """Bring a name back that is in redemption, for one year.

    Example: nameplate registration reactivate example.com --max-price 100USD
    """
    found = _quoted(cli, "reactivate", name, 1, organization=organization)
    limit = _agreed(cli, found, max_price, premium=premium)
    if dry_run:
        cli.printer.one(found)
        return
    _ask(cli, found, limit, yes=yes, non_interactive=non_interactive)
    _confirm(cli, found, limit, {"accepts_premium": premium}, wait=wait, timeout=timeout)


@command(app, "transfer")
def transfer(
    cli: Cli,
    *,
    name: NameArgument,
    code: Annotated[
        str,
        typer.Option(
            metavar="@FILE|env:VAR|-",
            help="Where the code of the present registrar is read from; `-`: it is typed.",
        ),
    ] = "-",
    max_price: MaxPrice = None,
    premium: Premium = False,
    contact: ContactFile = None,
    account: AccountChoice = None,
    organization: Organization = None,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
    dry_run: DryRun = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the name is here.")] = False,
    timeout: Timeout = 600.0,
) -> None:
    """Move a name here from another registrar, which takes days.

    Example: nameplate registration transfer example.com --code @code.txt
    """
    found = _quoted(cli, "transfer", name, 1, account=account, organization=organization)
    limit = _agreed(cli, found, max_price, premium=premium)
    if dry_run:
        cli.printer.one(found)
        return
    told = secrets([f"transfer_code={code}"])
    _ask(cli, found, limit, yes=yes, non_interactive=non_interactive)
    more = given(contact=_contact(contact), **(told or {}))
    _confirm(cli, found, limit, {**more, "accepts_premium": premium}, wait=wait, timeout=timeout)


@command(app, "auth-code")
def auth_code(cli: Cli, registration: RegistrationReference) -> None:
    """Show the code with which an unlocked name moves to another registrar."""
    found = cli.api.send("POST", address("registrations", registration, ":auth-code"))
    if cli.printer.form is OutputFormat.TABLE:
        cli.printer.line(found["transfer_code"])
    else:
        cli.printer.document(found)


@command(app, "list")
def list_(
    cli: Cli, *, status: StatusFilter = None, name: NameFilter = None, limit: Limit = None
) -> None:
    """List registrations, including those that are over."""
    query = filters(None, status=status, name=name)
    cli.printer.many(cli.api.pages("/v1/registrations", limit=limit, **query), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    registration: RegistrationReference,
    renewed_by: Annotated[
        str | None,
        typer.Option(help="Who renews it before it ends: `nameplate`, `registrar` or `none`."),
    ] = None,
    ds: Annotated[
        bool | None,
        typer.Option(
            "--ds/--no-ds", help="Whether DS records of a signed zone are to be at the parent."
        ),
    ] = None,
) -> None:
    """Change who renews a registration, and whether its zone's DS records are published."""
    body = given(renewed_by=renewed_by, publishes_ds=ds)
    cli.printer.one(cli.api.send("PATCH", address("registrations", registration), body))


@command(app, "lock")
def lock(cli: Cli, registration: RegistrationReference) -> None:
    """Protect a name from transfers to another registrar."""
    cli.printer.one(cli.api.send("POST", address("registrations", registration, ":lock")))


@command(app, "unlock")
def unlock(cli: Cli, registration: RegistrationReference) -> None:
    """Let a name be moved to another registrar."""
    cli.printer.one(cli.api.send("POST", address("registrations", registration, ":unlock")))


@command(app, "privacy")
def privacy(
    cli: Cli,
    *,
    registration: RegistrationReference,
    state: Annotated[OnOff, typer.Argument(help="`on`: keep its contacts out of directories.")],
) -> None:
    """Hide the contacts of a name from public directories, or show them there."""
    verb = "enable" if state is OnOff.ON else "disable"
    target = address("registrations", registration, f":{verb}-privacy")
    cli.printer.one(cli.api.send("POST", target))


@command(app, "contact")
def contact(
    cli: Cli,
    *,
    registration: RegistrationReference,
    replacement: Annotated[
        Path | None,
        typer.Option(
            "--set",
            metavar="FILE",
            help="JSON file with the new contact, as this command shows it with `--json`; `-`: standard input.",
        ),
    ] = None,
) -> None:
    """Show or change whom a name is registered for.

    Example: nameplate registration contact example.com --set contact.json
    """
    target = address("registrations", registration, "/contact")
    if replacement is None:
        found = cli.api.get(target)
    else:
        given = _contact(replacement) or {}
        found = cli.api.send("PUT", target, {"contact": given.get("contact", given)})
    if cli.printer.form is OutputFormat.TABLE:
        found |= {name: value for name, value in found["contact"].items() if value}
    cli.printer.one(found, skip=("contact",))


@command(app, "delegate")
def delegate(
    cli: Cli,
    *,
    registration: RegistrationReference,
    name_server: Annotated[
        list[str] | None,
        typer.Option(
            help="Name server; repeat it. Default: those of the DNS account of the domain."
        ),
    ] = None,
    yes: Yes = False,
    non_interactive: NonInteractive = False,
) -> None:
    """Set the name servers of a name. Asks first when records stop answering by it."""
    body = given(name_servers=name_server)
    found = cli.api.send(
        "POST", address("registrations", registration, ":preview-delegation"), body
    )
    if found["lost"]:
        for one in found["lost"]:
            told = ", ".join(one["values"])
            typer.echo(f"  {one['name']} {one['type']} {told}", err=True)
        what = (
            f"Stop answering with these records, which are in use and which the new name servers of "
            f"{registration} have not, as far as Nameplate can see"
        )
        cli.confirm(what, yes=yes, non_interactive=non_interactive)
    target = address("registrations", registration, ":delegate")
    cli.printer.one(cli.api.send("POST", target, {**body, "confirm": bool(found["lost"])}))


@command(app, "import")
def import_(
    cli: Cli,
    *,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name", help="Only this name; repeat it. Required for the platform's account."
        ),
    ] = None,
    account: AccountChoice = None,
    organization: Organization = None,
) -> None:
    """Take up the names that are in an account at a registrar already."""
    body = given(names=name, account=account, organization=organization)
    found = cli.api.send("POST", "/v1/registrations:import", body)
    cli.printer.many(iter(found["registrations"]), COLUMNS)


showing(app, "registration", "registrations")


def _quoted(cli: Cli, act: str, name: str, years: int, **where: str | None) -> dict[str, Any]:
    body = given(name=name, act=act, years=years, **where)
    found: dict[str, Any] = cli.api.send("POST", "/v1/registrations:quote", body)
    return found


def _agreed(cli: Cli, found: dict[str, Any], max_price: str | None, *, premium: bool) -> Money:
    """Return what may be paid at most. Ends the command when that is too little."""
    price = Money(found["price"]["amount"], found["price"]["currency"])
    limit = price if max_price is None else Money.parse(max_price)
    if not limit.covers(price):
        cli.fail(1, "amount_too_low", f"{found['name']} costs {price}. Nothing was bought.")
    if found["premium"] and not premium:
        cli.fail(
            1,
            "premium_not_accepted",
            f"{found['name']} is a premium name for {price}. Pass `--premium` to agree to that.",
        )
    return limit


def _ask(
    cli: Cli, found: dict[str, Any], limit: Money, *, yes: bool, non_interactive: bool
) -> None:
    """Have a person type the name before anything is paid."""
    what = (
        f"{found['act'].capitalize()} {found['name']} for {found['years']} "
        f"{'year' if found['years'] == 1 else 'years'}: {found['price']['text']}"
    )
    if yes:
        return
    if non_interactive or not sys.stdin.isatty():
        cli.fail(NEEDS_INPUT, "confirmation_needed", f"{what}. Pass `--yes` to confirm.")
    at_most = f", at most {limit}" if str(limit) != found["price"]["text"] else ""
    sys.stderr.write(f"{what}{at_most}.\nType the name to confirm: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() != found["name"]:
        cli.fail(NEEDS_INPUT, "not_confirmed", "Not confirmed. Nothing was bought.")


def _confirm(
    cli: Cli,
    found: dict[str, Any],
    limit: Money,
    more: dict[str, Any],
    *,
    wait: bool,
    timeout: float,
) -> None:
    target = address("purchases", found["id"], ":confirm")
    amount = {"amount": limit.amount, "currency": limit.currency}
    made = cli.api.send("POST", target, {"amount": amount, **more})
    if wait:
        made = _waited(cli, made, timeout)
        if cli.printer.form is OutputFormat.TABLE:
            cli.printer.one(cli.api.get(address("registrations", made["registration"])))
            return
    cli.printer.one(made)


def _waited(cli: Cli, made: dict[str, Any], timeout: float) -> dict[str, Any]:
    """Wait until a purchase is settled; one that waits for the operator is not waited for."""
    target = address("purchases", made["id"])

    def look() -> Seen:
        item = cli.api.get(target)
        status = item["status"]
        message = item["waits_because"] or item["error_message"] or _WORDS.get(status, status)
        step = WaitingStep(item["act"], status == "settled", message)
        over = message if status in _OVER or status == "waiting" else ""
        return Seen(item, [step], status == "settled", over)

    resume = ("nameplate", "purchase", "show", made["id"])
    return waiting.until(cli, look, timeout=timeout, resume=resume)


_WORDS = {
    "confirmed": "Confirmed. It is bought next.",
    "intended": "Checked. It is sent next.",
    "sent": "Sent to the registrar.",
    "settled": "Bought.",
}


def _contact(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        found = json.loads(text_files.read(path))
    except ValueError:
        raise Invalid("contact_invalid", f"{path} is not a readable JSON file.") from None
    if not isinstance(found, dict):
        raise Invalid("contact_invalid", f"{path} does not hold a JSON object.")
    return found
