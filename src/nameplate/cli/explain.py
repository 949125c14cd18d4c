"""`nameplate explain`: what an error code means and what to do, without a server."""

from dataclasses import asdict
from typing import Annotated

import typer

from nameplate.cli.command import Cli, command
from nameplate.cli.output import OutputFormat

app = typer.Typer()


@command(app, "explain")
def explain(
    cli: Cli,
    code: Annotated[str, typer.Argument(help="Error code, such as `domain_exists`.")],
) -> None:
    """Explain an error code: what it means, what to do, and who acts next."""
    from nameplate.core import error_catalogue

    entry = error_catalogue.explain(code)
    if cli.printer.form is OutputFormat.JSON:
        cli.printer.document({"object": "error_code", "code": code, **asdict(entry)})
        return
    cli.printer.line(entry.title)
    cli.printer.line(f"fix: {entry.fix}")
    cli.printer.line(f"turn: {entry.turn}")
