"""Instructions on a terminal: the sentence, then each field on a line, whatever the kind."""

from collections.abc import Sequence
from typing import Any

from nameplate.cli.output import Printer


def show(
    printer: Printer, instructions: Sequence[dict[str, Any]], *, everything: bool = False
) -> None:
    """Print what is still to be published; of the rest only that it is done, unless `everything`."""
    for one in instructions:
        printer.line(one["sentence"])
        for field in one["fields"] if everything or not one["done"] else ():
            printer.line(f"  {field['name'].replace('_', ' ')}: {field['value']}")
