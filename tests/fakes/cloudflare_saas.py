"""Cloudflare for SaaS: custom hostnames of one zone, with both of their state machines."""

import itertools
import json
import re
from typing import Any

from tests.fakes import schemas
from tests.fakes.server import Answer, Asked, FakeServer

ZONE = "0" * 31 + "5"
_AT = "2026-11-01T12:00:00.000000Z"
_AT_END = "2027-02-01T12:00:00Z"
_ALL = re.compile(r"/client/v4/zones/(\w+)/custom_hostnames")
_QUOTA = re.compile(r"/client/v4/zones/(\w+)/custom_hostnames/quota")
_ONE = re.compile(r"/client/v4/zones/(\w+)/custom_hostnames/([\w-]+)")


class Refusal(Exception):
    """An error of the API: status, code, message."""


class FakeCustomHostnames(FakeServer):
    """Custom hostnames by id."""

    def __init__(self) -> None:
        schemas.require("cloudflare-sdk-schema")
        self._ids = (f"{number:08x}-0000-4000-8000-000000000000" for number in itertools.count(1))
        super().__init__({})
        self.quota = 100
        self.takes_metadata = True
        self.bad_certificates: set[str] = set()
        """Hosts whose uploaded certificate is refused."""

    def at(self, hostname: str) -> Any:
        """Return the custom hostname as it is now; None when there is none."""
        return next((one for one in self.state.values() if one["hostname"] == hostname), None)

    def become(
        self, hostname: str, status: str = "active", ssl: str = "active", **more: Any
    ) -> None:
        """Let time pass for one host."""
        entry = self.at(hostname)
        entry["status"] = status
        entry["ssl"] |= {"status": ssl, "expires_on": _AT_END if ssl == "active" else None}
        entry |= more

    def theirs(self, hostname: str) -> None:
        """Have somebody else make a custom hostname in the zone."""
        self._create({"hostname": hostname, "ssl": {"method": "http", "type": "dv"}})

    def writes(self) -> list[str]:
        """Return the methods of all requests that change something."""
        return [asked.method for asked in self.asked if asked.is_write]

    def failed(self, status: int) -> Answer:
        return _envelope(None, status, [{"code": 10013, "message": "Something went wrong"}])

    def respond(self, asked: Asked) -> Answer:
        if self.is_revoked or asked.headers.get("authorization") != f"Bearer {self.credential}":
            return _envelope(None, 403, [{"code": 9109, "message": "Invalid access token"}])
        try:
            return self._routed(asked)
        except Refusal as refusal:
            status, code, message = refusal.args
            return _envelope(None, status, [{"code": code, "message": message}])

    def _routed(self, asked: Asked) -> Answer:
        body = json.loads(asked.body) if asked.body else {}
        found = _QUOTA.fullmatch(asked.path) or _ALL.fullmatch(asked.path) or _ONE.fullmatch(asked.path)  # fmt: skip
        if found is None or found[1] != ZONE:
            raise Refusal(404, 7003, "Could not route to that zone")
        if _QUOTA.fullmatch(asked.path):
            return _checked("QuotaGetResponse", self._quota())
        if _ALL.fullmatch(asked.path):
            return self._page(asked) if asked.method == "GET" else self._created(body)
        entry = self.state.get(found[2])
        if entry is None:
            raise Refusal(404, 1436, "The custom hostname was not found.")
        if asked.method == "DELETE":
            del self.state[entry["id"]]
            return _checked("CustomHostnameDeleteResponse", {"id": entry["id"]})
        schemas.cloudflare("custom_hostnames.CustomHostnameEditParams").validate(
            {"zone_id": ZONE, "custom_hostname_id": entry["id"], **_editable(body)}
        )
        return _checked("CustomHostnameEditResponse", self._edit(entry, body))

    def _quota(self) -> dict[str, Any]:
        allocated, used = self.quota or 0, len(self.state)
        return {"allocated": allocated, "used": used, "exceeded": used > allocated, "hard_cap": allocated}  # fmt: skip

    def _page(self, asked: Asked) -> Answer:
        number, size = int(asked.query.get("page", 1)), int(asked.query.get("per_page", 20))
        if size > 50:
            raise Refusal(400, 1400, "per_page is too large")
        entries = [_shown(one) for one in self.seen().values()]
        for one in entries:
            schemas.cloudflare("custom_hostnames.CustomHostnameListResponse").validate(one)
        page = self.paged(entries, number, size)
        info = {"page": number, "per_page": size, "count": len(page), "total_count": len(entries),
                "total_pages": -(-len(entries) // size)}  # fmt: skip
        return _envelope(page, info=info)

    def _created(self, body: Any) -> Answer:
        sent = {"zone_id": ZONE, **body}
        schemas.cloudflare("custom_hostnames.CustomHostnameCreateParams").validate(sent)
        if self.at(body["hostname"]) is not None:
            raise Refusal(409, 1406, "Duplicate custom hostname found.")
        if len(self.state) >= (self.quota or 0):
            raise Refusal(400, 1405, "You have reached the quota of custom hostnames.")
        return _checked("CustomHostnameCreateResponse", self._create(body))

    def _create(self, body: Any) -> Any:
        host, key = body["hostname"], next(self._ids)
        entry: dict[str, Any] = {
            "id": key,
            "hostname": host,
            "created_at": _AT,
            "status": "pending",
            "ssl": {"status": "initializing"},
            "ownership_verification": {
                "type": "txt",
                "name": f"_cf-custom-hostname.{host}",
                "value": f"own-{key}",
            },
        }
        self._edit(entry, body)
        self.state[key] = entry
        return _shown(entry)

    def _edit(self, entry: Any, body: Any) -> Any:
        if body.get("custom_metadata") and not self.takes_metadata:
            raise Refusal(403, 1413, "No custom metadata access has been allocated for this zone.")
        ssl = body.get("ssl") or {}
        if ssl.get("custom_certificate") and entry["hostname"] in self.bad_certificates:
            raise Refusal(400, 1434, "The certificate and the key do not match.")
        entry |= {
            key: body[key] for key in ("custom_metadata", "custom_origin_server") if key in body
        }
        if ssl:
            entry["ssl"] |= {**ssl, "status": "pending_validation"}
            if ssl.get("method") == "txt":
                entry["ssl"]["validation_records"] = [
                    {"txt_name": f"_acme-challenge.{entry['hostname']}", "txt_value": "dcv-value"}
                ]
        return _shown(entry)


def _editable(body: Any) -> Any:
    return {key: value for key, value in body.items() if key != "hostname"}


def _shown(entry: Any) -> Any:
    """Return what answers show: never a private key."""
    ssl = {key: value for key, value in entry["ssl"].items() if key != "custom_key"}
    return {**entry, "ssl": ssl}


def _checked(schema: str, result: Any) -> Answer:
    schemas.cloudflare(f"custom_hostnames.{schema}").validate(result)
    return _envelope(result)


def _envelope(result: Any, status: int = 200, errors: Any = (), info: Any = None) -> Answer:
    said = {
        "success": status < 400,
        "errors": list(errors),
        "messages": [],
        "result": result,
        **({"result_info": info} if info else {}),
    }
    schemas.cloudflare_envelope(success=status < 400).validate(said)
    return Answer(status, json.dumps(said).encode(), {"content-type": "application/json"})
