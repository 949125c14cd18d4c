"""Cloudflare's DNS API: record ids, atomic batches, its own way of writing values."""

import copy
import itertools
import json
import re
from typing import Any

from tests.fakes import schemas
from tests.fakes.server import Answer, Asked, FakeServer

_PROXIABLE = {"A", "AAAA", "CNAME"}
_AT = "2026-11-01T12:00:00.000000Z"
_FORMS = {
    "CAA": '{flags} {tag} "{value}"',
    "DS": "{key_tag} {algorithm} {digest_type} {digest}",
    "HTTPS": "{priority} {target} {value}",
    "LOC": (
        "IN LOC {lat_degrees} {lat_minutes} {lat_seconds} {lat_direction} "
        "{long_degrees} {long_minutes} {long_seconds} {long_direction} "
        "{altitude}m {size}m {precision_horz}m {precision_vert}m"
    ),
    "NAPTR": '{order} {preference} "{flags}" "{service}" "{regex}" {replacement}',
    "SMIMEA": "{usage} {selector} {matching_type} {certificate}",
    "SRV": "{weight}\t{port}\t{target}",
    "SSHFP": "{algorithm} {type} {fingerprint}",
    "SVCB": "{priority} {target} {value}",
    "TLSA": "{usage} {selector} {matching_type} {certificate}",
    "URI": '{weight} "{target}"',
}
_ALWAYS_COMMENTED = {"OPENPGPKEY"}
"""Types whose comment is text even when there is none, says the SDK."""
_ODD_DEFINITIONS = {
    ("OPENPGPKEY", "Record"): "OpenpgpkeyRecord",
    ("OPENPGPKEY", "RecordParam"): "PostDNSRecordsOpenpgpkeyRecord",
}
"""What the SDK calls otherwise than all the rest, by type and suffix."""
_ZONES = re.compile(r"/client/v4/zones")
_ZONE = re.compile(r"/client/v4/zones/(\w+)")
_RECORDS = re.compile(r"/client/v4/zones/(\w+)/dns_records")
_BATCH = re.compile(r"/client/v4/zones/(\w+)/dns_records/batch")
_SETTING = re.compile(r"/client/v4/zones/(\w+)/(settings/ssl|dnssec)")
_PURGE = re.compile(r"/client/v4/zones/(\w+)/purge_cache")


class Refusal(Exception):
    """An error of the API: status, code, message."""


