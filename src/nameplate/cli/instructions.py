"""Instructions on a terminal: the sentence, then each field on a line, whatever the kind."""

from collections.abc import Sequence
from typing import Any

from nameplate.cli.output import Printer


def show(printer: Printer, instructions: Sequence[dict[str, Any]]) -> None:
    """Print what to publish."""
    for one in instructions:
        printer.line(one["sentence"])
        for field in one["fields"]:
            printer.line(f"  {field['name'].replace('_', ' ')}: {field['value']}")
