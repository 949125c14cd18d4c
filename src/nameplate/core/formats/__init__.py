"""Zones as files: BIND master files, CSV, JSON and octoDNS YAML, read and written alike.

Every reader returns whole record sets in canonical form, and says of what it cannot read where it
stands. Writing what was read gives the same record sets again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nameplate.core.errors import Invalid
from nameplate.core.formats import bind, documents, octodns, tables
from nameplate.core.formats.entries import Reading, ReadingBudget, invalid
from nameplate.core.records import RRset

__all__ = ["FORMATS", "MAX_BYTES", "Format", "Reading", "invalid", "read", "survey", "write"]

MAX_BYTES = 16 * 1024 * 1024
"""Characters of a file that are read; a hundred thousand records need a half of it."""


@dataclass(frozen=True, slots=True)
class Format:
    """One file format."""

    read: Callable[[str, str, ReadingBudget], Reading]
    """Text and zone (canonical) to what the file says, within what reading may take."""
    write: Callable[[Sequence[RRset], str], str]
    """Record sets and zone to text."""


FORMATS: Mapping[str, Format] = {
    "bind": Format(bind.read, bind.write),
    "csv": Format(tables.read, tables.write),
    "json": Format(documents.read, documents.write),
    "octodns": Format(octodns.read, octodns.write),
}


def survey(name: str, text: str, zone: str, clock: Callable[[], float] | None = None) -> Reading:
    """Return what a file in the format `name` says, and what of it could not be had.

    Raises `Invalid` when the file as a whole cannot be understood. With a `clock` (seconds,
    monotonic) reading ends after `entries.MAX_SECONDS`.
    """
    if len(text) > MAX_BYTES:
        raise Invalid(
            "file_too_large", f"The zone file is too large. Use at most {MAX_BYTES} characters."
        )
    return _format(name).read(text.removeprefix("\ufeff"), zone, ReadingBudget(clock))


def read(name: str, text: str, zone: str, clock: Callable[[], float] | None = None) -> list[RRset]:
    """Return the record sets of a file. Raises `Invalid` when anything in it is wrong."""
    return survey(name, text, zone, clock).strict()


def write(name: str, rrsets: Sequence[RRset], zone: str) -> str:
    """Return a file in the format `name`. Raises `Invalid` when there is no such format."""
    return _format(name).write(rrsets, zone)


def _format(name: str) -> Format:
    if name not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        raise Invalid("format_unknown", f"Unknown format {name}. Expected one of {known}.")
    return FORMATS[name]
