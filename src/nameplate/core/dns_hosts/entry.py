"""One record as it must be typed at one DNS host: the only place that words such instructions."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from nameplate.core import names
from nameplate.core.dns_hosts.host import Apex, ApexAlias, DnsHost, HostField

_PROXIED = frozenset({"A", "AAAA", "CNAME"})
_TARGETS = frozenset({"ALIAS", "ANAME", "CNAME", "MX", "NS", "PTR", "SRV"})
_APEX = {
    Apex.AT: ("@", ""),
    Apex.EMPTY: ("", "Leave the field for the name empty."),
    None: ("@", "Some panels expect @ for the zone itself, others an empty field."),
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
    CHALLENGE = "challenge"
    """It lets the platform answer the challenges of certificates; it must stay for their renewals."""
    ROUTING = "routing"
    """It leads visitors to the platform."""
    RECORD = "record"
    """The domain's owner wants it."""
    PRESERVATION = "preservation"
    """It keeps a host as it is for which a wildcard answers until a record below it exists."""


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
    follows: str = ""
    """The host whose addresses of this moment are told, because a CNAME to it cannot stand there."""
    is_published: bool | None = None
    """Every authoritative server answers with it; None: not asked."""


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
    is_published: bool | None = None
    """Every authoritative server answers with it; None: not asked."""


def steps(host: DnsHost | None) -> tuple[str, ...]:
    """Return how to get to the place where records are entered."""
    return host.steps if host is not None and host.steps else _GENERAL


def entries(
    host: DnsHost | None, zone: str, wanted: Iterable[RecordToPublish]
) -> tuple[TypedRecord, ...]:
    """Return each record as it must be typed at `host` for `zone` (canonical)."""
    return tuple(_entry(host, zone, record, _about(host, zone, record)) for record in wanted)


def _about(host: DnsHost | None, zone: str, record: RecordToPublish) -> list[str]:
    """Say why a record is there, or is not the CNAME that one could expect (RFC 1034 section 3.6.2)."""
    if record.purpose is Purpose.PRESERVATION:
        return [
            "Enter this record first. A wildcard answers for this name only until a record below it exists."
        ]
    if record.follows:
        why = f"at {zone} itself" if record.name == zone else "beside other records"
        told = (
            f"A CNAME is not allowed {why}. These are the current addresses of "
            f"{record.follows}. Update this record when they change."
        )
        unsure = record.name == zone and (host is None or host.apex_alias is None)
        also = " If the panel has ALIAS or ANAME, use that instead."
        return [told + also if unsure else told]
    if record.name != zone:
        return []
    if record.type in {"ALIAS", "ANAME"}:
        return [f"A CNAME is not allowed at {zone} itself. Choose the type {record.type}."]
    if record.type == "CNAME":
        return [
            "This DNS host allows a CNAME at the zone's own name."
            if host is not None and host.apex_alias is ApexAlias.FLATTENING
            else f"A CNAME is not allowed at {zone} itself. Use ALIAS or ANAME if the panel has "
            "them, or a name below it such as www."
        ]
    return []


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
        is_published=record.is_published,
    )


def _host_field(host: DnsHost | None, zone: str, name: str) -> tuple[str, str]:
    """Return what to type for the name, and what is to be said about it."""
    wants = host.host_field if host is not None else None
    apex = host.apex if host is not None else None
    if wants is HostField.ABSOLUTE:
        return name, ""
    if name == zone:
        return _APEX[apex] if apex is not Apex.NAME else (zone, "")
    relative = names.relative(name, zone)
    if wants is HostField.RELATIVE:
        return relative, f"The panel appends .{zone} automatically. Do not enter it."
    return relative, (f"Most panels append .{zone} automatically. If yours does not, enter {name}.")


def _value(host: DnsHost | None, record: RecordToPublish) -> tuple[str, str]:
    """Return what to type for the value, and what is to be said about it."""
    if record.type == "TXT":
        return record.value, "Enter the text without quotation marks."
    if record.type not in _TARGETS:
        return record.value, ""
    bare = record.value.removesuffix(".")
    if host is not None and host.target_dot:
        return f"{bare}.", "The final dot is part of the value."
    return bare, ""
