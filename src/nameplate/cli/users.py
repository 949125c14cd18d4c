"""`nameplate user`: people who sign in, and what they are in organizations."""

from typing import Annotated

import typer

from nameplate.cli.client import address
from nameplate.cli.command import Cli, Limit, command, given, removing, showing
from nameplate.cli.output import OutputFormat
from nameplate.core.roles import Role

app = typer.Typer(help="Manage users, who sign in to the web page.", no_args_is_help=True)
COLUMNS = ("id", "email", "name", "operator", "password", "authenticator", "disabled_at")
MEMBERSHIPS = ("id", "email", "organization", "role")

Who = Annotated[str, typer.Argument(help="Id or address of the user.")]


@command(app, "add")
def add(
    cli: Cli,
    *,
    email: Annotated[str, typer.Argument(help="E-mail address, with which the user signs in.")],
    name: Annotated[str | None, typer.Option(help="Name for people. Default: the address.")] = None,
    operator: Annotated[
        bool, typer.Option("--operator", help="Let the user act for the platform.")
    ] = False,
    organization: Annotated[
        str | None, typer.Option(help="Make the user a member of this organization.")
    ] = None,
    role: Annotated[Role, typer.Option(help="What the user is there.")] = Role.MEMBER,
) -> None:
    """Add a user and print the link by which it chooses a password, which is shown only once."""
    body = given(email=email, name=name, operator=operator or None)
    made = cli.api.send("POST", "/v1/users", body)
    if organization is not None:
        place = {"user": made["id"], "organization": organization, "role": role.value}
        cli.api.send("POST", "/v1/memberships", place)
    _print_invitation(cli, made)


@command(app, "invite")
def invite(cli: Cli, *, user: Who) -> None:
    """Print another link for a user who has lost the password. The last one ends."""
    _print_invitation(cli, cli.api.send("POST", address("users", user, ":invite")))


def _print_invitation(cli: Cli, made: dict[str, object]) -> None:
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.one(made)
        return
    cli.printer.say(
        f"User {made['id']} ({made['email']}). Send the link to this person: it works once, for 7 days."
    )
    cli.printer.line(str(made["invitation_url"]))


@command(app, "list")
def list_(cli: Cli, limit: Limit = None) -> None:
    """List users."""
    cli.printer.many(cli.api.pages("/v1/users", limit=limit), COLUMNS)


@command(app, "update")
def update(
    cli: Cli,
    *,
    user: Who,
    name: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    operator: Annotated[
        bool | None, typer.Option("--operator/--no-operator", help="Act for the platform.")
    ] = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Sign it out, and let it not in.")
    ] = None,
) -> None:
    """Change a user."""
    body = given(name=name, operator=operator, disabled=disabled)
    cli.printer.one(cli.api.send("PATCH", address("users", user), body))


@command(app, "forget-authenticator")
def forget_authenticator(cli: Cli, *, user: Who) -> None:
    """Take away the authenticator of a user who has lost it."""
    cli.printer.one(cli.api.send("POST", address("users", user, ":forget-authenticator")))


@command(app, "grant")
def grant(
    cli: Cli,
    *,
    user: Who,
    organization: Annotated[str, typer.Argument(help="Id or slug of the organization.")],
    role: Annotated[Role, typer.Argument(help="What the user is there, and in all below it.")],
) -> None:
    """Say what a user is in an organization."""
    body = {"user": user, "organization": organization, "role": role.value}
    cli.printer.one(cli.api.send("POST", "/v1/memberships", body))


@command(app, "memberships")
def memberships(
    cli: Cli,
    organization: Annotated[
        str | None, typer.Option(help="Only those of this organization.")
    ] = None,
    limit: Limit = None,
) -> None:
    """List what users are in organizations."""
    asked = given(organization=organization)
    cli.printer.many(cli.api.pages("/v1/memberships", limit=limit, **asked), MEMBERSHIPS)


@command(app, "withdraw")
def withdraw(
    cli: Cli, *, membership: Annotated[str, typer.Argument(help="Id of the membership.")]
) -> None:
    """End a membership."""
    cli.api.send("DELETE", address("memberships", membership))
    cli.printer.say(f"Membership {membership} ended.")


showing(app, "user", "users", by="Id or address")
removing(app, "user", "users", by="Id or address")
