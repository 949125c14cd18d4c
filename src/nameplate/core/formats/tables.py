"""CSV (RFC 4180): one row for each record, as we write it and as the panels of DNS hosts do."""

import csv
import re
from collections.abc import Iterator, Sequence

from nameplate.core.errors import Invalid, Problem
from nameplate.core.formats.entries import (
    Entries,
    Reading,
    ReadingBudget,
    flat,
    invalid,
    written_name,
)
from nameplate.core.provider_limits import AUTOMATIC_TTL
from nameplate.core.records import RRset

COLUMNS = ("name", "type", "ttl", "value", "proxied")
_NUMBERS = ("priority", "weight", "port")
_OTHER_NAMES = {
    "host": "name",
    "hostname": "name",
    "content": "value",
    "data": "value",
    "preference": "priority",
    "prio": "priority",
    "mx priority": "priority",
    "proxy": "proxied",
    "proxy status": "proxied",
}
"""What panels call the columns."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet compute: such cells are written behind an apostrophe."""
_GUARDED = (*_FORMULA, "'")
_SPOKEN = re.compile(r"(\d{1,9}) ?(s|m|h|d|w)[a-z]*\.?", re.IGNORECASE)
_UNITS = ("s", "sec", "second", "m", "min", "minute", "h", "hr", "hour", "d", "day", "w", "week")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AUTOMATIC = frozenset({"auto", "automatic"})
_PROXIED = {
    **dict.fromkeys(("true", "1", "yes", "proxied"), True),
    **dict.fromkeys(("", "false", "0", "no", "dns only"), False),
}
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_MAX_CELL = 300_000
"""Characters: a text of 65,535 octets, each of which may take four."""


class _RowBuffer(list[str]):
    """What the writer writes to."""

    def write(self, line: str) -> int:
        self.append(line)
        return len(line)


def read(text: str, zone: str, budget: ReadingBudget) -> Reading:
    """Return what a table with a heading says. Raises `Invalid` when its heading is wrong."""
    entries = Entries(zone, budget)
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL))
    length = 0

    def lines() -> Iterator[str]:
        nonlocal length
        for found in _LINE.finditer(text):
            length += found.end() - found.start()
            budget.line(f"line {line}", length)
            yield found[0]

    rows = csv.reader(lines(), strict=True)
    line = 1
    try:
        columns = _columns(next(rows, []), entries)
        line = rows.line_num + 1
        for cells in rows:
            place, line, length = f"line {line}", rows.line_num + 1, 0
            if cells:
                _read_row(entries, place, columns, cells)
    except csv.Error as error:
        # Where a quote is not closed, what follows may be anything.
        detail = f"The table cannot be read: {error}."
        place = f"line {line}"
        raise invalid([Problem(place, "syntax", detail)]) from None
    return entries.reading()


def _columns(heading: Sequence[str], entries: Entries) -> list[str]:
    """Return our names of the columns. Raises `Invalid`."""
    given = [cell.strip().lower() for cell in heading]
    columns = [_OTHER_NAMES.get(name, name) for name in given]
    missing = {"name", "type", "value"} - set(columns)
    if missing:
        raise Invalid(
            "columns_missing",
            f"The heading lacks {', '.join(sorted(missing))}. Expected columns: "
            f"{', '.join(COLUMNS)}.",
        )
    known = {*COLUMNS, *_NUMBERS}
    twice = sorted({name for name in columns if name in known and columns.count(name) > 1})
    if twice:
        detail = f"The heading has several columns for {', '.join(twice)}. Keep one."
        raise invalid([Problem("line 1", "key_twice", detail)])
    for name in columns:
        if name not in known and name:
            entries.note(f"The column {name[:80]} was left out", "line 1")
    return columns


def _read_row(entries: Entries, place: str, columns: Sequence[str], cells: Sequence[str]) -> None:
    if len(cells) != len(columns):
        detail = f"The row has {len(cells)} cells, and the heading {len(columns)}."
        entries.refuse(place, "shape", detail)
        return
    row = {name: _plain(cell) for name, cell in zip(columns, cells, strict=True)}
    proxied = _PROXIED.get(row.get("proxied", "").strip().lower())
    if proxied is None:
        detail = f"Expected true or false in `proxied`, not {row['proxied'][:80]}."
        entries.refuse(f"{place}/proxied", "value_shape", detail)
        return
    rdtype = row["type"].strip().upper()
    if not row["value"].strip():
        entries.refuse(f"{place}/value", "value_required", "The value is empty.")
        return
    entries.add(
        place,
        row["name"],
        rdtype,
        _ttl(row.get("ttl", "")),
        row["value"],
        proxied=proxied,
        numbers={name: _number(cell) for name in _NUMBERS if (cell := row.get(name, "").strip())},
    )


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_GUARDED) else cell


def _number(cell: str) -> object:
    return int(cell) if cell.isascii() and cell.isdigit() and len(cell) < 12 else cell  # noqa: PLR2004 - digits of 2^31


def _ttl(cell: str) -> object:
    """Return seconds from `300`, `1 Hour` or `Auto`; what cannot be read comes back as it is."""
    word = cell.strip().lower()
    if not word:
        return None
    if word in _AUTOMATIC:
        return AUTOMATIC_TTL
    found = _SPOKEN.fullmatch(word)
    unit = word.rstrip(".").lstrip("0123456789 ").removesuffix("s") or "s"
    if found and unit in _UNITS:
        return int(found[1]) * _SECONDS[found[2]]
    return _number(word)


def write(rrsets: Sequence[RRset], zone: str) -> str:
    """Return a table with a heading, safe to open in a spreadsheet."""
    lines = _RowBuffer()
    rows = csv.writer(lines, lineterminator="\n")
    rows.writerow(COLUMNS)
    for rrset, value in flat(sorted(rrsets)):
        cells = [written_name(rrset.name, zone), rrset.type, str(rrset.ttl), value]
        safe = [f"'{cell}" if cell.startswith(_GUARDED) else cell for cell in cells]
        rows.writerow([*safe, str(rrset.proxied).lower()])
    return "".join(lines)
