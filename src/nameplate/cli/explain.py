"""`nameplate explain`: what an error code means and what to do, without a server."""

from dataclasses import asdict

import typer

from nameplate.cli.command import Cli, command
from nameplate.cli.output import OutputFormat

app = typer.Typer()


@command(app, "explain")
def explain(cli: Cli, code: str) -> None:
    """Say what an error code means, what to do, and whose turn it is."""
    from nameplate.core import error_catalogue

    entry = error_catalogue.explain(code)
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document({"object": "error_code", "code": code, **asdict(entry)})
        return
    cli.printer.line(entry.title)
    cli.printer.line(f"fix: {entry.fix}")
    cli.printer.line(f"turn: {entry.turn}")
