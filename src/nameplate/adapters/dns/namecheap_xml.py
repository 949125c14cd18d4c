"""Namecheap's XML: hosts as the API writes them, and what its errors mean."""

import xml.etree.ElementTree as ET  # documents with entities are refused below
from collections.abc import Mapping
from dataclasses import dataclass

from nameplate.adapters.changes.answers import ChangeRefused, short
from nameplate.adapters.changes.rows import Row
from nameplate.core import names
from nameplate.core.errors import NameplateError, RateLimited, Refused, Unavailable
from nameplate.core.rdata import canonical
from nameplate.core.rdata.raw import from_raw, raw

_NS = "{http://api.namecheap.com/xml.response}"
_HOSTS = frozenset({"ALIAS", "CNAME", "MX", "NS"})
_CREDENTIAL = ("1010", "1011", "1016", "1017", "1030", "1050")
"""Beginnings of the numbers of errors about user, key, address and permission."""
_NO_ZONE = frozenset({"2016166", "2019166", "2030166", "2030288", "2030280", "3019166"})
_TOO_MANY = "500000"
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
    if node.tag.lower() != f"{_NS}host" or not attributes.keys() >= _NEEDED:
        raise _malformed()
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


def result(body: bytes, element: str) -> ET.Element:
    """Return the CommandResponse, or the named element in it; raise what the answer's errors mean."""
    root = _parsed(body)
    if root.get("Status") != "OK":
        raise _error(root)
    found = root.find(f"{_NS}CommandResponse" + (f"/{_NS}{element}" if element else ""))
    if found is None:
        raise _malformed()
    return found


def texts(node: ET.Element, element: str) -> list[str]:
    """Return the texts of all elements of this name below `node`."""
    return [one.text or "" for one in node.iter(f"{_NS}{element}")]


def attributes(node: ET.Element, element: str) -> list[Mapping[str, str]]:
    """Return the attributes of all elements of this name below `node`."""
    return [one.attrib for one in node.iter(f"{_NS}{element}")]


def _parsed(body: bytes) -> ET.Element:
    try:
        text = body.decode()
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise _malformed()
        root = ET.fromstring(text)  # noqa: S314  # no entities, and bounded by the HTTP client
    except (UnicodeDecodeError, ET.ParseError):
        raise _malformed() from None
    if root.tag != f"{_NS}ApiResponse":
        raise _malformed()
    return root


def _malformed() -> Unavailable:
    return Unavailable("answer_malformed", "Namecheap sent an answer that is not its XML.")


def _error(root: ET.Element) -> NameplateError:
    errors = list(root.iter(f"{_NS}Error"))
    said = short("; ".join(error.text or "" for error in errors))
    numbers = {error.get("Number", "") for error in errors}
    if any(number.startswith(_CREDENTIAL) for number in numbers):
        return Refused("credential_refused", f"Namecheap rejected the credential: {said}")
    if _TOO_MANY in numbers:
        return RateLimited("rate_limited", "Namecheap limits requests. Try again later.")
    if numbers & _NO_ZONE:
        return Refused(
            "zone_missing", f"Namecheap does not manage DNS of this domain for this account: {said}"
        )
    if any(number.startswith(_FAILED) for number in numbers):
        return Unavailable("provider_failed", f"Namecheap failed: {said}")
    return ChangeRefused("change_refused", f"Namecheap rejected the change: {said}")
