"""What all commands share: their common options, their failures, their confirmations."""

import functools
import inspect
import json
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from nameplate.cli import failures
from nameplate.cli.client import ApiError, Client, address
from nameplate.cli.completion import names
from nameplate.cli.output import OutputFormat, Printer
from nameplate.core.errors import Invalid, NameplateError

NEEDS_INPUT = 4
PENDING = 6

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, also when the command fails.")
]
Output = Annotated[OutputFormat, typer.Option("--output", "-o", help="Output format.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print data only, no messages.")]

Organization = Annotated[
    str | None,
    typer.Option(
        "--organization",
        help="Organization, by id or slug. Required with a platform token.",
        autocompletion=names("organizations"),
    ),
]
Owner = Annotated[
    str | None,
    typer.Option(
        "--organization",
        help="Organization, by id or slug. Default with a platform token: the platform itself.",
        autocompletion=names("organizations"),
    ),
]
OrganizationFilter = Annotated[
    str | None,
    typer.Option(
        "--organization",
        help="Only objects of this organization, by id or slug.",
        autocompletion=names("organizations"),
    ),
]
DomainReference = Annotated[
    str, typer.Argument(help="Id or name of the domain.", autocompletion=names("domains"))
]
DomainFilter = Annotated[
    str | None,
    typer.Option(
        "--domain",
        help="Only objects of this domain, by id or name.",
        autocompletion=names("domains"),
    ),
]
NameFilter = Annotated[str | None, typer.Option("--name", help="Only objects with this name.")]
StatusFilter = Annotated[
    str | None, typer.Option("--status", help="Only objects with this status.")
]
NewName = Annotated[str | None, typer.Option("--name", help="New name.")]
MetadataPairs = Annotated[
    list[str] | None,
    typer.Option("--metadata", metavar="KEY=VALUE", help="Metadata to set; may be repeated."),
]
MetadataFilter = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata", metavar="KEY=VALUE", help="Only objects with this metadata; may be repeated."
    ),
]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Maximum number of objects to list. Default: all.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
NonInteractive = Annotated[
    bool,
    typer.Option(
        "--non-interactive", help="Fail with exit code 4 instead of asking for confirmation."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check it and show the result, without changing anything.")
]
WRITES = frozenset(
    {
        "add",
        "update",
        "rm",
        "restore",
        "revoke",
        "issue",
        "renew",
        "suspend",
        "resume",
        "detach",
        "upload",
        "replace",
        "override",
        "join",
        "leave",
        "purge-cache",
    }
)
"""Verbs that can be tried by `--dry-run`."""


class Cli:
    """One running command."""

    def __init__(self, api: Client, printer: Printer) -> None:

        self.api = api
        self.printer = printer

    def confirm(self, what: str, *, yes: bool, non_interactive: bool) -> None:
        """Ask before `what`, which names the object, is done; exit 4 when nobody can answer."""
        if yes or self.api.dry_run:
            return
        if non_interactive or not sys.stdin.isatty():
            self.fail(NEEDS_INPUT, "confirmation_needed", f"{what}? Pass `--yes` to confirm.")
        sys.stderr.write(f"{what}? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            self.fail(NEEDS_INPUT, "not_confirmed", "Not confirmed. Nothing was changed.")

    def fail(self, code: int, slug: str, message: str, **more: Any) -> NoReturn:  # noqa: ANN401 - JSON
        """End the command with an exit code and a reason."""
        _tell(self.printer.form, {"code": slug, "detail": message, **more})
        raise typer.Exit(code)


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as the command `name`; its first parameter is the `Cli`.

    The common options are added to those of the function.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function)
        own = list(signature.parameters.values())[1:]
        tries = name in WRITES and "dry_run" not in signature.parameters
        added = _common_options(tries=tries)
        named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]

        @functools.wraps(function)
        def run(**values: Any) -> None:  # noqa: ANN401 - what Typer parsed
            context = values.pop("context")
            form = OutputFormat.JSON if values.pop("as_json") else values["output"]
            del values["output"]
            printer = Printer(
                form, quiet=values.pop("quiet"), clock=lambda: context.obj.connection.clock
            )
            context.obj.dry_run = tries and values.pop("dry_run")
            _reported(printer, lambda: function(Cli(context.obj, printer), **values))
            if context.obj.dry_run:
                printer.say("Dry run: nothing was changed.")

        run.__signature__ = signature.replace(parameters=[*added, *named])  # type: ignore[attr-defined]  # what inspect and Typer read
        run.__annotations__ = {one.name: one.annotation for one in [*added, *named]}
        app.command(name)(run)
        return function

    return register


def _common_options(*, tries: bool) -> list[inspect.Parameter]:
    """Return the parameters that every command has, and with `tries` that of a dry run."""
    common = {
        "context": (typer.Context, inspect.Parameter.empty),
        "as_json": (AsJson, False),
        "output": (Output, OutputFormat.TABLE),
        "quiet": (Quiet, False),
        **({"dry_run": (DryRun, False)} if tries else {}),
    }
    return [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for key, (kind, default) in common.items()
    ]


