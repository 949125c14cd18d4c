"""Zones as files: BIND master files, CSV, JSON and octoDNS YAML, read and written alike.

Every reader returns record sets in canonical form, or raises `Invalid` with one problem for each
wrong line. Writing what was read gives the same record sets again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nameplate.core.errors import Invalid
from nameplate.core.formats import bind, octodns, tables
from nameplate.core.formats.entries import ReadingBudget
from nameplate.core.records import RRset

MAX_BYTES = 32 * 1024 * 1024
"""Characters of a file that are read; a hundred thousand records need a quarter of it."""


@dataclass(frozen=True, slots=True)
class Format:
    """One file format."""

    read: Callable[[str, str, ReadingBudget], list[RRset]]
    """Text and zone (canonical) to record sets, within what reading may take."""
    write: Callable[[Sequence[RRset], str], str]
    """Record sets and zone to text."""


FORMATS: Mapping[str, Format] = {
    "bind": Format(bind.read, bind.write),
    "csv": Format(tables.read_csv, tables.write_csv),
    "json": Format(tables.read_json, tables.write_json),
    "octodns": Format(octodns.read, octodns.write),
}


def read(name: str, text: str, zone: str, clock: Callable[[], float] | None = None) -> list[RRset]:
    """Return the record sets of a file in the format `name`. Raises `Invalid`.

    With a `clock` (seconds, monotonic) reading ends after `entries.MAX_SECONDS`.
    """
    if len(text) > MAX_BYTES:
        raise Invalid(
            "file_too_large", f"The zone file is too large. Use at most {MAX_BYTES} characters."
        )
    return _format(name).read(text, zone, ReadingBudget(clock))


def write(name: str, rrsets: Sequence[RRset], zone: str) -> str:
    """Return a file in the format `name`. Raises `Invalid` when there is no such format."""
    return _format(name).write(rrsets, zone)


def _format(name: str) -> Format:
    if name not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        raise Invalid("format_unknown", f"Unknown format {name}. Expected one of {known}.")
    return FORMATS[name]
