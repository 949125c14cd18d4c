"""DigitalOcean, by its API v2 with a personal access token (`domain:read`, `domain:update` ...)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from nameplate.adapters.changes import rows
from nameplate.adapters.changes.answers import ChangeRefused, failure, is_success, read
from nameplate.adapters.changes.creations import Creations
from nameplate.adapters.changes.dispatch import Batch, Ids, dispatch
from nameplate.adapters.changes.rows import Row, complete
from nameplate.adapters.changes.singly import Singly
from nameplate.adapters.changes.triage import triage
from nameplate.adapters.http.client import Api, Reply
from nameplate.core import names
from nameplate.core.configuration import Credential, Credentials, credential
from nameplate.core.errors import NameplateError, Refused, Unavailable
from nameplate.core.provider_limits import refusals
from nameplate.core.rdata import canonical
from nameplate.core.rdata.raw import caa, from_caa, from_raw, raw
from nameplate.core.records import Change, RRset
from nameplate.core.secret import Secret
from nameplate.ports.dns import DnsConfiguration, DnsProviderPlugin, Outcome, Zone

Key = tuple[str, str]

_PROVIDER = "DigitalOcean"
_PAGE = 200
_SINGLE_READS = 4  # above this, reading the whole zone takes fewer requests
_NOT_FOUND = 404
_HOSTS = frozenset({"CNAME", "MX", "NS", "SRV"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalOceanConfiguration(DnsConfiguration):
    """What an account at DigitalOcean says."""


def connect(_config: DigitalOceanConfiguration, credentials: Credentials) -> "DigitalOcean":
    """Return the provider of one account."""
    token = credential(credentials, "api_token").reveal()
    headers = {"Authorization": Secret(f"Bearer {token}")}
    return DigitalOcean(Api("https://api.digitalocean.com", headers=headers))


plugin = DnsProviderPlugin(
    title="DigitalOcean",
    configuration=DigitalOceanConfiguration,
    credentials=(Credential("api_token", "Token with domain:read, :create, :update and :delete."),),
    connect=connect,
)


class DigitalOcean:
    """One token. Every record is created, changed and deleted by a request of its own."""

    def __init__(self, api: Api, creations: Creations | None = None) -> None:
        """Use `api`, whose headers carry `Authorization: Bearer <token>`."""
        self._api = api
        self._creations = creations or Creations()

    def zones(self) -> Sequence[Zone]:
        """Return every domain of the account."""
        listed = self._pages("/v2/domains", "domains", {})
        names = {entry["name"].lower() for entry in listed}
        return [Zone(name, name) for name in sorted(names)]

    def records(self, zone: Zone) -> Sequence[RRset]:
        """Read the domain's records."""
        return sorted(rows.rrsets(rows.grouped(self._listed(zone, {}))).values())

    def apply(self, zone: Zone, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Read what is affected, then go record by record; what is refused half-way is undone.

        The API has no compare-and-set: edits and deletions go by record id, so what others create
        meanwhile is never overwritten.
        """
        if not changes:
            return []
        live = self._affected(zone, changes)
        singly = Singly(zone.name, _DomainRecords(self._api, zone), self._creations)

        def send(batch: Batch) -> Mapping[Change, Ids]:
            return singly.send(batch[0], live)

        def reread(some: Sequence[Change]) -> Mapping[Key, RRset]:
            return rows.rrsets(self._affected(zone, some))

        found = triage(changes, rows.rrsets(live), lambda r: refusals("digitalocean", r))
        found.add(dispatch([[unit] for unit in found.pending], send, reread))
        return found.ordered(changes)

    def test_rights(self, zone: Zone) -> None:
        """Read the apex, and delete a record that no domain has."""
        self._listed(zone, {"name": zone.name})
        _DomainRecords(self._api, zone).delete(Row("0", zone.name, "TXT", 0, '"test"'))

    def _affected(self, zone: Zone, changes: Sequence[Change]) -> dict[Key, list[Row]]:
        names = sorted({change.key[0] for change in changes})
        if len(names) > _SINGLE_READS:
            return rows.grouped(self._listed(zone, {}))
        return rows.grouped(row for name in names for row in self._listed(zone, {"name": name}))

    def _listed(self, zone: Zone, query: Mapping[str, str]) -> list[Row]:
        entries = self._pages(f"{_path(zone)}/records", "domain_records", query)
        return [_row(entry, zone) for entry in entries]

    def _pages(self, path: str, field: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        def read_once() -> tuple[list[dict[str, Any]], int]:
            entries: list[dict[str, Any]] = []
            number, more = 1, True
            while more:
                params = {**query, "page": str(number), "per_page": str(_PAGE)}
                page = read(self._api, path, params, _error).json()
                entries += page[field]
                more = "next" in (page.get("links", {}).get("pages") or {})
                number += 1
            return entries, page["meta"]["total"]

        return complete(read_once, lambda entry: (entry.get("id"), entry["name"]), _PROVIDER)


class _DomainRecords:
    """The records of one domain, as `Singly` changes them."""

    def __init__(self, api: Api, zone: Zone) -> None:
        self._api = api
        self._zone = zone

    def create(self, row: Row) -> Row:
        path = f"{_path(self._zone)}/records"
        reply = self._api.request("POST", path, json=_body(row, self._zone))
        if not is_success(reply):
            raise _error(reply)
        return _row(reply.json()["domain_record"], self._zone)

    def replace(self, row: Row) -> None:
        path = f"{_path(self._zone)}/records/{row.id}"
        reply = self._api.request("PUT", path, json=_body(row, self._zone))
        if reply.status == _NOT_FOUND:
            raise ChangeRefused(
                "record_moved", f"{row.name} {row.type} no longer exists at DigitalOcean."
            )
        if not is_success(reply):
            raise _error(reply)

    def delete(self, row: Row) -> None:
        reply = self._api.request("DELETE", f"{_path(self._zone)}/records/{row.id}")
        if reply.status != _NOT_FOUND and not is_success(reply):
            raise _error(reply)


def _path(zone: Zone) -> str:
    return f"/v2/domains/{quote(zone.name, safe='')}"


def _row(entry: Mapping[str, Any], zone: Zone) -> Row:
    """Return one record in canonical form. Names are relative, targets lack their final dot."""
    name = names.absolute(entry["name"].lower(), zone.name)
    value = canonical(entry["type"], _presentation(entry, zone))
    return Row(str(entry["id"] or ""), name, entry["type"], entry["ttl"] or 0, value)


def _presentation(entry: Mapping[str, Any], zone: Zone) -> str:
    rdtype, data = entry["type"], entry["data"] or ""
    if rdtype in _HOSTS:
        data = f"{zone.name}." if data == "@" else f"{data.removesuffix('.')}."
    if rdtype == "MX":
        return f"{entry['priority']} {data}"
    if rdtype == "SRV":
        return f"{entry['priority']} {entry['weight']} {entry['port']} {data}"
    if rdtype == "TXT":
        return from_raw(data)
    if rdtype == "CAA":
        value = data if entry["tag"] == "iodef" else data.removesuffix(".")
        return from_caa(entry["flags"], entry["tag"], value)
    return str(data)


def _body(row: Row, zone: Zone) -> dict[str, Any]:
    """Return the record as the API takes it: a target with its final dot is absolute."""
    label = names.relative(row.name, zone.name)
    sent: dict[str, Any] = {"type": row.type, "name": label, "ttl": row.ttl, "data": row.value}
    if row.type == "MX":
        priority, host = row.value.split()
        return {**sent, "priority": int(priority), "data": host}
    if row.type == "SRV":
        priority, weight, port, host = row.value.split()
        numbers = {"priority": int(priority), "weight": int(weight), "port": int(port)}
        return {**sent, **numbers, "data": host}
    if row.type == "TXT":
        return {**sent, "data": raw(row.value)}
    if row.type == "CAA":
        flags, tag, value = caa(row.value)
        data = value if tag == "iodef" else f"{value}."
        return {**sent, "flags": flags, "tag": tag, "data": data}
    return sent


def _error(reply: Reply) -> NameplateError:
    try:
        said = str(reply.json()["message"])
    except (Unavailable, KeyError, TypeError):
        said = f"status {reply.status}"
    if reply.status == _NOT_FOUND:
        return Refused("zone_missing", "DigitalOcean has no such domain for this token.")
    return failure(_PROVIDER, reply, said)
