"""One record as it must be typed at one DNS host: the only place that words such instructions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nameplate.core.dns_hosts.host import Apex, ApexAlias, DnsHost, HostField

_PROXIED = frozenset({"A", "AAAA", "CNAME"})
_TARGETS = frozenset({"ALIAS", "ANAME", "CNAME", "MX", "NS", "PTR", "SRV"})
_APEX = {
    Apex.AT: ("@", ""),
    Apex.EMPTY: ("", "Leave the field for the name empty."),
    None: ("@", "Some panels want @ for the zone itself, others an empty field."),
}
"""What to type for the zone's own name, and what is to be said about it."""
_GENERAL = (
    "Sign in where the DNS of the zone is managed: the registrar, unless it was moved elsewhere.",
    "Open the domain's DNS settings and add each record.",
)


class Purpose(StrEnum):
    """What a record is for."""

    OWNERSHIP = "ownership"
    """It proves who controls the name; it must stay as long as the domain is used."""
    DELEGATION = "delegation"
    """It leads the Internet to the zone's name servers."""
    ROUTING = "routing"
    """It leads visitors to the platform."""
    RECORD = "record"
    """The domain's owner wants it."""


@dataclass(frozen=True, slots=True)
class RecordToPublish:
    """A record that the owner must publish, whichever the host."""

    purpose: Purpose
    type: str
    name: str
    """Absolute, canonical, without final dot."""
    value: str
    """TXT: its plain text. A name without final dot, but after other words with its own form."""
    ttl: int


@dataclass(frozen=True, slots=True)
class TypedRecord:
    """A record as a person types it."""

    purpose: Purpose
    type: str
    name: str
    """The whole name, for comparing."""
    host: str
    """What to type in the field for the name; may be empty."""
    value: str
    ttl: int
    """Seconds."""
    remarks: tuple[str, ...]


def steps(host: DnsHost | None) -> tuple[str, ...]:
    """Return how to get to the place where records are entered."""
    return host.steps if host is not None and host.steps else _GENERAL


def entries(
    host: DnsHost | None,
    zone: str,
    wanted: Iterable[RecordToPublish],
    addresses: Sequence[str] = (),
) -> tuple[TypedRecord, ...]:
    """Return each record as it must be typed at `host` for `zone` (canonical).

    `addresses` are those of the target that a CNAME at the apex names: where the host has nothing
    better they are entered instead of it.
    """
    return tuple(
        _entry(host, zone, one, remarks)
        for record in wanted
        for one, remarks in _possible(host, zone, record, addresses)
    )


def _possible(
    host: DnsHost | None, zone: str, record: RecordToPublish, addresses: Sequence[str]
) -> list[tuple[RecordToPublish, list[str]]]:
    """Return the record, or what stands for a CNAME where none can be (RFC 1034 section 3.6.2)."""
    if record.type != "CNAME" or record.name != zone:
        return [(record, [])]
    alias = host.apex_alias if host is not None else None
    if alias is ApexAlias.FLATTENING:
        return [(record, ["Here a CNAME may stand at the zone's own name."])]
    if alias in {ApexAlias.ALIAS, ApexAlias.ANAME}:
        instead = f"A CNAME cannot stand at {zone} itself: choose the type {alias}."
        return [(_as(record, alias.value, record.value), [instead])]
    if not addresses:
        missing = (
            f"A CNAME cannot stand at {zone} itself, and {record.value} has no address yet: "
            "use ALIAS or ANAME where the panel has them, or a name below it such as www."
        )
        return [(record, [missing])]
    told = (
        f"A CNAME cannot stand at {zone} itself. These are the addresses of {record.value} now; "
        "when they change, so must this record."
    )
    if alias is None:
        told += " If the panel has ALIAS or ANAME, use that instead."
    return [
        (_as(record, "AAAA" if ":" in address else "A", address), [told]) for address in addresses
    ]


def _as(record: RecordToPublish, rdtype: str, value: str) -> RecordToPublish:
    return RecordToPublish(record.purpose, rdtype, record.name, value, record.ttl)


def _entry(
    host: DnsHost | None, zone: str, record: RecordToPublish, remarks: list[str]
) -> TypedRecord:
    field, about_name = _host_field(host, zone, record.name)
    value, about_value = _value(host, record)
    proxy = host.proxy_off if host is not None and record.type in _PROXIED else None
    found = [*remarks, about_name, about_value, proxy]
    return TypedRecord(
        purpose=record.purpose,
        type=record.type,
        name=record.name,
        host=field,
        value=value,
        ttl=record.ttl,
        remarks=tuple(remark for remark in found if remark),
    )


def _host_field(host: DnsHost | None, zone: str, name: str) -> tuple[str, str]:
    """Return what to type for the name, and what is to be said about it."""
    wants = host.host_field if host is not None else None
    apex = host.apex if host is not None else None
    if wants is HostField.ABSOLUTE:
        return name, ""
    if name == zone:
        return _APEX[apex] if apex is not Apex.NAME else (zone, "")
    relative = name.removesuffix(f".{zone}")
    if wants is HostField.RELATIVE:
        return relative, f"The panel appends .{zone} by itself: do not enter it."
    return relative, (
        f"Most panels append .{zone} by themselves. If this one does not, enter {name}."
    )


def _value(host: DnsHost | None, record: RecordToPublish) -> tuple[str, str]:
    """Return what to type for the value, and what is to be said about it."""
    if record.type == "TXT":
        return record.value, "Enter the text without quotation marks."
    if record.type not in _TARGETS:
        return record.value, ""
    bare = record.value.removesuffix(".")
    if host is not None and host.target_dot:
        return f"{bare}.", "The final dot belongs to the value."
    return bare, ""
