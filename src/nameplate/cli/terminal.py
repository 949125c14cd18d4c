"""How much fits on the terminal, and text cut into lines that do."""

import os
import shutil
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import TextIO

NARROWEST = 20
"""Columns that are written to at least, however narrow the terminal is."""
_WIDE = frozenset("WF")


def size(stream: TextIO) -> tuple[int, int]:
    """Return columns and lines of the terminal that `stream` is, or 80 and 24."""
    try:
        found = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        found = shutil.get_terminal_size()
    columns = int(os.environ.get("COLUMNS") or 0) if _is_number("COLUMNS") else 0
    return max(columns or found.columns or 80, NARROWEST), max(found.lines or 24, 4)


def width(stream: TextIO) -> int | None:
    """Return the columns that a line on `stream` may have; None: as many as it takes."""
    return size(stream)[0] if stream.isatty() else None


def cells(text: str) -> int:
    """Return how many columns a text takes: letters of East Asia take two, accents none."""
    return sum(
        0
        if unicodedata.combining(char)
        else 2
        if unicodedata.east_asian_width(char) in _WIDE
        else 1
        for char in text
    )


def padded(text: str, columns: int) -> str:
    """Return a text filled up to so many columns."""
    return text + " " * max(0, columns - cells(text))


def wrapped(text: str, columns: int, *, first: str = "", rest: str = "") -> Sequence[str]:
    """Return a text as lines of at most `columns`, with what the first and the others begin with."""
    room = columns if cells(text) == len(text) else columns // 2
    return textwrap.wrap(
        text,
        max(room, len(rest) + 8),
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def _is_number(variable: str) -> bool:
    return os.environ.get(variable, "").isdigit()
