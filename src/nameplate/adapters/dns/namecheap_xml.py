"""Namecheap's XML: hosts as the API writes them, and what its errors mean."""

import xml.etree.ElementTree as ET  # for annotations
from collections.abc import Mapping
from dataclasses import dataclass

from nameplate.adapters.changes.answers import ChangeRefused
from nameplate.adapters.changes.rows import Row
from nameplate.adapters.vendors.namecheap import NS, malformed
from nameplate.core import names
from nameplate.core.errors import NameplateError, Refused, Unavailable
from nameplate.core.rdata import canonical
from nameplate.core.rdata.raw import from_raw, raw

_HOSTS = frozenset({"ALIAS", "CNAME", "MX", "NS"})
_NO_ZONE = frozenset({"2016166", "2019166", "2030166", "2030288", "2030280", "3019166"})
_FAILED = ("3", "4", "5")
"""Beginnings of the numbers of errors inside Namecheap."""
_DEFAULT_PREFERENCE = "10"
_NEEDED = frozenset({"name", "type", "address"})


@dataclass(frozen=True, slots=True)
class HostElement:
    """One `host` of getHosts, as it is written there."""

    name: str
    type: str
    address: str
    preference: str
    ttl: str
    is_active: bool = True

    def row(self, zone: str, number: int) -> Row:
        """Return the record in canonical form; its place in the zone stands for an id."""
        name = zone if self.name == zone else names.absolute(self.name, zone)
        value = canonical(self.type, self._presentation())
        return Row(str(number), name.lower(), self.type, int(self.ttl), value)

    def _presentation(self) -> str:
        if self.type == "TXT":
            return from_raw(self.address)
        if self.type not in _HOSTS:
            return self.address
        host = f"{self.address.removesuffix('.')}."
        return f"{self.preference} {host}" if self.type == "MX" else host


def host(row: Row, zone: str) -> HostElement:
    """Return a record as setHosts takes it."""
    label = names.relative(row.name, zone)
    preference, address = _DEFAULT_PREFERENCE, row.value
    if row.type == "MX":
        preference, address = row.value.split()
    elif row.type == "TXT":
        address = raw(row.value) or ""
    return HostElement(label, row.type, address, preference, str(row.ttl))


@dataclass(frozen=True, slots=True)
class Hosts:
    """The whole zone as getHosts tells it."""

    hosts: tuple[HostElement, ...]
    email_type: str
    """Who handles the zone's mail; setHosts forgets it unless it is sent along."""
    is_here: bool
    """Whether Namecheap's own name servers answer for the domain."""


def hosts(result: ET.Element) -> Hosts:
    """Read the result of getHosts. The API has written `host` and `Host`.

    What is not understood raises Unavailable: setHosts would delete whatever is passed over here.
    """
    return Hosts(
        tuple(map(_host, result)),
        result.get("EmailType", ""),
        result.get("IsUsingOurDNS", "").lower() == "true",
    )


def _host(node: ET.Element) -> HostElement:
    attributes = {name.lower(): value for name, value in node.attrib.items()}
    if node.tag.lower() != f"{NS}host" or not attributes.keys() >= _NEEDED:
        raise malformed()
    return HostElement(
        attributes["name"],
        attributes["type"],
        attributes["address"],
        attributes.get("mxpref", _DEFAULT_PREFERENCE),
        attributes.get("ttl", "1800"),
        attributes.get("isactive", "true").lower() == "true",
    )


def fields(zone: Hosts) -> Mapping[str, str]:
    """Return the parameters of setHosts."""
    sent = {"EmailType": zone.email_type} if zone.email_type else {}
    for number, one in enumerate(zone.hosts, 1):
        sent[f"HostName{number}"] = one.name
        sent[f"RecordType{number}"] = one.type
        sent[f"Address{number}"] = one.address
        sent[f"MXPref{number}"] = one.preference
        sent[f"TTL{number}"] = one.ttl
    return sent


def explain(numbers: frozenset[str], said: str) -> NameplateError:
    """Return what the errors of an answer about DNS mean."""
    if numbers & _NO_ZONE:
        return Refused(
            "zone_missing", f"Namecheap does not manage DNS of this domain for this account: {said}"
        )
    if any(number.startswith(_FAILED) for number in numbers):
        return Unavailable("provider_failed", f"Namecheap failed: {said}")
    return ChangeRefused("change_refused", f"Namecheap rejected the change: {said}")
