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
from nameplate.cli.output import OutputFormat, Printer
from nameplate.core.errors import Invalid, NameplateError

NEEDS_INPUT = 4
PENDING = 6

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document, also on failure.")]
Output = Annotated[OutputFormat, typer.Option("--output", "-o", help="OutputFormat of the data.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No messages, only data.")]

Organization = Annotated[
    str | None, typer.Option("--organization", help="Id or slug; platform tokens must say.")
]
MetadataPairs = Annotated[
    list[str] | None, typer.Option("--metadata", metavar="KEY=VALUE", help="May be repeated.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many; all when not given.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
NonInteractive = Annotated[
    bool, typer.Option("--non-interactive", help="Fail (4) instead of asking.")
]


class Cli:
    """One running command."""

    def __init__(self, api: Client, printer: Printer) -> None:
        """Take the API and what prints."""
        self.api = api
        self.printer = printer

    def confirm(self, what: str, *, yes: bool, non_interactive: bool) -> None:
        """Ask before `what`, which names the object, is done; exit 4 when nobody can answer."""
        if yes:
            return
        if non_interactive or not sys.stdin.isatty():
            self.fail(NEEDS_INPUT, "confirmation_needed", f"{what}? Say so with --yes.")
        sys.stderr.write(f"{what}? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            self.fail(NEEDS_INPUT, "not_confirmed", "Nothing was done.")

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
        common = {
            "context": (typer.Context, inspect.Parameter.empty),
            "as_json": (AsJson, False),
            "output": (Output, OutputFormat.TABLE),
            "quiet": (Quiet, False),
        }
        added = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
            for key, (kind, default) in common.items()
        ]
        named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]

        @functools.wraps(function)
        def run(**values: Any) -> None:  # noqa: ANN401 - what Typer parsed
            context = values.pop("context")
            form = OutputFormat.JSON if values.pop("as_json") else values["output"]
            del values["output"]
            printer = Printer(form, quiet=values.pop("quiet"))
            _reported(printer, lambda: function(Cli(context.obj, printer), **values))

        run.__signature__ = signature.replace(parameters=[*added, *named])  # type: ignore[attr-defined]  # what inspect and Typer read
        run.__annotations__ = {one.name: one.annotation for one in [*added, *named]}
        app.command(name)(run)
        return function

    return register


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
            raise Invalid("option_malformed", f"{option} takes KEY=VALUE.")
        found[key] = value
    return found


def filters(metadata: list[str] | None, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - query values
    """Return the query of a list."""
    tags = pairs(metadata, "--metadata") or {}
    return {**given(**values), **{f"metadata[{key}]": value for key, value in tags.items()}}


def showing(app: typer.Typer, noun: str, plural: str) -> None:
    """Register `show`."""

    @command(app, "show")
    def show(cli: Cli, reference: Annotated[str, typer.Argument(metavar=noun.upper())]) -> None:
        """Show one, by id or name."""
        cli.printer.one(cli.api.get(address(plural, reference)))


def restoring(app: typer.Typer, plural: str) -> None:
    """Register `restore`, which brings a removed one back."""

    @command(app, "restore")
    def restore(cli: Cli, reference: str) -> None:
        """Bring a removed one back, by its id or name."""
        cli.printer.one(cli.api.send("POST", address(plural, reference, ":restore")))


def removing_by_force(app: typer.Typer, noun: str, plural: str) -> None:
    """Register `rm` of what others may need: `--force` removes it all the same."""

    @command(app, "rm")
    def remove(
        cli: Cli,
        *,
        reference: Annotated[str, typer.Argument(metavar=noun.upper())],
        force: Annotated[bool, typer.Option("--force", help="Even though it is in use.")] = False,
        yes: Yes = False,
        non_interactive: NonInteractive = False,
    ) -> None:
        """Remove one, by id or name; asks first. What is in use is refused without --force."""
        _remove(cli, noun, plural, reference, "rm", force=force, yes=yes, quiet=non_interactive)


def removing(app: typer.Typer, noun: str, plural: str, verb: str = "rm") -> None:
    """Register `rm`, which asks first and names what it is about."""

    @command(app, verb)
    def remove(
        cli: Cli,
        *,
        reference: Annotated[str, typer.Argument(metavar=noun.upper())],
        yes: Yes = False,
        non_interactive: NonInteractive = False,
    ) -> None:
        """Remove one, by id or name; asks first."""
        _remove(cli, noun, plural, reference, verb, yes=yes, quiet=non_interactive)


def _remove(
    cli: Cli, noun: str, plural: str, reference: str, verb: str, *,
    yes: bool, quiet: bool, force: bool = False,
) -> None:  # fmt: skip
    found = cli.api.get(address(plural, reference))
    label = found.get("hostname") or found.get("name") or found.get("common_name") or ""
    word = "Revoke" if verb == "revoke" else "Remove"
    cli.confirm(f"{word} {noun} {label} ({found['id']})", yes=yes, non_interactive=quiet)
    suffix = "?force=true" if force else ""
    cli.api.send("DELETE", address(plural, str(found["id"]), suffix))
    cli.printer.say(f"{word}d {noun} {label} ({found['id']}).")
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document({"id": found["id"], "object": noun, "deleted": True})
    elif cli.printer.form is OutputFormat.ID:
        cli.printer.line(str(found["id"]))
