"""CSV (RFC 4180) and JSON: one row or object for each record or record set."""

import csv
import json
from collections.abc import Sequence
from typing import Any

from nameplate.core.errors import Invalid
from nameplate.core.formats.entries import MAX_RECORDS, Entries, ReadingBudget, flat
from nameplate.core.names import relative
from nameplate.core.records import RRset

COLUMNS = ("name", "type", "ttl", "value", "proxied")
_MAX_CONTAINERS = 2 * MAX_RECORDS + 1
_MAX_COMMAS = 10 * MAX_RECORDS
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet compute: such cells are written behind an apostrophe."""


class _RowBuffer(list[str]):
    """What the writer writes to."""

    def write(self, line: str) -> int:
        self.append(line)
        return len(line)


def read_csv(text: str, zone: str, budget: ReadingBudget) -> list[RRset]:
    """Return the record sets of a table with a heading. Raises `Invalid` with line and field."""
    entries = Entries(zone, budget)
    rows = csv.DictReader(text.splitlines(keepends=True), strict=True)
    try:
        missing = {"name", "type", "value"} - set(rows.fieldnames or ())
        if missing:
            raise Invalid(
                "columns_missing",
                f"The heading lacks {', '.join(sorted(missing))}. Expected columns: "
                f"{', '.join(COLUMNS)}.",
            )
        for row in rows:
            ttl = _cell(row, "ttl") or "3600"
            entries.add(
                f"line {rows.line_num}",
                _cell(row, "name"),
                _cell(row, "type").upper(),
                int(ttl) if ttl.isascii() and ttl.isdigit() and len(ttl) < 12 else ttl,  # noqa: PLR2004 - digits of 2^31
                _cell(row, "value"),
                proxied=_cell(row, "proxied").lower() in {"true", "1", "yes"},
            )
    except csv.Error as error:
        entries.refuse(f"line {rows.line_num}", "syntax", f"The line cannot be read: {error}.")
    return entries.rrsets()


def _cell(row: dict[str | Any, str | Any], name: str) -> str:
    value = row.get(name) or ""
    return value[1:] if value.startswith("'") and value[1:].startswith(_FORMULA) else value


def write_csv(rrsets: Sequence[RRset], zone: str) -> str:
    """Return a table with a heading, safe to open in a spreadsheet."""
    lines = _RowBuffer()
    rows = csv.writer(lines, lineterminator="\n")
    rows.writerow(COLUMNS)
    for rrset, value in flat(sorted(rrsets)):
        cells = [relative(rrset.name, zone), rrset.type, str(rrset.ttl), value]
        safe = [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]
        rows.writerow([*safe, str(rrset.proxied).lower()])
    return "".join(lines)


def read_json(text: str, zone: str, budget: ReadingBudget) -> list[RRset]:
    """Return the record sets of `[{"name", "type", "ttl", "values"}]`. Raises `Invalid`."""
    if text.count("{") + text.count("[") > _MAX_CONTAINERS or text.count(",") > _MAX_COMMAS:
        raise Invalid("file_too_large", "The file has too many objects. Split the file.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid("file_invalid", f"Not valid JSON: {error}.") from None
    if not isinstance(document, list):
        raise Invalid("file_invalid", "The document must be a list of record sets.")
    entries = Entries(zone, budget)
    for index, item in enumerate(document):
        place = f"/{index}"
        if not isinstance(item, dict) or not isinstance(item.get("values"), list):
            entries.refuse(place, "shape", "Expected a name, a type, a ttl and values.")
            continue
        for number, value in enumerate(item["values"]):
            entries.add(
                f"{place}/values/{number}",
                str(item.get("name", "@")),
                str(item.get("type", "")).upper(),
                item.get("ttl", 3600),
                str(value),
                proxied=item.get("proxied") is True,
            )
    return entries.rrsets()


def write_json(rrsets: Sequence[RRset], zone: str) -> str:
    """Return one object for each record set."""
    document = [
        {
            "name": relative(rrset.name, zone),
            "type": rrset.type,
            "ttl": rrset.ttl,
            "values": list(rrset.values),
            **({"proxied": True} if rrset.proxied else {}),
        }
        for rrset in sorted(rrsets)
    ]
    return json.dumps(document, indent=2) + "\n"
