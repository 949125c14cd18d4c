"""Route 53 as it really is: atomic batches, exact deletions, octal escapes, PENDING changes."""

import copy
import itertools
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

from botocore.validate import ParamValidator  # type: ignore[import-untyped]  # the same

from tests.fakes import aws_xml
from tests.fakes.server import Answer, Asked, FakeServer

_ROOT = "/2013-04-01"
_RRSETS = re.compile(rf"{_ROOT}/hostedzone/(\w+)/rrset/?")
_TTL = 172_800
_TYPES = frozenset(aws_xml.MODEL.shape_for("RRType").enum)


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
        return aws_xml.error(400 if status == 429 else status, code, ["Rate exceeded"])

    def respond(self, asked: Asked) -> Answer:
        if (
            self.is_revoked
            or f"Credential={self.credential}/" not in asked.headers["authorization"]
        ):
            return aws_xml.error(403, "InvalidClientTokenId", ["The security token is invalid."])
        try:
            return self._routed(asked)
        except Refusal as refusal:
            return aws_xml.error(*refusal.args)

    def _routed(self, asked: Asked) -> Answer:
        if asked.path == f"{_ROOT}/hostedzone":
            zones = [_zone(key, zone) for key, zone in self.state.items()]
            return aws_xml.answer("ListHostedZones", {
                "HostedZones": zones, "Marker": "", "IsTruncated": False, "MaxItems": "100"
            })  # fmt: skip
        if asked.path == f"{_ROOT}/hostedzonesbyname":
            zones = [_zone(key, zone) for key, zone in self.state.items()]
            found = [z for z in zones if z["Name"] >= asked.query["dnsname"]]
            return aws_xml.answer("ListHostedZonesByName", {
                "HostedZones": found, "IsTruncated": False, "MaxItems": "100"
            })  # fmt: skip
        if asked.path.startswith(f"{_ROOT}/change/"):
            return aws_xml.answer(
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
        return aws_xml.answer("ChangeResourceRecordSets", {"ChangeInfo": info})

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
        return aws_xml.answer("ListResourceRecordSets", answer, page)

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
    for change in ET.fromstring(body).iter(f"{{{aws_xml.NAMESPACE}}}Change"):
        entry = aws_xml.parsed(
            change.find(f"{{{aws_xml.NAMESPACE}}}ResourceRecordSet"),
            aws_xml.MODEL.shape_for("ResourceRecordSet"),
        )
        report = ParamValidator().validate(entry, aws_xml.MODEL.shape_for("ResourceRecordSet"))
        assert not report.has_errors(), report.generate_report()
        entry["Name"] = _stored(entry["Name"])
        changes.append(
            {"action": change.findtext(f"{{{aws_xml.NAMESPACE}}}Action"), "entry": entry}
        )
    return changes
