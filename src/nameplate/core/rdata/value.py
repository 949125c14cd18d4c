"""The value of one DNS record, and what a person gave for it."""

from dataclasses import dataclass

from nameplate.core.errors import Invalid, Problem


@dataclass(frozen=True, slots=True)
class Fields:
    """The same record in columns, as forms and providers with separate numbers want it."""

    value: str
    """What remains of the record beside the numbers: the whole rdata for most types."""
    priority: int | None = None
    """MX preference (RFC 5321 section 5.1) or SRV priority (RFC 2782)."""
    weight: int | None = None
    """SRV weight (RFC 2782)."""
    port: int | None = None
    """SRV port (RFC 2782)."""


@dataclass(frozen=True, slots=True)
class Rdata:
    """One valid record value. Two equal `text`s are the same record."""

    type: str
    text: str
    """Canonical presentation form: absolute lower-case names, TXT quoted in strings of <= 255 octets."""
    fields: Fields
    wire_length: int
    """Octets of RDATA on the wire, uncompressed (RFC 1035 section 3.2.1)."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a person gave: the type, the value, and the numbers where they came apart from it."""

    type: str
    value: str
    origin: str
    """Apex of the zone, canonical: what names without a dot are relative to."""
    owner: str = ""
    """Canonical name of the record, empty when not known."""
    priority: int | None = None
    weight: int | None = None
    port: int | None = None


def wrong(pointer: str, code: str, detail: str) -> Invalid:
    """Return the error for one wrong place of a record."""
    return Invalid("record_invalid", detail, [Problem(pointer, code, detail)])


def number(value: object, pointer: str, limit: int = 65535) -> int:
    """Return a whole number of 0 to `limit`; text is read only when it is nothing but digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
        name = pointer.rpartition("/")[2]
        raise wrong(
            pointer, "number_invalid", f"Expected a whole number from 0 to {limit} in `{name}`."
        )
    return value
