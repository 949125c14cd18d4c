"""Data on stdout in the form that was asked for; everything else on stderr."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from nameplate.cli import moments, terminal


class OutputFormat(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    ID = "id"


class Printer:
    """Prints for one command."""

    def __init__(
        self,
        form: OutputFormat,
        *,
        quiet: bool,
        clock: Callable[[], moments.Clock | None] = lambda: None,
    ) -> None:
        """Print in this form; `clock` returns what times are shown relative to, if anything."""
        self.form = form
        self._quiet = quiet
        self._clock = clock

    @property
    def is_quiet(self) -> bool:
        """Whether only data is printed."""
        return self._quiet

    def say(self, message: str) -> None:
        """Tell the person something, on stderr."""
        if not self._quiet:
            sys.stderr.write(printable(message) + "\n")

    def document(self, data: object) -> None:
        """Print one JSON document."""
        sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def one(self, item: Mapping[str, Any], skip: Sequence[str] = ()) -> None:
        """Print one object."""
        if self.form is OutputFormat.JSON:
            self.document(item)
        elif self.form is OutputFormat.ID:
            self.line(str(item.get("id", "")))
        else:
            hidden = {"object", "links", *skip}
            shown = [(k, v) for k, v in item.items() if k not in hidden and v not in (None, {}, [])]
            width = max((len(name) for name, _ in shown), default=0)
            for name, value in shown:
                self.line(f"{name:<{width}}  {self._cell(name, value, whole=True)}")

    def many(
        self,
        items: Iterable[Mapping[str, Any]],
        columns: Sequence[str],
        sparse: Sequence[str] = (),
    ) -> None:
        """Print a list; of the `sparse` columns those in which there is anything."""
        if self.form is OutputFormat.JSON:
            self.document({"object": "list", "data": list(items)})
        elif self.form is OutputFormat.ID:
            for item in items:
                self.line(str(item["id"]))
        else:
            rows = list(items)
            shown = [
                column
                for column in columns
                if column not in sparse or any(item.get(column) is not None for item in rows)
            ]
            self.table(
                [[self._cell(column, item.get(column)) for column in shown] for item in rows], shown
            )

    def table(self, rows: Sequence[Sequence[str]], columns: Sequence[str]) -> None:
        """Print rows in aligned columns, the heading bold where there is a terminal."""
        if not rows:
            self.say("Nothing to show.")
            return
        lines = [[column.upper().replace("_", " ") for column in columns], *rows]
        widths = [
            max(terminal.cells(line[place]) for line in lines) for place in range(len(columns))
        ]
        for number, line in enumerate(lines):
            cells = map(terminal.padded, line, widths)
            text = printable("  ".join(cells).rstrip())
            sys.stdout.write(
                f"\x1b[1m{text}\x1b[0m\n" if number == 0 and coloured() else f"{text}\n"
            )
        sys.stdout.flush()

    def moment(self, text: object, *, whole: bool = False) -> str:
        """Return a time relative to now, `whole` with the time itself; anything else as it is."""
        found, clock = moments.read(text), self._clock()
        if found is None:
            return _text(text)
        if clock is None:
            return moments.absolute(found)
        told = moments.relative(found, clock())
        return f"{moments.absolute(found)} ({told})" if whole else told

    def upcoming(self, text: object) -> str:
        """Return in how long a time is, or that it is now."""
        found, clock = moments.read(text), self._clock()
        return "now" if found and clock and found <= clock() else self.moment(text)

    def _cell(self, name: str, value: object, *, whole: bool = False) -> str:
        return self.moment(value, whole=whole) if moments.is_named(name) else _text(value)

    def line(self, text: str) -> None:
        """Print one line of data."""
        sys.stdout.write(printable(text) + "\n")

    def flush(self) -> None:
        """Have what was printed seen at once, by a pipe too."""
        sys.stdout.flush()

    def paint(self, text: str, colour: str) -> None:
        """Print one line of data in a colour (SGR number), plain without one."""
        shown = printable(text)
        sys.stdout.write(f"\x1b[{colour}m{shown}\x1b[0m\n" if colour else f"{shown}\n")


def coloured() -> bool:
    """Tell whether stdout may have colours (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def printable(text: str) -> str:
    """Return `text` with everything escaped that could move the cursor or hide."""
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in text
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value.replace("\n", "\\n")
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        return ", ".join(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
