"""`nameplate edge`: what proxies ask whether a certificate may be obtained."""

from typing import Annotated

import typer

from nameplate.cli.command import Cli, command
from nameplate.cli.output import OutputFormat

app = typer.Typer(help="Look at what proxies ask the edge.", no_args_is_help=True)
COLUMNS = ("suffix", "asked", "last_at")


@app.callback()
def _group() -> None:
    """Look at what proxies ask the edge."""


@command(app, "top")
def top(
    cli: Cli,
    *,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many suffixes at most.")] = 20,
) -> None:
    """Show what the edge refused, and below which suffixes names are made up.

    Requires a platform token.
    """
    found = cli.api.get("/v1/edge/refusals", limit=limit)
    if cli.printer.form is not OutputFormat.TABLE:
        cli.printer.document(found)
        return
    counts = [f"{asked} {outcome}" for outcome, asked in found["outcomes"].items() if asked]
    cli.printer.line(f"Questions: {', '.join(counts) or 'none'}.")
    cli.printer.many(found["suffixes"], COLUMNS)
