"""`nameplate record propagation`: which servers answer with a record."""

from typing import Annotated, Any

import typer

from nameplate.cli import waiting
from nameplate.cli.checklist import WaitingStep
from nameplate.cli.client import ApiError, address
from nameplate.cli.command import Cli, command
from nameplate.cli.output import OutputFormat
from nameplate.cli.waiting import Seen, Timeout

_COLUMNS = ("server", "kind", "sees_it", "answer", "ttl_left")
_TELLS = frozenset({"data", "nodata", "nxdomain"})


def register(app: typer.Typer) -> None:
    """Add the command to those of records."""

    @command(app, "propagation")
    def propagation(
        cli: Cli,
        *,
        record: Annotated[str, typer.Argument(help="Id of the record.")],
        check: Annotated[bool, typer.Option("--check", help="Query every server now.")] = False,
        watch: Annotated[
            bool,
            typer.Option(
                "--watch",
                help="Query until all servers answer with it. Exit code 6 when the timeout is reached.",
            ),
        ] = False,
        timeout: Timeout = 600.0,
    ) -> None:
        """Show which servers answer with a record.

        Example: nameplate record propagation rec_1a2b --watch
        """
        if watch:
            _print(cli, _watched(cli, record, timeout))
        elif check:
            _print(cli, cli.api.send("POST", address("records", record, "/propagation:check")))
        else:
            _print(cli, cli.api.get(address("records", record, "/propagation")))


def _watched(cli: Cli, record: str, timeout: float) -> dict[str, Any]:
    def look() -> Seen:
        found = _looked(cli, record)
        steps = [WaitingStep(one["server"], one["seen"], _text(one)) for one in found["answers"]]
        return Seen(found, steps, found["propagated"] and not any(map(_is_old, found["answers"])))

    resume = ["nameplate", "record", "propagation", record, "--watch"]
    return waiting.until(cli, look, timeout=timeout, resume=resume)


def _looked(cli: Cli, record: str) -> dict[str, Any]:
    """Have the servers asked; while the provider does not have the record there is nothing to ask."""
    try:
        return cli.api.send("POST", address("records", record, "/propagation:check"))
    except ApiError as error:
        if error.code != "record_not_published":
            raise
        return cli.api.get(address("records", record, "/propagation"))


def _is_old(answer: dict[str, Any]) -> bool:
    """Tell whether a public resolver has something else; one that does not answer never ends that."""
    return answer["kind"] == "public" and not answer["seen"] and answer["answer"] in _TELLS


def _print(cli: Cli, found: dict[str, Any]) -> None:
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document(found)
        return
    if cli.printer.form is OutputFormat.ID:
        cli.printer.line(found["record"])
        return
    if found["name"] is not None:
        cli.printer.line(f"{found['name']} {found['type']}: {found['message']}")
        cli.printer.table([_row(one) for one in found["answers"]], _COLUMNS)
    else:
        cli.printer.line(found["message"])
    if found["next_check_at"]:
        cli.printer.say(f"Next check: {cli.printer.upcoming(found['next_check_at'])}.")


def _row(one: dict[str, Any]) -> list[str]:
    left = f"{one['ttl_left']} s" if one["answer"] in _TELLS else ""
    return [one["server"], one["kind"], "yes" if one["seen"] else "no", _text(one), left]


def _text(one: dict[str, Any]) -> str:
    return ", ".join(one["values"]) or one["detail"] or one["answer"]
