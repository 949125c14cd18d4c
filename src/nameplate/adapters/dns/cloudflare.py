"""Cloudflare, by its API v4 with an API token (`Zone:Read` and `DNS:Edit` of the zones).

Where records are proxied it needs `Zone Settings:Read` too, and `Cache Purge:Purge` for purges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from nameplate.adapters.changes import rows
from nameplate.adapters.changes.answers import ChangeRefused, is_success, read
from nameplate.adapters.changes.batch import Unit, flat, packed
from nameplate.adapters.changes.dispatch import Batch, Ids, dispatch
from nameplate.adapters.changes.rows import Row, Steps
from nameplate.adapters.changes.triage import triage
from nameplate.adapters.dns.cloudflare_values import fields, presentation
from nameplate.adapters.http.client import Api
from nameplate.adapters.vendors.cloudflare import connected, explain, pages
from nameplate.core import names
from nameplate.core.configuration import Credential, Credentials, between, credential, setting
from nameplate.core.delegation_signing import Ds
from nameplate.core.errors import Refused
from nameplate.core.provider_limits import AUTOMATIC_TTL, refusals
from nameplate.core.rdata import canonical
from nameplate.core.records import Change, RRset
from nameplate.ports.cdn import Purge
from nameplate.ports.dns import DnsConfiguration, DnsProviderPlugin, Outcome, Zone

Key = tuple[str, str]

_SINGLE_READS = 4  # above this, reading the whole zone takes fewer requests
_MAX_PAGE = 5000
_ZONES_PAGE = 50
_NS_TTL = 86_400  # seconds; the name servers of a zone are not in its listing
_PROXIABLE = frozenset({"A", "AAAA", "CNAME"})
_AUTOMATIC = 1  # how the API writes the automatic TTL
_SIGNED = frozenset({"active", "pending"})
"""Of a zone; the second until Cloudflare sees the DS record at the parent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudflareConfiguration(DnsConfiguration):
    """What an account at Cloudflare says."""

    batch: Annotated[int, between(1, 3500)] = setting(
        "Most changes in one request: 200 on free plans, 3500 on paid ones.", default=200
    )
    comment: str = setting("Comment on each record that Nameplate creates.", default="")


def connect(config: CloudflareConfiguration, credentials: Credentials) -> "Cloudflare":
    """Return the provider of one account."""
    api = connected(credential(credentials, "api_token"))
    return Cloudflare(api, batch=config.batch, comment=config.comment)


plugin = DnsProviderPlugin(
    title="Cloudflare",
    configuration=CloudflareConfiguration,
    credentials=(Credential("api_token", "API token with Zone:Read and DNS:Edit for the zones."),),
    connect=connect,
)


