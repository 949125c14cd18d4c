"""Route 53 as it really is: atomic batches, exact deletions, octal escapes, PENDING changes."""

import copy
import functools
import itertools
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import botocore.session  # type: ignore[import-untyped]  # botocore has no types
from botocore.validate import ParamValidator  # type: ignore[import-untyped]  # the same

from tests.fakes.server import Answer, Asked, FakeServer

_NS = "https://route53.amazonaws.com/doc/2013-04-01/"
_ROOT = "/2013-04-01"
_RRSETS = re.compile(rf"{_ROOT}/hostedzone/(\w+)/rrset/?")
_MODEL = botocore.session.get_session().get_service_model("route53")
_TTL = 172_800
_TYPES = frozenset(_MODEL.shape_for("RRType").enum)


class Refusal(Exception):
    """An error of the API: status, code, messages."""


class FakeRoute53(FakeServer):
    """Hosted zones by id, each a dictionary of entries by name, type and identifier."""

    def __init__(self, *names: str) -> None:
        self._serial = itertools.count(1)
        super().__init__({})
        self.credential = "AKIDEXAMPLE"
        for name in names:
            zone_id = f"Z{next(self._serial):08d}"
            self.state[zone_id] = {"name": name, "entries": {}}
            self.add(name, f"{name}.", "NS", ["ns-1.awsdns-01.org.", "ns-2.awsdns-02.com."], _TTL)

    def zone_id(self, name: str) -> str:
        return next(str(key) for key, zone in self.state.items() if zone["name"] == name)

    def rows(self, zone: str) -> dict[Any, Any]:
        entries: dict[Any, Any] = self.state[self.zone_id(zone)]["entries"]
        return entries

    def add(self, zone: str, name: str, rdtype: str, values: Any, ttl: int, **more: Any) -> None:
        """Create a record set as somebody else would."""
        records = {"TTL": ttl, "ResourceRecords": [{"Value": value} for value in values]}
        entry = {"Name": _stored(name), "Type": rdtype, **(records if values else {}), **more}
        self.rows(zone)[_key(entry)] = entry

    def failed(self, status: int) -> Answer:
        code = {429: "Throttling", 403: "InvalidClientTokenId"}.get(status, "ServiceUnavailable")
        return _error(400 if status == 429 else status, code, ["Rate exceeded"])

    def respond(self, asked: Asked) -> Answer:
        if (
            self.is_revoked
            or f"Credential={self.credential}/" not in asked.headers["authorization"]
        ):
            return _error(403, "InvalidClientTokenId", ["The security token is invalid."])
        try:
            return self._routed(asked)
        except Refusal as refusal:
            return _error(*refusal.args)

    def _routed(self, asked: Asked) -> Answer:
        if asked.path == f"{_ROOT}/hostedzone":
            zones = [_zone(key, zone) for key, zone in self.state.items()]
            return _answer("ListHostedZones", {
                "HostedZones": zones, "Marker": "", "IsTruncated": False, "MaxItems": "100"
            })  # fmt: skip
        if asked.path == f"{_ROOT}/hostedzonesbyname":
            zones = [_zone(key, zone) for key, zone in self.state.items()]
            found = [z for z in zones if z["Name"] >= asked.query["dnsname"]]
            return _answer("ListHostedZonesByName", {
                "HostedZones": found, "IsTruncated": False, "MaxItems": "100"
            })  # fmt: skip
        if asked.path.startswith(f"{_ROOT}/change/"):
            return _answer(
                "GetChange", {"ChangeInfo": _info(asked.path.rpartition("/")[2], "INSYNC")}
            )
        at = _RRSETS.fullmatch(asked.path)
        if not at or at[1] not in self.state:
            raise Refusal(404, "NoSuchHostedZone", ["No hosted zone found with ID"])
        if asked.method == "GET":
            return self._listed(self.seen()[at[1]], asked)
        changes = _batch(asked.body)
        for change in changes:
            if change["entry"]["Type"] == "CNAME" and change["action"] == "CREATE":
                for record in change["entry"]["ResourceRecords"]:
                    record["Value"] = self.written(record["Value"])
        self._change(self.state[at[1]], changes)
        info = _info(f"C{next(self._serial):013d}", "PENDING")
        return _answer("ChangeResourceRecordSets", {"ChangeInfo": info})

    def _listed(self, zone: Any, asked: Asked) -> Answer:
        entries = sorted(zone["entries"].values(), key=_order)
        query = asked.query
        start = {"Name": _stored(query.get("name", "")), "Type": query.get("type", "")}
        if query.get("identifier"):
            start["SetIdentifier"] = query["identifier"]
        rest = [
            entry for entry in entries if not query.get("name") or _order(entry) >= _order(start)
        ]
        size = min(int(query.get("maxitems", 300)), 300, self.page_limit)
        page, following = rest[:size], rest[size:]
        answer = {"ResourceRecordSets": [], "IsTruncated": bool(following), "MaxItems": str(size)}
        if self.paging == "doubled" and page:
            page = [*page, page[-1]]
        if self.paging == "missing" and page:
            self.paging, page = "", page[1:]
        if following:
            answer |= {
                "NextRecordName": following[0]["Name"],
                "NextRecordType": following[0]["Type"],
            }
            if "SetIdentifier" in following[0]:
                answer["NextRecordIdentifier"] = following[0]["SetIdentifier"]
        return _answer("ListResourceRecordSets", answer, page)

    def _change(self, zone: Any, changes: list[dict[str, Any]]) -> None:
        values = [r["Value"] for c in changes for r in c["entry"].get("ResourceRecords", [])]
        if len(values) > 1000 or sum(map(len, values)) > 32_000:
            raise Refusal(400, "InvalidChangeBatch", ["The request is too large"])
        draft = copy.deepcopy(zone["entries"])
        problems = []
        for change in changes:  # also when a `partial` fault is played: batches are atomic here
            found = _apply(draft, change, zone["name"])
            problems += [found] if found else []
        if self.quota is not None and len(draft) > max(self.quota, len(zone["entries"])):
            raise Refusal(400, "LimitsExceeded", ["The limit of records was reached"])
        if problems:
            raise Refusal(400, "InvalidChangeBatch", problems)
        zone["entries"] = draft


