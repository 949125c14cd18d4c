"""What to publish, on a terminal: records in one table, anything else as its sentence and fields."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nameplate.cli import terminal
from nameplate.cli.output import Printer

COLUMNS = ("type", "host", "value")
_LABEL = 7
"""Columns of a label beside its value."""

Row = tuple[str, str, str]


def show(
    printer: Printer, instructions: Sequence[Mapping[str, Any]], *, everything: bool = False
) -> None:
    """Print what is still to be published, each thing once; of the rest that it is done.

    With `everything` the rest is printed as well.
    """
    left = [one for one in instructions if everything or not one["done"]]
    rows = [row for one in left for row in _rows(one)]
    if rows:
        _show_rows(printer, rows)
    for note in dict.fromkeys(_notes(left)):
        printer.line("")
        for line in terminal.wrapped(note, terminal.width(sys.stdout) or len(note) + 1):
            printer.line(line)
    others = [one for one in instructions if one["done"] or not any(_rows(one))]
    for number, one in enumerate(others):
        if rows or number:
            printer.line("")
        printer.line(one["sentence"])
        is_told = any(_rows(one)) or (one["done"] and not everything)
        for field in () if is_told else one["fields"]:
            printer.line(f"  {field['name'].replace('_', ' ')}: {field['value']}")


def _rows(one: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the records of an instruction; nothing for a file, a tag or anything else."""
    if one["kind"] == "dns_record":
        yield one["type"], one["name"], one["value"]
    elif one["kind"] == "name_servers":
        yield from (("NS", one["name"], value) for value in one["values"])


def _show_rows(printer: Printer, rows: Sequence[Row]) -> None:
    """Print a table, or where that is wider than the terminal the same row by row."""
    widest = [max(terminal.cells(row[place]) for row in rows) for place in range(len(COLUMNS))]
    columns = terminal.width(sys.stdout)
    if columns is None or sum(widest) + 2 * (len(COLUMNS) - 1) <= columns:
        printer.table(rows, COLUMNS)
        return
    for number, row in enumerate(rows):
        if number:
            printer.line("")
        for name, value in zip(COLUMNS, row, strict=True):
            printer.line(f"{name.upper():<{_LABEL}}{value}")


def _notes(instructions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what a person must know about the table."""
    proofs = [one for one in instructions if one["purpose"] == "ownership" and not one["done"]]
    if len(proofs) > 1:
        yield f"To prove ownership one of {len(proofs)} ways is enough."
    short = [one for one in instructions if one["kind"] == "dns_record" and one["relative_name"]]
    for one in short:
        yield (
            f"If your DNS host appends {one['zone']} to names, enter the host "
            f"{one['relative_name']} instead of {one['name']}."
        )
    for one in instructions:
        if one["kind"] == "name_servers" or one["purpose"] == "challenge":
            yield one["sentence"]