class FakeCloudflare(FakeServer):
    """Zones by id, each a dictionary of records by id."""

    def __init__(self, *names: str) -> None:
        schemas.require("cloudflare-sdk-schema")
        self._ids = (f"{number:032x}" for number in itertools.count(0xFC12))
        super().__init__({next(self._ids): {"name": name, "records": {}} for name in names})
        self.max_batch = 200
        self.may_read_settings = True
        self.purged: list[str] = []

    def zone_id(self, name: str) -> str:
        return next(str(key) for key, zone in self.state.items() if zone["name"] == name)

    def add(self, zone: str, **fields: Any) -> str:
        """Create a record as somebody else would, and return its id."""
        return str(self._post(self.state[self.zone_id(zone)], fields)["id"])

    def rows(self, zone: str) -> dict[str, Any]:
        records: dict[str, Any] = self.state[self.zone_id(zone)]["records"]
        return records

    def failed(self, status: int) -> Answer:
        return self._envelope(None, status, [{"code": 10013, "message": "Something went wrong"}])

    def respond(self, asked: Asked) -> Answer:
        if self.is_revoked or asked.headers.get("authorization") != f"Bearer {self.credential}":
            return self._envelope(None, 403, [{"code": 9109, "message": "Invalid access token"}])
        try:
            return self._routed(asked)
        except Refusal as refusal:
            status, code, message = refusal.args
            return self._envelope(None, status, [{"code": code, "message": message}])

    def _routed(self, asked: Asked) -> Answer:
        if asked.method == "GET" and _ZONES.fullmatch(asked.path):
            zones = self.seen()
            found = [
                self._zone(key, zone)
                for key, zone in zones.items()
                if asked.query.get("name") in (None, zone["name"])
            ]
            return self._page(found, asked)
        if asked.method == "GET" and (at := _ZONE.fullmatch(asked.path)):
            return self._envelope(self._zone(at[1], self._found(self.state, at[1])))
        if asked.method == "GET" and (at := _RECORDS.fullmatch(asked.path)):
            records = self._found(self.seen(), at[1])["records"].values()
            name = asked.query.get("name.exact")
            return self._page([r for r in records if name in (None, r["name"])], asked)
        if asked.method == "POST" and (at := _BATCH.fullmatch(asked.path)):
            body = json.loads(asked.body)
            _check_request(body)
            return self._envelope(self._batch(self._found(self.state, at[1]), body))
        if asked.method == "GET" and (at := _SETTING.fullmatch(asked.path)):
            zone = self._found(self.seen(), at[1])
            return self._dnssec(zone) if at[2] == "dnssec" else self._ssl(zone)
        if asked.method == "POST" and (at := _PURGE.fullmatch(asked.path)):
            self._found(self.state, at[1])
            return self._purge(at[1], json.loads(asked.body))
        raise Refusal(404, 7000, "No route for that URI")

    def set_mode(self, zone: str, mode: str) -> None:
        """Set the SSL/TLS encryption mode of a zone."""
        self.state[self.zone_id(zone)]["ssl"] = mode

    def sign(self, zone: str, status: str = "active") -> None:
        """Have a zone signed, or at another point between signed and not."""
        self.state[self.zone_id(zone)]["dnssec"] = status

    def _dnssec(self, zone: Any) -> Answer:
        status = zone.get("dnssec", "disabled")
        key = {
            "algorithm": "13", "digest": "248d" * 16, "digest_algorithm": "SHA256", "digest_type": "2",
            "ds": f"{zone['name']}. 3600 IN DS 2371 13 2 {'248D' * 16}", "flags": 257, "key_tag": 2371,
            "key_type": "ECDSAP256SHA256", "public_key": "oXiGYrSTO+LSCJ3mohc8EP+CzF9KxBj8/ydXJ22pKuZP3VAC3/Md/k7x",
        }  # fmt: skip
        shown = {
            "status": status, "dnssec_multi_signer": False, "dnssec_presigned": False,
            "dnssec_use_nsec3": False, "modified_on": None if status == "disabled" else _AT,
            **(dict.fromkeys(key) if status == "disabled" else key),
        }  # fmt: skip
        schemas.CLOUDFLARE_DNSSEC.validate(shown)
        return self._envelope(shown)

    def _ssl(self, zone: Any) -> Answer:
        if not self.may_read_settings:
            raise Refusal(403, 9109, "Unauthorized to access requested resource")
        setting = {
            "id": "ssl", "value": zone.get("ssl", "full"), "editable": True, "modified_on": _AT,
        }  # fmt: skip
        schemas.CLOUDFLARE_SSL.validate(setting)
        return self._envelope(setting)

    def _purge(self, key: str, body: Any) -> Answer:
        schemas.CLOUDFLARE_PURGE.validate(body)
        self.purged += [*body.get("hosts", ()), *body.get("files", ())]
        return self._envelope({"id": key})

    def _found(self, zones: Any, key: str) -> Any:
        if key not in zones:
            raise Refusal(404, 7003, f"Could not route to /zones/{key}")
        return zones[key]

    def _page(self, entries: list[Any], asked: Asked) -> Answer:
        number, size = int(asked.query.get("page", 1)), int(asked.query.get("per_page", 20))
        if size > (50 if asked.path.endswith("/zones") else 5000):
            raise Refusal(400, 1000, "per_page is too large")
        size = min(size, self.page_limit)
        page = self.paged(entries, number, size)
        info = {
            "page": number,
            "per_page": size,
            "count": len(page),
            "total_count": len(entries),
            "total_pages": -(-len(entries) // size),
        }
        return self._envelope(page, info=info)

    def _envelope(
        self, result: Any, status: int = 200, errors: Any = (), info: Any = None
    ) -> Answer:
        said = {
            "success": status < 400,
            "errors": list(errors),
            "messages": [],
            "result": result,
            **({"result_info": info} if info else {}),
        }
        schemas.cloudflare_envelope(success=status < 400).validate(said)
        return Answer(status, json.dumps(said).encode(), {"content-type": "application/json"})

    def _zone(self, key: str, zone: Any) -> dict[str, Any]:
        shown = {
            "id": key,
            "name": zone["name"],
            "status": "active",
            "type": "full",
            "paused": False,
            "development_mode": 0,
            "name_servers": ["Alice.ns.cloudflare.com", "tom.ns.cloudflare.com"],
            "activated_on": _AT,
            "created_on": _AT,
            "modified_on": _AT,
            "original_dnshost": None,
            "original_name_servers": None,
            "original_registrar": None,
            "account": {"id": "a1", "name": "Acme"},
            "meta": {"step": 4},
            "owner": {"id": "o1", "type": "user"},
            "plan": {"id": "free", "name": "Free Website"},
        }
        schemas.cloudflare("zones.Zone").validate(shown)
        return shown

    def _batch(self, zone: Any, body: Any) -> dict[str, Any]:
        operations = [
            (kind, one) for kind in ("deletes", "patches", "posts") for one in body.get(kind, [])
        ]
        if len(operations) > self.max_batch:
            raise Refusal(400, 81070, f"a batch has at most {self.max_batch} changes")
        draft = copy.deepcopy(zone)
        result: dict[str, Any] = {kind: [] for kind in body}
        for kind, one in operations[: self.keep]:
            act = {"deletes": self._delete, "patches": self._patch, "posts": self._post}[kind]
            result[kind].append(act(draft, one))
        zone["records"] = draft["records"]
        return result

    def _delete(self, zone: Any, sent: Any) -> dict[str, Any]:
        if sent["id"] not in zone["records"]:
            raise Refusal(404, 81044, "Record does not exist.")
        return dict(zone["records"].pop(sent["id"]))

    def _patch(self, zone: Any, sent: Any) -> dict[str, Any]:
        if sent["id"] not in zone["records"]:
            raise Refusal(404, 81044, "Record does not exist.")
        old = zone["records"].pop(sent["id"])
        return self._stored(zone, {**old, **sent})

    def _post(self, zone: Any, sent: Any) -> dict[str, Any]:
        if self.quota is not None and len(zone["records"]) >= self.quota:
            raise Refusal(400, 81045, "Record quota exceeded.")
        return self._stored(zone, {"id": next(self._ids), **sent})

    def _stored(self, zone: Any, sent: Any) -> dict[str, Any]:
        """Check and keep a record the way Cloudflare writes it."""
        rdtype, content = sent["type"], sent.get("content")
        name = sent["name"].lower().removesuffix(".")
        if name != zone["name"] and not name.endswith(f".{zone['name']}"):
            name = f"{name}.{zone['name']}"
        record = {
            **sent,
            "name": name,
            "proxied": bool(sent.get("proxied")),
            "proxiable": rdtype in _PROXIABLE,
            "comment": sent.get("comment", "" if rdtype in _ALWAYS_COMMENTED else None),
            "tags": [],
            "settings": {},
            "meta": {},
            "created_on": _AT,
            "modified_on": _AT,
        }
        ttl = 1 if record["proxied"] else sent.get("ttl", 1)
        if ttl != 1 and not 60 <= ttl <= 86_400:
            raise Refusal(400, 9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1.")
        if rdtype in _FORMS:
            data = {
                k: v.rstrip(".") or "." if k == "target" and rdtype != "URI" else v
                for k, v in sent["data"].items()
            }
            content = _FORMS[rdtype].format(**data).strip()
            record |= {"data": data}
            if rdtype == "SRV":
                record |= {"priority": data["priority"]}
        elif rdtype in {"CNAME", "MX", "NS", "PTR"}:
            content = self.written(content.lower().removesuffix(".") or ".")
        elif rdtype == "TXT" and not content.strip('"'):
            raise Refusal(400, 9207, "Content for TXT record is empty.")
        elif rdtype == "TXT" and self.is_odd and "\\" not in content and content.count('"') == 2:
            content = content.strip('"')
        record |= {"ttl": ttl, "content": content}
        self._refuse_conflicts(zone, record)
        # What listings and batches answer are these very records: checked here, once each.
        definition = _ODD_DEFINITIONS.get((rdtype, "Record"), f"{rdtype}Record")
        schemas.cloudflare_definition("dns.RecordResponse", definition).validate(record)
        zone["records"][record["id"]] = record
        return record

    def _refuse_conflicts(self, zone: Any, record: Any) -> None:
        beside = [r for r in zone["records"].values() if r["name"] == record["name"]]
        same = ("type", "content", "priority", "data")
        if any(all(r.get(k) == record.get(k) for k in same) for r in beside):
            raise Refusal(400, 81058, "An identical record already exists.")
        if any((r["type"] == "CNAME") or (record["type"] == "CNAME") for r in beside):
            raise Refusal(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")


def _check_request(body: Any) -> None:
    """Check a batch against the SDK's parameters, each record with the definition of its type."""
    assert body.keys() <= {"deletes", "patches", "posts"}
    for kind, suffix in (("deletes", ""), ("patches", "Record"), ("posts", "RecordParam")):
        for one in body.get(kind, []):
            usual = f"{one['type']}{suffix}" if suffix else "Delete"
            definition = _ODD_DEFINITIONS.get((one.get("type", ""), suffix), usual)
            schemas.cloudflare_definition("dns.RecordBatchParams", definition).validate(one)
