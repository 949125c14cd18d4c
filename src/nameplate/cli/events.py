"""`nameplate event`: what happened, and what happens."""

import json
import shlex
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from nameplate.cli.client import MAX_PER_PAGE
from nameplate.cli.command import Cli, Limit, OrganizationFilter, command, given, showing
from nameplate.cli.output import OutputFormat
from nameplate.cli.waiting import INTERRUPTED, POLL_SECONDS, let_pass, passes
from nameplate.core.errors import NameplateError

app = typer.Typer(help="Read what happened to domains and all other objects.", no_args_is_help=True)
COLUMNS = ("id", "created_at", "type", "hostname", "by", "what")

Types = Annotated[
    str | None,
    typer.Option(
        "--types",
        metavar="TYPES",
        help="Only these types, separated by commas, such as `'domain.*,certificate.failed'`.",
    ),
]
Object = Annotated[
    str | None,
    typer.Option(
        "--object",
        metavar="ID",
        help="Only events about the object with this id; of a domain, with all that belongs to it.",
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="EVENT",
        help="Only events after the one with this id, oldest first; `start` for the oldest that is kept.",
    ),
]
_DEFAULT_NUMBER = 20


@command(app, "list")
def list_(
    cli: Cli,
    *,
    since: Since = None,
    types: Types = None,
    about: Object = None,
    organization: OrganizationFilter = None,
    limit: Limit = _DEFAULT_NUMBER,
) -> None:
    """List events, the newest first. With `--since` the oldest first."""
    query = given(since=since, types=types, object=about, organization=organization)
    found = list(_pages(cli, limit, query))
    if cli.printer.form is OutputFormat.TABLE:
        found = [_row(one) for one in found]
    cli.printer.many(found, COLUMNS, sparse=("hostname",))


def _pages(cli: Cli, limit: int | None, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    left = limit
    while left is None or left > 0:
        size = MAX_PER_PAGE if left is None else min(left, MAX_PER_PAGE)
        page = cli.api.get("/v1/events", limit=size, **query)
        yield from page["data"]
        left = None if left is None else left - len(page["data"])
        if not page["has_more"]:
            return
        query["since" if "since" in query else "before"] = page["next_cursor"]


@command(app, "tail")
def tail(
    cli: Cli,
    *,
    since: Since = None,
    types: Types = None,
    about: Object = None,
    organization: OrganizationFilter = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="End after this many events. Default: never.")
    ] = None,
) -> None:
    """Print events as they happen, until interrupted; with `--json` one object a line.

    Without `--since` it begins now. An API that is away for a time is waited for, and nothing that
    happened meanwhile is missed.
    """
    query = given(types=types, object=about, organization=organization)
    place, left = since or "now", limit
    try:
        while left is None or left > 0:
            page = _next(cli, place, left, query)
            for one in page["data"]:
                _line(cli, one)
            place = page["next_cursor"]
            left = None if left is None else left - len(page["data"])
            if not page["has_more"] and left != 0:
                let_pass(cli, POLL_SECONDS)
    except KeyboardInterrupt:
        again = shlex.join(["nameplate", "event", "tail", "--since", place])
        cli.printer.say(f"Continue with: {again}")
        raise typer.Exit(INTERRUPTED) from None


def _next(cli: Cli, place: str, left: int | None, query: dict[str, Any]) -> dict[str, Any]:
    """Return the next page, as soon as the API answers; one that never did is not waited for."""
    size = MAX_PER_PAGE if left is None else min(left, MAX_PER_PAGE)
    while True:
        try:
            return cli.api.get("/v1/events", since=place, limit=size, **query)
        except NameplateError as error:
            if not (cli.api.has_answered and passes(error)):
                raise
            cli.printer.say(f"{error.detail} Trying again.")
            let_pass(cli, POLL_SECONDS)


def _line(cli: Cli, event: dict[str, Any]) -> None:
    match cli.printer.form:
        case OutputFormat.JSON:
            cli.printer.line(json.dumps(event, ensure_ascii=False))
        case OutputFormat.ID:
            cli.printer.line(event["id"])
        case _:
            row = _row(event)
            subject = row["hostname"] or row["about"]["id"]
            cli.printer.line(
                f"{row['created_at']}  {row['type']:<24}  {subject}  {row['what']}  ({row['by']})"
            )
    cli.printer.flush()


def _row(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event with who caused it and what changed, each in one cell."""
    actor = event["actor"]
    changes = [
        f"{name}={_side(event['before'][name])}→{_side(value)}"
        if name in event["before"]
        else f"{name}={_side(value)}"
        for name, value in event["after"].items()
        if event["before"] or value not in (None, "", False)
    ]
    return event | {"by": actor["name"] or actor["type"], "what": " ".join(changes)}


def _side(value: object) -> str:
    return "-" if value is None else str(value)


showing(app, "event", "events", by="Id")
