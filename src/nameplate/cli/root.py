"""The whole command line; each noun's module is imported when one of its commands runs."""

import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import zip_longest
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from nameplate import __version__
from nameplate.cli import completion
from nameplate.cli.client import Client
from nameplate.cli.transport import ContextFactory
from nameplate.core.errors import Invalid

NOUNS: Mapping[str, tuple[str, str]] = {
    "domain": ("domains", "Manage domains, from claim to HTTPS."),
    "verification": ("verifications", "Manage proofs of domain ownership."),
    "record": ("records", "Manage DNS records of domains."),
    "certificate": ("certificates", "Manage certificates of domains."),
    "plan": ("plans", "Show and apply plans of DNS changes."),
    "binding": ("bindings", "Manage bindings of hosts to applications."),
    "application": ("applications", "Manage applications, which bindings send requests to."),
    "server": ("servers", "Manage servers that run a proxy."),
    "server-group": ("server_groups", "Manage groups of servers that serve the same hosts."),
    "edge": ("edge", "Look at what proxies ask the edge."),
    "account": ("accounts", "Manage accounts at DNS providers, CAs and registrars."),
    "organization": ("organizations", "Manage organizations, the tenants of the platform."),
    "registration": ("registrations", "Find, buy, renew and delegate names at registrars."),
    "purchase": ("purchases", "Look at purchases at registrars, and approve them."),
    "grant": ("grants", "Lend names to other organizations."),
    "challenge": ("challenges", "Manage challenges of names in use."),
    "transfer": ("transfers", "Move domains to another organization."),
    "quarantine": ("quarantine", "Look at released names that may still point here."),
    "setup-link": ("setup_links", "Manage links that show what to publish for a domain."),
    "dangling": ("dangling", "Find DNS records that lead to what a stranger can take."),
    "token": ("tokens", "Manage API tokens."),
    "user": ("users", "Manage users, who sign in to the web page."),
    "event": ("events", "Read what happened to domains and all other objects."),
    "domain-connect": ("domain_connect", "Set up Domain Connect for the platform."),
    "names": ("names", "Check domain names."),
    "explain": ("explain", "Explain an error code and what to do."),
    "doctor": ("doctor", "Check this installation and say what is missing."),
    "db": ("db", "Migrate the database schema."),
    "keys": ("keys", "Manage the keys that encrypt stored secrets."),
}
"""Command -> module and the line that `--help` prints."""


class _Lazy(TyperGroup):
    """A group that knows the nouns' names and lines, and imports the one that is used."""

    _listing = False
    """Help is being printed: the nouns' lines are enough."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - Typer hides click's types
        return [*NOUNS, *(name for name in super().list_commands(ctx) if name not in NOUNS)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - Typer hides click's types
        if cmd_name not in NOUNS or cmd_name in self.commands:
            return super().get_command(ctx, cmd_name)
        module, line = NOUNS[cmd_name]
        if self._listing:
            return TyperGroup(name=cmd_name, help=line)
        found: Any = get_command(import_module(f"nameplate.cli.{module}").app)
        found.name = cmd_name
        return found

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer hides click's types
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:  # noqa: ANN401 - Typer hides click's types
        self._listing = True
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self._listing = False

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,  # noqa: ANN401 - as click calls it
    ) -> Any:  # noqa: ANN401 - as click returns it
        """Run a command; a wrong command line is one JSON document too where JSON was asked for."""
        given = list(sys.argv[1:] if args is None else args)
        alone = standalone_mode and not _wants_json(given)
        try:
            ended = super().main(
                given, prog_name, complete_var, alone, windows_expand_args, **extra
            )
        except TyperException as error:
            if not standalone_mode:
                raise
            refusal = Invalid("usage_invalid", error.format_message())
            problem = {"code": refusal.code, "detail": refusal.detail}
            sys.stdout.write(json.dumps({"error": problem}) + "\n")
            sys.stdout.flush()
            shown: Any = error
            shown.show()
            sys.exit(error.exit_code)
        if standalone_mode:
            sys.exit(ended or 0)
        return ended


def _wants_json(arguments: Sequence[str]) -> bool:
    """Tell whether a command line that cannot be parsed asks for JSON."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    pairs = zip_longest(options, options[1:], fillvalue="")
    return any(
        one in {"--json", "-ojson", "--output=json"}
        or (one in {"-o", "--output"} and following == "json")
        for one, following in pairs
    )


def build(context_factory: ContextFactory) -> typer.Typer:
    """Return the command line; `context_factory` connects when a command needs the API."""
    app = typer.Typer(
        name="nameplate",
        cls=_Lazy,
        help="The control plane for custom domains: claim, prove, point, secure, serve, watch.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain help in half the time
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="Set NAMEPLATE_API_URL and NAMEPLATE_TOKEN to use a remote server.",
    )

    completion.provide(context_factory)

    @app.callback()
    def nameplate(
        context: typer.Context,
        *,
        version: bool = typer.Option(False, "--version", callback=_version, is_eager=True),  # noqa: ARG001 - its callback does the work
    ) -> None:
        context.obj = Client(context_factory)

    return app


def _version(*, value: bool) -> None:
    if value:
        typer.echo(f"nameplate {__version__}")
        raise typer.Exit