def _reported(printer: Printer, work: Callable[[], None]) -> None:
    """Run a command's work; say on stderr, or as the one document, what went wrong."""
    try:
        work()
        sys.stdout.flush()
    except ApiError as error:
        _tell(printer.form, error.problem)
        raise typer.Exit(error.exit_code) from None
    except NameplateError as error:
        _tell(printer.form, {"code": error.code, "detail": error.detail})
        raise typer.Exit(failures.exit_code(error)) from None
    except BrokenPipeError:
        # The reader has seen enough. Python's own flush at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None


def _tell(form: OutputFormat, problem: dict[str, Any]) -> None:
    if form is OutputFormat.JSON:
        sys.stdout.write(json.dumps({"error": problem}) + "\n")
        sys.stdout.flush()
    places = [f"  {place['pointer']}: {place['detail']}" for place in problem.get("errors", ())]
    request = f" (request {problem['request_id']})" if problem.get("request_id") else ""
    lines = [f"nameplate: {problem['detail']} [{problem['code']}]{request}", *places]
    typer.echo("\n".join(lines), err=True)


def given(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the fields that were given."""
    return {name: value for name, value in values.items() if value is not None}


def pairs(texts: list[str] | None, option: str) -> dict[str, str] | None:
    """Return KEY=VALUE texts as an object; None when there are none."""
    if not texts:
        return None
    found: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise Invalid("option_malformed", f"`{option}` expects KEY=VALUE.")
        found[key] = value
    return found


def filters(metadata: list[str] | None, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - query values
    """Return the query of a list."""
    tags = pairs(metadata, "--metadata") or {}
    return {**given(**values), **{f"metadata[{key}]": value for key, value in tags.items()}}


def showing(app: typer.Typer, noun: str, plural: str, by: str = "Id or name") -> None:
    """Register `show`; `by` says what the object can be called."""

    def show(cli: Cli, reference: Annotated[str, _argument(noun, plural, by)]) -> None:
        cli.printer.one(cli.api.get(address(plural, reference)))

    show.__doc__ = f"Show {_one(noun)}."
    command(app, "show")(show)


def restoring(app: typer.Typer, noun: str, plural: str, by: str = "Id or name") -> None:
    """Register `restore`, which restores a removed object."""

    def restore(cli: Cli, reference: Annotated[str, _argument(noun, plural, by)]) -> None:
        cli.printer.one(cli.api.send("POST", address(plural, reference, ":restore")))

    restore.__doc__ = f"Restore a removed {noun}."
    command(app, "restore")(restore)


def removing_by_force(app: typer.Typer, noun: str, plural: str, by: str = "Id or name") -> None:
    """Register `rm` of what others may need: `--force` removes it even if it is in use."""

    def remove(
        cli: Cli,
        *,
        reference: Annotated[str, _argument(noun, plural, by)],
        force: Annotated[
            bool, typer.Option("--force", help="Remove it even if it is in use.")
        ] = False,
        yes: Yes = False,
        non_interactive: NonInteractive = False,
    ) -> None:
        _remove(cli, noun, plural, reference, "Remove", force=force, yes=yes, quiet=non_interactive)

    remove.__doc__ = (
        f"Remove {_one(noun)}. Asks for confirmation. `--force` removes it even if it is in use."
    )
    command(app, "rm")(remove)


def _argument(noun: str, plural: str, by: str) -> Any:  # noqa: ANN401 - what Typer makes of it
    help_ = f"{by} of the {noun}."
    metavar = noun.upper().replace(" ", "_")
    return typer.Argument(metavar=metavar, help=help_, autocompletion=names(plural))


def _one(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeio" else f"a {noun}"  # a user


def removing(
    app: typer.Typer, noun: str, plural: str, verb: str = "rm", by: str = "Id or name"
) -> None:
    """Register `rm`, which asks for confirmation and names the object."""
    word = "Revoke" if verb == "revoke" else "Remove"

    def remove(
        cli: Cli,
        *,
        reference: Annotated[str, _argument(noun, plural, by)],
        yes: Yes = False,
        non_interactive: NonInteractive = False,
    ) -> None:
        _remove(cli, noun, plural, reference, word, yes=yes, quiet=non_interactive)

    remove.__doc__ = f"{word} {_one(noun)}. Asks for confirmation."
    command(app, verb)(remove)


def _remove(
    cli: Cli, noun: str, plural: str, reference: str, word: str, *,
    yes: bool, quiet: bool, force: bool = False,
) -> None:  # fmt: skip
    found = cli.api.get(address(plural, reference))
    label = found.get("hostname") or found.get("name") or found.get("common_name") or ""
    cli.confirm(f"{word} {noun} {label} ({found['id']})", yes=yes, non_interactive=quiet)
    suffix = "?force=true" if force else ""
    cli.api.send("DELETE", address(plural, str(found["id"]), suffix))
    if not cli.api.dry_run:
        cli.printer.say(f"{word}d {noun} {label} ({found['id']}).")
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document(
            {"id": found["id"], "object": noun.replace(" ", "_"), "deleted": not cli.api.dry_run}
        )
    elif cli.printer.form is OutputFormat.ID:
        cli.printer.line(str(found["id"]))
