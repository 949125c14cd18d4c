"""`nameplate db`: migrate the database schema, and show its revision."""

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from nameplate.cli import db_setup, seed
from nameplate.cli.failures import reported

app = typer.Typer(help="Migrate the database schema.", no_args_is_help=True)

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="NAMEPLATE_DATABASE_URL",
        show_envvar=True,
        help="URL of the database. Default: the SQLite file in NAMEPLATE_HOME. "
        "Put a password in the variable, not in the command.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.callback()
def db() -> None:
    """Migrate the database schema."""


@app.command()
def upgrade(
    revision: Annotated[
        str, typer.Argument(help="Target: a revision, `head`, or `+N` for N steps.")
    ] = "head",
    *,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Upgrade the database schema, by default to the newest revision.

    Repeating the command changes nothing. Concurrent upgrades wait for each other.
    """
    with reported(as_json=as_json):
        from nameplate.usecases.operations import schema

        at = schema.upgrade(url, revision, tell=_say)
    _stands_at(at, as_json=as_json)


@app.command(context_settings={"ignore_unknown_options": True})
def downgrade(
    revision: Annotated[
        str, typer.Argument(help="Target: a revision, `base`, or `-N` for N steps.")
    ],
    *,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Downgrade the database schema to a revision. `base` removes all tables and their data."""
    with reported(as_json=as_json):
        from nameplate.usecases.operations import schema

        at = schema.downgrade(url, revision=revision, tell=_say)
    _stands_at(at, as_json=as_json)


@app.command()
def current(*, url: Url = None, as_json: AsJson = False) -> None:
    """Print the current revision of the database schema."""
    with reported(as_json=as_json):
        from nameplate.usecases.operations import schema

        at = schema.current(url)
    _stands_at(at, as_json=as_json)


@app.command()
def history(*, as_json: AsJson = False) -> None:
    """Print every revision, newest first. Does not connect to a database."""
    from nameplate.usecases.operations import schema

    steps = schema.history()
    if as_json:
        listed = [{"revision": s.id, "title": s.title, "head": s.is_head} for s in steps]
        _print({"revisions": listed})
        return
    for step in steps:
        sys.stdout.write(f"{step.id}  {step.title}{'  (head)' if step.is_head else ''}\n")


@app.command()
def sql(
    revision: Annotated[str, typer.Argument(help="Target: a revision or `head`.")] = "head",
    *,
    start: Annotated[str, typer.Option("--from", help="Revision to start from.")] = "base",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print the SQL statements of an upgrade. Does not connect to a database."""
    with reported(as_json=as_json):
        from nameplate.usecases.operations import schema

        statements = schema.sql(url, revision, start)
    if as_json:
        _print({"sql": statements})
    else:
        sys.stdout.write(statements)


app.command("seed")(seed.seed)
app.command("setup")(db_setup.setup)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _stands_at(revision: str | None, *, as_json: bool) -> None:
    if as_json:
        _print({"revision": revision})
    else:
        sys.stdout.write(f"{revision or 'base'}\n")


def _print(document: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