def _apply(entries: Any, change: dict[str, Any], apex: str) -> str | None:
    """Do one change, or return why not in Route 53's words."""
    entry = change["entry"]
    what = f"resource record set [name='{entry['Name']}', type='{entry['Type']}']"
    if not f".{entry['Name']}".endswith(f".{apex}."):
        return f"RRSet with DNS name {entry['Name']} is not permitted in zone {apex}."
    key, there = _key(entry), entries.get(_key(entry))
    if change["action"] == "DELETE":
        if there is not None and _comparable(there) == _comparable(entry):
            del entries[key]
            return None
        why = "the values provided do not match the current values" if there else "it was not found"
        return f"[Tried to delete {what} but {why}]"
    problem = _conflict(entries, entry, what) or _value_problem(entry)
    if problem is None:
        entries[key] = entry
    return problem


def _conflict(entries: Any, entry: Any, what: str) -> str | None:
    same_name = [e for e in entries.values() if e["Name"] == entry["Name"]]
    if any(e["Type"] == entry["Type"] for e in same_name):
        return f"[Tried to create {what} but it already exists]"
    types = {e["Type"] for e in same_name} | {entry["Type"]}
    if "CNAME" in types and len(types) > 1:
        return f"[RRSet of type {entry['Type']} with DNS name {entry['Name']} is not permitted as it conflicts with other records with the same DNS name]"
    return None


def _value_problem(entry: Any) -> str | None:
    if entry["Type"] not in _TYPES:
        return f"Type {entry['Type']} is not supported"
    for record in entry["ResourceRecords"]:
        value = record["Value"]
        if entry["Type"] == "TXT":
            strings = re.findall(r'"((?:[^"\\]|\\[0-3][0-7][0-7]|\\["\\])*)"', value)
            if " ".join(f'"{string}"' for string in strings) != value or not value.isascii():
                return f"Invalid Resource Record: FATAL problem: InvalidCharacterString at {value}"
            if any(len(re.sub(r"\\(\d{3}|.)", "x", string)) > 255 for string in strings):
                return "Invalid Resource Record: FATAL problem: CharacterStringTooLong"
            if len(value) > 4000:
                return "Invalid Resource Record: FATAL problem: ValueTooLong"
    return None


def _comparable(entry: Any) -> Any:
    return entry["TTL"], sorted(record["Value"] for record in entry["ResourceRecords"])


def _key(entry: Any) -> tuple[str, str, str]:
    return (entry["Name"], entry["Type"], entry.get("SetIdentifier", ""))


def _order(entry: Any) -> tuple[list[str], str, str]:
    labels = entry["Name"].removesuffix(".").split(".")
    return (labels[::-1], entry["Type"], entry.get("SetIdentifier", ""))