class Cloudflare:
    """One API token. A batch is one transaction in Cloudflare's database."""

    def __init__(self, api: Api, *, batch: int = 200, comment: str = "") -> None:
        """Use `api` at `.../client/v4`, whose headers carry `Authorization: Bearer <token>`.

        `batch` is the most changes that the plan allows at once (200 free, 3,500 paid); `comment`
        marks the records that we create.
        """
        self._api = api
        self._batch = batch
        self._comment = comment

    def zones(self) -> Sequence[Zone]:
        """Return every zone that can be written with the token."""
        listed = pages(self._api, "/zones", {}, _ZONES_PAGE)
        found = {entry["id"]: entry for entry in listed}
        return [_zone(entry) for entry in found.values() if entry.get("type") != "secondary"]

    def records(self, zone: Zone) -> Sequence[RRset]:
        """Read the zone, and the name servers that Cloudflare gave it."""
        return sorted(rows.rrsets(self._whole(self._entry(zone))).values())

    def name_servers(self, zone: Zone) -> Sequence[str]:
        """Return the two that Cloudflare gave the zone."""
        return sorted(_servers(self._entry(zone)))

    def ds(self, zone: Zone) -> Sequence[Ds]:
        """Return the DS record of the one key with which Cloudflare signs a zone.

        Of a zone whose signing is being turned off there is none: the parent has to forget it first.
        """
        found = read(self._api, f"{self._at(zone)}/dnssec", None, explain).json()["result"]
        if found.get("status") not in _SIGNED or not found.get("digest"):
            return ()
        tag, algorithm, kind = (int(found[one]) for one in ("key_tag", "algorithm", "digest_type"))
        digest = found["digest"].upper()
        return [Ds(tag, algorithm, kind, digest, found["public_key"], int(found["flags"]))]

    def apply(self, zone: Zone, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Read what is affected, then send batches.

        Edits and deletions go by record id, and Cloudflare refuses a second identical record: what
        moves between the reading and the writing is refused by it, or stands beside ours.
        """
        if not changes:
            return []
        entry = self._entry(zone)
        live = self._affected(entry, changes)

        def refusal(rrset: RRset) -> str | None:
            if rrset.key == (zone.name, "NS"):
                return f"{zone.name} NS: Cloudflare sets the name servers of a zone."
            return refusals("cloudflare", rrset)

        def send(batch: Batch) -> Mapping[Change, Ids]:
            return self._send(entry, batch, live)

        def reread(some: Sequence[Change]) -> Mapping[Key, RRset]:
            live.update(self._affected(entry, some))
            return rows.rrsets(live)

        def weigh(unit: Unit) -> tuple[int]:
            return (sum(len(rows.steps(c, live.get(c.key, ()))) for c in unit),)

        found = triage(changes, rows.rrsets(live), refusal)
        found.add(dispatch(packed(found.pending, weigh, (self._batch,)), send, reread))
        return found.ordered(changes)

    def test_rights(self, zone: Zone) -> None:
        """Read the zone's entry, and delete a record that it cannot have."""
        entry = self._entry(zone)
        self._listed(entry, {"name.exact": zone.name})
        none = {"deletes": [{"id": "0" * 32}]}
        reply = self._api.request("POST", f"{_path(entry)}/dns_records/batch", json=none)
        refusal = None if is_success(reply) else explain(reply)
        if refusal is not None and not isinstance(refusal, ChangeRefused):
            raise refusal

    def origin_mode(self, zone: Zone) -> str:
        """Return the zone's SSL/TLS mode. The token needs `Zone Settings:Read`."""
        path = f"{self._at(zone)}/settings/ssl"
        return str(read(self._api, path, None, explain).json()["result"]["value"])

    def purge(self, zone: Zone, what: Purge) -> None:
        """Purge hosts or addresses. The token needs `Cache Purge:Purge`."""
        named = {"hosts": list(what.hosts)} if what.hosts else {"files": list(what.urls)}
        reply = self._api.request("POST", f"{self._at(zone)}/purge_cache", json=named)
        if not is_success(reply):
            raise explain(reply)

    def _at(self, zone: Zone) -> str:
        """Return the path of a zone, which is looked up where its id is not known."""
        if zone.external_id:
            return f"/zones/{quote(zone.external_id, safe='')}"
        return _path(self._entry(zone))

    def _send(
        self, entry: Mapping[str, Any], batch: Batch, live: rows.Rows
    ) -> Mapping[Change, Ids]:
        planned = {change: rows.steps(change, live.get(change.key, ())) for change in flat(batch)}
        sent = _batched(list(planned.values()), self._comment)
        reply = self._api.request("POST", f"{_path(entry)}/dns_records/batch", json=sent)
        if not is_success(reply):
            raise explain(reply)
        result = reply.json().get("result") or {}
        done = [_row(e) for kind in ("patches", "posts") for e in result.get(kind) or ()]
        made = rows.grouped(done)
        return {
            change: rows.ids(change, [*live.get(change.key, ()), *made.get(change.key, ())])
            for change in planned
        }

    def _entry(self, zone: Zone) -> Mapping[str, Any]:
        """Return the API's own entry for a zone, looked up by name where the id is not known."""
        if zone.external_id:
            path = f"/zones/{quote(zone.external_id, safe='')}"
            found = read(self._api, path, None, explain).json().get("result")
            entries = [found] if found else []
        else:
            entries = read(self._api, "/zones", {"name": zone.name}, explain).json()["result"]
        entries = [entry for entry in entries if _zone(entry).name == zone.name]
        if not entries:
            raise Refused("zone_missing", f"There is no zone {zone.name} for this token.")
        return dict(entries[0])

    def _affected(
        self, entry: Mapping[str, Any], changes: Sequence[Change]
    ) -> dict[Key, list[Row]]:
        """Return the rows at the names of `changes`; keys without rows are there and empty."""
        names = sorted({change.key[0] for change in changes})
        if len(names) > _SINGLE_READS:
            found = self._whole(entry)
        else:
            found = {}
            for name in names:
                found.update(rows.grouped(self._listed(entry, {"name.exact": name})))
        return {**{change.key: [] for change in changes}, **found}

    def _whole(self, entry: Mapping[str, Any]) -> dict[Key, list[Row]]:
        groups = rows.grouped(self._listed(entry, {}))
        apex = _zone(entry).name
        given = [Row("", apex, "NS", _NS_TTL, f"{server}.") for server in _servers(entry)]
        if given:
            groups.setdefault((apex, "NS"), given)
        return groups

    def _listed(self, entry: Mapping[str, Any], query: Mapping[str, str]) -> list[Row]:
        listed = pages(self._api, f"{_path(entry)}/dns_records", query, _MAX_PAGE)
        return [_row(found) for found in listed]


def _servers(entry: Mapping[str, Any]) -> list[str]:
    return [names.canonical(name) for name in entry["name_servers"] or ()]


def _zone(entry: Mapping[str, Any]) -> Zone:
    return Zone(names.canonical(entry["name"]), entry["id"])


def _path(entry: Mapping[str, Any]) -> str:
    return f"/zones/{quote(entry['id'], safe='')}"


def _batched(planned: Sequence[Steps], comment: str) -> dict[str, Any]:
    sent = {
        "deletes": [{"id": gone.id} for one in planned for gone in one.deletes],
        "patches": [_body(edited) for one in planned for edited in one.edits],
        "posts": [_body(new, comment) for one in planned for new in one.creates],
    }
    return {kind: operations for kind, operations in sent.items() if operations}


def _row(entry: Mapping[str, Any]) -> Row:
    """Return one record of a listing in canonical form."""
    rdtype = entry["type"]
    ttl = int(entry["ttl"])
    return Row(
        id=entry["id"],
        name=names.canonical(entry["name"]),
        type=rdtype,
        ttl=AUTOMATIC_TTL if ttl == _AUTOMATIC else ttl,
        value=canonical(rdtype, presentation(entry)),
        proxied=bool(entry.get("proxied")),
    )


def _body(row: Row, comment: str = "") -> dict[str, Any]:
    """Return the record as a creation or an edit sends it; a comment goes with creations only."""
    sent: dict[str, Any] = {
        "name": row.name,
        "type": row.type,
        "ttl": _AUTOMATIC if row.proxied else row.ttl,
    }
    if row.type in _PROXIABLE:
        sent["proxied"] = row.proxied
    if row.id:
        sent["id"] = row.id
    elif comment:
        sent["comment"] = comment
    return sent | fields(row.type, row.value)
