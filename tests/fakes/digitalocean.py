"""DigitalOcean's domains API: record ids, relative names, no batches, duplicates welcome."""

import itertools
import json
import re
from typing import Any

from tests.fakes import schemas
from tests.fakes.server import Answer, Asked, FakeServer

_RESPONSES = "resources/domains/responses"
_DOMAINS = re.compile(r"/v2/domains")
_RECORDS = re.compile(r"/v2/domains/([^/]+)/records")
_RECORD = re.compile(r"/v2/domains/([^/]+)/records/(\d+)")
_TYPES = {"A", "AAAA", "CAA", "CNAME", "MX", "NS", "SRV", "TXT"}
_FLOOR = 30
_IDS = {
    401: "unauthorized",
    404: "not_found",
    422: "unprocessable_entity",
    429: "too_many_requests",
}


class Refusal(Exception):
    """An error of the API: status, message."""


class FakeDigitalOcean(FakeServer):
    """Domains by name, each a dictionary of records by id."""

    def __init__(self, *names: str) -> None:
        schemas.require("digitalocean-openapi")
        self._ids = itertools.count(28448429)
        self._valid: set[str] = set()
        super().__init__({name: {} for name in names})
        for name in names:
            for server in ("ns1", "ns2", "ns3"):
                self.add(name, type="NS", name="@", data=f"{server}.digitalocean.com.", ttl=1800)

    def add(self, zone: str, **fields: Any) -> int:
        """Create a record as somebody else would, and return its id."""
        return int(self._create(zone, fields)["id"])

    def rows(self, zone: str) -> dict[int, Any]:
        records: dict[int, Any] = self.state[zone]
        return records

    def failed(self, status: int) -> Answer:
        names = {401: "unauthorized", 404: "not_found", 422: "unprocessable_entity"}
        names |= {429: "too_many_requests", 500: "server_error"}
        body = {"id": _IDS.get(status, "server_error"), "message": "No."}
        return self._answered(
            body, f"shared/responses/{names.get(status, 'unexpected_error')}.yml", status
        )

    def respond(self, asked: Asked) -> Answer:
        if self.is_revoked or asked.headers.get("authorization") != f"Bearer {self.credential}":
            return self.failed(401)
        try:
            return self._routed(asked)
        except Refusal as refusal:
            status, message = refusal.args
            body = {"id": _IDS[status], "message": message}
            return self._answered(body, "shared/responses/unexpected_error.yml", status)

    def _routed(self, asked: Asked) -> Answer:
        if asked.method == "GET" and _DOMAINS.fullmatch(asked.path):
            entries = [{"name": n, "ttl": 1800, "zone_file": ""} for n in self.seen()]
            return self._page(entries, "domains", "all_domains_response", asked)
        if at := _RECORDS.fullmatch(asked.path):
            if asked.method == "GET":
                listed = self._zone(self.seen(), at[1]).values()
                wanted = asked.query.get("name")
                found = [r for r in listed if wanted in (None, _absolute(r["name"], at[1]))]
                return self._page(found, "domain_records", "all_domain_records_response", asked)
            record = self._create(at[1], self._sent(asked))
            return self._record(record, 201)
        if at := _RECORD.fullmatch(asked.path):
            records, number = self._zone(self.state, at[1]), int(at[2])
            if number not in records:
                raise Refusal(404, "The resource you requested could not be found.")
            if asked.method == "DELETE":
                del records[number]
                return Answer(204)
            sent = self._sent(asked)
            return self._record(self._store(at[1], {**records[number], **sent}), 200)
        raise Refusal(404, "The resource you requested could not be found.")

    def _zone(self, state: Any, name: str) -> dict[int, Any]:
        if name not in state:
            raise Refusal(404, "The resource you requested could not be found.")
        zone: dict[int, Any] = state[name]
        return zone

    def _sent(self, asked: Asked) -> dict[str, Any]:
        sent: dict[str, Any] = json.loads(asked.body)
        schemas.digitalocean("resources/domains/models/domain_record.yml").validate(sent)
        return sent

    def _page(self, entries: list[Any], field: str, schema: str, asked: Asked) -> Answer:
        number, size = int(asked.query.get("page", 1)), int(asked.query.get("per_page", 20))
        if not 1 <= size <= 200:
            raise Refusal(422, "per_page must be between 1 and 200")
        size = min(size, self.page_limit)
        base = f"https://api.digitalocean.com{asked.path}?page="
        pages = {"first": f"{base}1", "prev": f"{base}{number - 1}"} if number > 1 else {}
        if number * size < len(entries):
            last = -(-len(entries) // size)
            pages |= {"next": f"{base}{number + 1}", "last": f"{base}{last}"}
        page = self.paged(entries, number, size)
        rest = {"links": {"pages": pages} if pages else {}, "meta": {"total": len(entries)}}
        # The schema judges each entry by itself: once is enough for those that stay as they are.
        fresh = {text: one for one in page if (text := json.dumps(one)) not in self._valid}
        self._answered({field: [*fresh.values()], **rest}, f"{_RESPONSES}/{schema}.yml")
        self._valid |= fresh.keys()
        body = json.dumps({field: page, **rest}).encode()
        return Answer(200, body, {"content-type": "application/json"})

    def _record(self, record: Any, status: int) -> Answer:
        name = "created_domain_record" if status == 201 else "domain_record"
        return self._answered({"domain_record": record}, f"{_RESPONSES}/{name}.yml", status)

    def _answered(self, body: Any, schema: str, status: int = 200) -> Answer:
        schemas.digitalocean(schema).validate(body)
        return Answer(status, json.dumps(body).encode(), {"content-type": "application/json"})

    def _create(self, zone: str, sent: Any) -> dict[str, Any]:
        records = self._zone(self.state, zone)
        if self.quota is not None and len(records) >= self.quota:
            raise Refusal(422, "You have reached the maximum number of records for this domain.")
        return self._store(zone, {"id": next(self._ids), **sent})

    def _store(self, zone: str, sent: Any) -> dict[str, Any]:
        """Check and keep a record the way DigitalOcean writes it."""
        rdtype, data = sent["type"], sent["data"]
        if rdtype not in _TYPES:
            raise Refusal(422, f"Type {rdtype} is not supported.")
        if rdtype in {"CNAME", "MX", "NS", "SRV"}:
            if not data.endswith("."):
                raise Refusal(422, "Data needs to end with a dot (.)")
            data = "@" if data[:-1].lower() == zone else self.written(data[:-1].lower())
            if rdtype == "MX" and not data:
                raise Refusal(422, "Data must not be empty.")
        elif rdtype == "CAA" and sent["tag"] != "iodef":
            if not data.endswith(".") or " " in data:
                raise Refusal(422, "Data needs to end with a dot (.)")
            data = data[:-1]
        elif rdtype == "TXT" and (not data or "\\" in data or len(data) > 500):
            raise Refusal(422, "Data is not a valid text.")
        numbers = {
            field: sent.get(field) for field in ("priority", "port", "weight", "flags", "tag")
        }
        record = {
            "id": sent["id"],
            "type": rdtype,
            "name": sent["name"].lower(),
            "data": data,
            "ttl": max(sent.get("ttl") or 1800, _FLOOR),
            **numbers,
        }
        records = self._zone(self.state, zone)
        beside = [
            r for r in records.values() if r["name"] == record["name"] and r["id"] != record["id"]
        ]
        if any("CNAME" in (r["type"], rdtype) for r in beside):
            raise Refusal(422, "CNAME records cannot share a name with other records")
        records[record["id"]] = record
        return record


def _absolute(label: str, zone: str) -> str:
    return zone if label == "@" else f"{label}.{zone}"