def _stored(name: str) -> str:
    """Return a name as Route 53 shows it: lower case, absolute, escapes in octal."""

    def octal(found: re.Match[str]) -> str:
        return f"\\{ord(found[0]):03o}"

    absolute = f"{name.lower().removesuffix('.')}."
    return re.sub(r"[^a-z0-9_.\\-]", octal, absolute)


def _zone(key: str, zone: Any) -> dict[str, Any]:
    return {
        "Id": f"/hostedzone/{key}",
        "Name": f"{zone['name']}.",
        "CallerReference": key,
        "Config": {"PrivateZone": False},
        "ResourceRecordSetCount": len(zone["entries"]),
    }


def _info(change_id: str, status: str) -> dict[str, Any]:
    submitted = datetime(2026, 11, 1, 12, tzinfo=UTC)
    return {"Id": f"/change/{change_id}", "Status": status, "SubmittedAt": submitted}


def _batch(body: bytes) -> list[dict[str, Any]]:
    changes = []
    for change in ET.fromstring(body).iter(f"{{{_NS}}}Change"):
        entry = _parsed(
            change.find(f"{{{_NS}}}ResourceRecordSet"), _MODEL.shape_for("ResourceRecordSet")
        )
        report = ParamValidator().validate(entry, _MODEL.shape_for("ResourceRecordSet"))
        assert not report.has_errors(), report.generate_report()
        entry["Name"] = _stored(entry["Name"])
        changes.append({"action": change.findtext(f"{{{_NS}}}Action"), "entry": entry})
    return changes


def _parsed(node: Any, shape: Any) -> Any:
    if shape.type_name == "structure":
        found = {}
        for member, of in shape.members.items():
            child = node.find(f"{{{_NS}}}{of.serialization.get('name', member)}")
            if child is not None:
                found[member] = _parsed(child, of)
        return found
    if shape.type_name == "list":
        return [_parsed(child, shape.member) for child in node]
    text = node.text or ""
    return int(text) if shape.type_name in {"integer", "long"} else text


def _answer(
    operation: str, value: dict[str, Any], entries: Iterable[dict[str, Any]] = ()
) -> Answer:
    """Write an answer, with the record sets of a listing, as botocore's model describes it."""
    root = ET.Element(f"{operation}Response", xmlns=_NS)
    _fill(root, value, _MODEL.operation_model(operation).output_shape)
    for listed in root.findall("ResourceRecordSets"):
        listed.extend(_record_set(json.dumps(entry)) for entry in entries)
    return Answer(200, ET.tostring(root), {"content-type": "text/xml"})


@functools.lru_cache(10_000)
def _record_set(text: str) -> ET.Element:
    """Return one entry of a listing, given as JSON; the model judges each by itself."""
    node = ET.Element("ResourceRecordSet")
    _fill(node, json.loads(text), _MODEL.shape_for("ResourceRecordSet"))
    return node


def _fill(node: ET.Element, value: dict[str, Any], shape: Any) -> None:
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()
    _write(node, value, shape)


def _write(node: Any, value: Any, shape: Any) -> None:
    if shape.type_name == "structure":
        for member, one in value.items():
            of = shape.members[member]
            _write(ET.SubElement(node, of.serialization.get("name", member)), one, of)
    elif shape.type_name == "list":
        for one in value:
            name = shape.member.serialization.get("name", "member")
            _write(ET.SubElement(node, name), one, shape.member)
    elif shape.type_name == "boolean":
        node.text = str(value).lower()
    elif shape.type_name == "timestamp":
        node.text = value.strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        node.text = str(value)


def _error(status: int, code: str, messages: list[str]) -> Answer:
    if code == "InvalidChangeBatch":
        root = ET.Element("InvalidChangeBatch", xmlns=_NS)
        node = ET.SubElement(root, "Messages")
        for message in messages:
            ET.SubElement(node, "Message").text = message
        ET.SubElement(root, "RequestId").text = "r1"
    else:
        root = ET.Element("ErrorResponse", xmlns=_NS)
        error = ET.SubElement(root, "Error")
        ET.SubElement(error, "Type").text = "Sender"
        ET.SubElement(error, "Code").text = code
        ET.SubElement(error, "Message").text = " ".join(messages)
        ET.SubElement(root, "RequestId").text = "r1"
    return Answer(status, ET.tostring(root), {"content-type": "text/xml"})
