"""Namecheap's XML API: `setHosts` replaces the zone, 405 means wait, errors come with status 200."""

import itertools
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes import schemas
from tests.fakes.server import Answer, Asked, FakeServer

_NS = "http://api.namecheap.com/xml.response"
_TYPES = {"A", "AAAA", "ALIAS", "CAA", "CNAME", "MX", "MXE", "NS", "TXT", "URL", "URL301", "FRAME"}
_COMMANDS = {
    "namecheap.domains.getList": "domains_getList",
    "namecheap.domains.dns.getList": "domains_dns_getList",
    "namecheap.domains.dns.getHosts": "domains_dns_getHosts",
    "namecheap.domains.dns.setHosts": "domains_dns_setHosts",
}
_ERROR = schemas.FOLDER / "lego" / "namecheap" / "getHosts_errorBadAPIKey1.xml"


class Refusal(Exception):
    """An error of the API: number, message."""


class FakeNamecheap(FakeServer):
    """Domains by name: hosts in order, and the EmailType."""

    def __init__(self, *names: str) -> None:
        self._folder = schemas.require("namecheap-official") / "fixtures"
        schemas.require("lego")
        self._ids = itertools.count(877748)
        self.element = "host"
        """How getHosts spells the element of a host; its examples and its servers differ."""
        self.silent = 0
        """How many of the next answers of getHosts come without hosts, whatever the zone has."""
        super().__init__({name: {"hosts": [], "email": "NONE", "is_here": True} for name in names})

    def add(self, zone: str, name: str, rdtype: str, address: str, **more: str) -> None:
        """Create a host as somebody else would."""
        self.state[zone]["hosts"].append(self._host(name, rdtype, address, more))

    def rows(self, zone: str) -> list[dict[str, str]]:
        hosts: list[dict[str, str]] = self.state[zone]["hosts"]
        return hosts

    def is_write(self, asked: Asked) -> bool:
        return b"dns.setHosts" in asked.body

    def failed(self, status: int) -> Answer:
        return Answer(status, b"<html>no</html>", {"content-type": "text/html"})

    def respond(self, asked: Asked) -> Answer:
        form = dict(parse_qsl(asked.body.decode(), keep_blank_values=True))
        assert asked.method == "POST"
        assert "ApiKey" not in asked.query
        try:
            return self._routed(form)
        except Refusal as refusal:
            return self._refused(*refusal.args)

    def _routed(self, form: dict[str, str]) -> Answer:
        if self.is_revoked or form["ApiKey"] != self.credential:
            raise Refusal("1011102", "API Key is invalid or API access has not been enabled")
        command = form["Command"]
        result = ET.Element("CommandResponse", Type=command)
        if command == "namecheap.domains.getList":
            self._domains(result, int(form["Page"]), int(form["PageSize"]))
            return self._answered(command, result)
        name = f"{form['SLD']}.{form['TLD']}"
        if name not in self.state:
            raise Refusal("2019166", f"Domain name not found: {name}")
        if command == "namecheap.domains.dns.getList":
            node = ET.SubElement(
                result, "DomainDNSGetListResult", Domain=name, IsUsingOurDNS="true",
                IsPremiumDNS="false", IsUsingFreeDNS="false",
            )  # fmt: skip
            for server in ("dns1", "dns2"):
                ET.SubElement(node, "Nameserver").text = f"{server}.registrar-servers.com"
        elif command == "namecheap.domains.dns.getHosts":
            zone = self.seen()[name]
            node = ET.SubElement(
                result, "DomainDNSGetHostsResult", Domain=name, EmailType=zone["email"],
                IsUsingOurDNS=str(zone["is_here"]).lower(),
            )  # fmt: skip
            for host in zone["hosts"] if self.silent <= 0 else ():
                ET.SubElement(node, "host", host)
            self.silent -= 1
        else:
            self._set(self.state[name], form)
            node = ET.SubElement(
                result, "DomainDNSSetHostsResult", Domain=name, IsSuccess="true",
                EmailType=self.state[name]["email"],
            )  # fmt: skip
            ET.SubElement(node, "Warnings")
        return self._answered(command, result)

    def _domains(self, result: ET.Element, number: int, size: int) -> None:
        listed = ET.SubElement(result, "DomainGetListResult")
        names = list(self.state)
        for name in self.paged(names, number, size):
            ET.SubElement(
                listed, "Domain", ID=str(next(self._ids)), Name=name, User="user",
                Created="06/02/2021", Expires="06/02/2027", IsExpired="false", IsLocked="false",
                AutoRenew="true", WhoisGuard="ENABLED", IsPremium="false",
                IsOurDNS=str(self.state[name]["is_here"]).lower(),
            )  # fmt: skip
        paging = ET.SubElement(result, "Paging")
        numbers = {"TotalItems": len(names), "CurrentPage": number, "PageSize": size}
        for tag, value in numbers.items():
            ET.SubElement(paging, tag).text = str(value)

    def _set(self, zone: Any, form: dict[str, str]) -> None:
        hosts = []
        for number in itertools.count(1):
            if f"HostName{number}" not in form:
                break
            more = {"MXPref": form[f"MXPref{number}"], "TTL": form[f"TTL{number}"]}
            name, rdtype = form[f"HostName{number}"], form[f"RecordType{number}"]
            hosts.append(self._host(name, rdtype, form[f"Address{number}"], more))
        email = form.get("EmailType", "NONE")
        if any(host["Type"] == "MX" for host in hosts) and email != "MX":
            raise Refusal("2050900", "MX records need EmailType MX")
        if self.quota is not None and len(hosts) > max(self.quota, len(zone["hosts"])):
            raise Refusal("2011280", "Too many host records")
        aliases = {host["Name"] for host in hosts if host["Type"] == "CNAME"}
        for name in aliases:
            if sum(host["Name"] == name for host in hosts) > 1:
                raise Refusal("2011331", f"CNAME {name} conflicts with another record")
        if self.keep is not None:
            hosts = hosts[: len(zone["hosts"]) + self.keep]
        zone |= {"hosts": hosts, "email": email}

    def _host(self, name: str, rdtype: str, address: str, more: dict[str, str]) -> dict[str, str]:
        """Check and keep a host the way Namecheap writes it."""
        if rdtype not in _TYPES:
            raise Refusal("2011147", f"RecordType {rdtype} is invalid")
        if rdtype == "TXT" and ('"' in address or not address):
            raise Refusal("2011331", "TXT value is invalid")
        if rdtype in {"ALIAS", "CNAME", "MX", "NS"}:
            address = self.written(f"{address.lower().removesuffix('.')}.")
        return {
            "HostId": str(next(self._ids)),
            "Name": name,
            "Type": rdtype,
            "Address": address,
            "MXPref": more.get("MXPref", "10"),
            "TTL": str(min(max(int(more.get("TTL", 1800)), 60), 60_000)),
            "AssociatedAppTitle": "",
            "FriendlyName": "",
            "IsActive": more.get("IsActive", "true"),
            "IsDDNSEnabled": "false",
        }

    def _answered(self, command: str, result: ET.Element) -> Answer:
        root = ET.Element("ApiResponse", Status="OK")
        ET.SubElement(root, "Errors")
        ET.SubElement(root, "Warnings")
        ET.SubElement(root, "RequestedCommand").text = command.lower()
        root.append(result)
        return self._closed(root, (self._folder / f"{_COMMANDS[command]}.xml").read_text())

    def _refused(self, number: str, message: str) -> Answer:
        root = ET.Element("ApiResponse", Status="ERROR")
        errors = ET.SubElement(root, "Errors")
        ET.SubElement(errors, "Error", Number=number).text = message
        ET.SubElement(root, "Warnings")
        ET.SubElement(root, "RequestedCommand")
        return self._closed(root, _ERROR.read_text())

    def _closed(self, root: ET.Element, fixture: str) -> Answer:
        """Finish an answer and compare its structure with the vendor's own example."""
        ET.SubElement(root, "Server").text = "PHX01SBAPIEXT05"
        ET.SubElement(root, "GMTTimeDifference").text = "--4:00"
        ET.SubElement(root, "ExecutionTime").text = "0.1"
        root.set("xmlns", _NS)
        body = ET.tostring(root, encoding="utf-8", xml_declaration=True)
        spelled = body.replace(b"<host ", f"<{self.element} ".encode())
        allowed = _structure(ET.fromstring(fixture.encode()))
        for path, names in _structure(ET.fromstring(body)).items():
            assert allowed.get(path) == names, (
                f"{path} {names}: the example has {allowed.get(path)}"
            )
        return Answer(200, spelled, {"content-type": "text/xml; charset=utf-8"})


def _structure(node: ET.Element, above: str = "") -> dict[str, set[str]]:
    """Return the attribute names of every element by its path."""
    path = f"{above}/{node.tag}"
    found = {path: set(node.keys())}
    for child in node:
        found |= _structure(child, path)
    return found
