"""`nameplate db seed`: sample data to look at, or many rows to measure with."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nameplate.cli.command import AsJson
from nameplate.cli.failures import reported
from nameplate.cli.local import Local, Url, local
from nameplate.cli.output import OutputFormat, Printer

if TYPE_CHECKING:
    from nameplate.seeding.load import Progress

_LINE_SECONDS = 5
"""How often progress is told where there is no terminal."""

Organizations = Annotated[
    int | None, typer.Option(min=1, help="Bulk load: number of organizations. Default: 10.")
]
Domains = Annotated[
    int | None, typer.Option(min=1, help="Bulk load: number of domains. Default: 1000.")
]
Records = Annotated[
    int | None, typer.Option(min=0, help="Bulk load: number of records per domain. Default: 10.")
]
Seed = Annotated[
    int, typer.Option(help="Bulk load: random seed. The same seed and day give the same rows.")
]
Day = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"], help="Bulk load: reference day for times (UTC). Default: today."
    ),
]


def seed(
    *,
    organizations: Organizations = None,
    domains: Domains = None,
    records_per_domain: Records = None,
    random_seed: Seed = 1,
    day: Day = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Fill an empty database with sample data, or with many rows for measurements.

    Without numbers, it adds two organizations and a child with every status, type and method.
    Repeating the command changes nothing. Exit code 5 when the database has other rows.
    """
    with reported(as_json=as_json):
        here = local()
        if organizations is domains is records_per_domain is None:
            from nameplate.seeding import load

            with here.sessions(url) as sessions:
                counts, made = load.world(sessions, here.keyring(), here.clock())
                shown = load.claims(sessions)
        else:
            midnight = here.clock().replace(hour=0, minute=0, second=0, microsecond=0)
            begun = day.replace(tzinfo=UTC) if day else midnight
            records = 10 if records_per_domain is None else records_per_domain
            numbers = (organizations or 10, domains or 1000, records)
            counts, made = _bulk(here, url, numbers, random_seed, begun), True
            shown = []
    _show(counts, shown, made=made, as_json=as_json)


def _bulk(
    here: Local, url: str | None, numbers: tuple[int, int, int], random_seed: int, begun: datetime
) -> dict[str, int]:
    from nameplate.seeding import load
    from nameplate.seeding.rows import Size

    with here.sessions(url) as sessions, progress_shown() as progress:
        return load.load(sessions, Size(*numbers), seed=random_seed, at=begun, progress=progress)


@contextmanager
def progress_shown() -> Iterator["Progress"]:
    """Yield what shows progress on stderr: bars on a terminal, else a line every few seconds."""
    if not sys.stderr.isatty():
        yield _PlainProgress().tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        yield tell


class _PlainProgress:
    """Progress in plain lines: each step when it ends, and a long one every few seconds."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def tell(self, what: str, done: int, total: int) -> None:
        if done < total and time.monotonic() - self._told < _LINE_SECONDS:
            return
        self._told = time.monotonic()
        sys.stderr.write(f"{what}: {done:,} of {total:,}\n")


def _show(
    counts: Mapping[str, int], domains: Sequence[Mapping[str, str]], *, made: bool, as_json: bool
) -> None:
    """Print how many rows each table has, and the domains of a small world."""
    printer = Printer(OutputFormat.JSON if as_json else OutputFormat.TABLE, quiet=False)
    if as_json:
        printer.document({"made": made, "rows": dict(counts), "domains": list(domains)})
        return
    if not made:
        printer.say("The sample data already exists. Nothing was changed.")
    printer.table([[name, f"{count:,}"] for name, count in counts.items()], ["table", "rows"])
    if domains:
        sys.stdout.write("\n")
        printer.many(domains, ["organization", "domain", "type", "status"])
