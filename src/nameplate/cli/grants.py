"""`nameplate grant`: names lent to other organizations."""

from typing import Annotated

import typer

from nameplate.cli.client import address
from nameplate.cli.command import Cli, Limit, command, given, showing
from nameplate.cli.completion import names
from nameplate.cli.output import OutputFormat

app = typer.Typer(help="Lend names to other organizations.", no_args_is_help=True)
COLUMNS = ("id", "name", "scope", "organization", "grantee", "ends_at", "error_code")

_ORGANIZATION = "Organization that acts. Required with a platform token."
GrantReference = Annotated[
    str, typer.Argument(help="Id of the grant.", autocompletion=names("grants"))
]
Acting = Annotated[str | None, typer.Option("--organization", help=_ORGANIZATION)]


@command(app, "add")
def add(
    cli: Cli,
    *,
    name: Annotated[str, typer.Argument(help="Name to lend, below one that is held.")],
    to: Annotated[
        str | None,
        typer.Option(
            help="Organization that may use it, below this one. Default: whoever accepts the code."
        ),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Lend the name alone, and nothing below it.")
    ] = False,
    may_lend: Annotated[
        bool, typer.Option("--may-lend", help="Let the other organization lend names below it.")
    ] = False,
    ends_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it ends. Default: it does not.")
    ] = None,
    organization: Acting = None,
) -> None:
    """Lend a name. Without `--to` the code is printed by which another organization accepts it."""
    body = given(
        name=name,
        to=to,
        scope="exact" if exact else None,
        may_lend=may_lend or None,
        ends_at=ends_at,
        organization=organization,
    )
    made = cli.api.send("POST", "/v1/grants", body)
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.one(made)
        return
    cli.printer.say(f"Grant {made['id']} of {made['name']}.")
    if made["code"]:
        cli.printer.say(
            "The other organization accepts it with `nameplate grant accept CODE`. The code is not "
            "shown again:"
        )
        cli.printer.line(made["code"])


@command(app, "accept")
def accept(
    cli: Cli,
    code: Annotated[str, typer.Argument(help="Code from the lender.")],
    organization: Acting = None,
) -> None:
    """Accept a grant by its code. Then add the domain as usual: it needs no proof."""
    body = given(code=code, organization=organization)
    cli.printer.one(cli.api.send("POST", "/v1/grants:accept", body))


@command(app, "list")
def list_(cli: Cli, limit: Limit = None) -> None:
    """List grants, given and received."""
    cli.printer.many(cli.api.pages("/v1/grants", limit=limit), COLUMNS)


@command(app, "revoke")
def revoke(
    cli: Cli,
    *,
    grant: GrantReference,
    now: Annotated[bool, typer.Option("--now", help="End it immediately, without notice.")] = False,
    ends_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it ends. Default: in 7 days.")
    ] = None,
) -> None:
    """Revoke a grant, with seven days of notice unless told otherwise."""
    at = "1970-01-01T00:00:00Z" if now else ends_at
    body = given(ends_at=at)
    cli.printer.one(cli.api.send("POST", address("grants", grant, ":revoke"), body))


showing(app, "grant", "grants", by="Id")
