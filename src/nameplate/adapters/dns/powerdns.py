"""PowerDNS Authoritative Server 4.7 and later, by its HTTP API."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

from nameplate.adapters.changes.batch import Unit, batches, every, failed, flat
from nameplate.adapters.changes.compare import moved, read_back, settled
from nameplate.adapters.dns.powerdns_content import content
from nameplate.adapters.http.client import Api, Reply, retry_after
from nameplate.core import names
from nameplate.core.delegation_signing import Ds
from nameplate.core.errors import NameplateError, RateLimited, Refused, Unavailable
from nameplate.core.rdata import canonical
from nameplate.core.records import Change, RRset, units
from nameplate.ports.dns import Outcome, Result, Zone

Key = tuple[str, str]
Serial = tuple[int, int]
"""The serial as the backend has it, and as it is served."""

_GENERATED = frozenset({"CDNSKEY", "CDS", "DNSKEY", "NSEC", "NSEC3", "NSEC3PARAM", "RRSIG"})
_SIGNS_KEYS = frozenset({"ksk", "csk"})
_WRITABLE = frozenset({"Native", "Master", "Primary", "Producer"})
_SINGLE_READS = 8  # above this one read of the whole zone is cheaper
_MAX_FOUND = 10_000
_BATCH = 500_000  # octets of names and values: the JSON stays below webserver-max-bodysize, 2 MB
_OK = range(200, 300)
_CREDENTIAL = frozenset({401, 403})
_NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 404, 429, 500
_NO_ZONE = "PowerDNS has no such zone or server."
_JSON = MappingProxyType({"Content-Type": "application/json"})
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_OLD_MISSING = "Could not find domain"
"""What old versions say with status 422 of a zone that they do not have."""


class _Listing(list[RRset]):
    """A zone as it was read, good for as long as its serial stays."""

    serial: Serial | None = None
    hidden: Mapping[Key, Mapping[str, Any]] = MappingProxyType({})
    """The server's own entries that have disabled records."""


class PowerDns:
    """One server behind one API key. A PATCH of many record sets is one transaction there."""

    def __init__(self, api: Api, server_id: str = "localhost") -> None:
        """Use `api`, whose headers carry `X-API-Key`."""
        self._api = api
        self._server = f"/api/v1/servers/{quote(server_id, safe='')}"
        self._root = f"{self._server}/zones"
        # Known while whoever asked for it keeps it: an adapter outlives thousands of zones.
        self._listings: WeakValueDictionary[str, _Listing] = WeakValueDictionary()

    def zones(self) -> Sequence[Zone]:
        """Return every zone that can be written here."""
        listed = self._get(self._root)
        return [
            Zone(names.canonical(entry["name"]), entry["id"])
            for entry in listed
            if entry["kind"] in _WRITABLE
        ]

    def records(self, zone: Zone) -> Sequence[RRset]:
        """Read the zone. Disabled records are not served and therefore not there."""
        hidden: dict[Key, Mapping[str, Any]] = {}

        def read(value: dict[str, Any]) -> Any:  # noqa: ANN401  # JSON
            if "records" not in value:
                return value
            rdtype = value["type"]
            if rdtype in _GENERATED:
                return None
            rrset = _rrset(value)
            if len(rrset.values) < len(value["records"]):
                hidden[rrset.key] = value
            return rrset if rrset.values else None

        found = self._get(self._path(zone), each=read)
        listing = _Listing(sorted(filter(None, found["rrsets"])))
        listing.serial, listing.hidden = _serial(found), hidden
        self._listings[zone.name] = listing
        return listing

    def name_servers(self, zone: Zone) -> Sequence[str]:
        """Read the NS record set of the zone alone."""
        query = {"rrset_name": f"{zone.name}.", "rrset_type": "NS"}
        found = map(_rrset, self._get(self._path(zone), query)["rrsets"])
        apex = (r for r in found if r.key == (zone.name, "NS"))
        return sorted(value.removesuffix(".") for rrset in apex for value in rrset.values)

    def ds(self, zone: Zone) -> Sequence[Ds]:
        """Return those of the keys that sign keys; of a zone without an active one none."""
        keys = [
            key
            for key in self._get(f"{self._path(zone)}/cryptokeys")
            if key["keytype"] in _SIGNS_KEYS and key.get("published", key["active"])
        ]
        if not any(key["active"] for key in keys):
            return ()
        return sorted(one for key in keys for one in _ds(key))

    def apply(self, zone: Zone, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Read what is affected, send the rest in one PATCH; a refused PATCH is halved.

        A zone that was read here before is read again when its serial has moved. The API has no
        compare-and-set: what moves between the read and the write is overwritten.
        """
        raw, live = self._now(zone, changes)
        outcomes: dict[Change, Outcome] = {}
        pending: list[Unit] = []
        for unit in units(changes):
            done = [settled(change, live) for change in unit]
            if any(outcome and outcome.result is Result.MOVED for outcome in done):
                done_or_moved = zip(unit, done, strict=True)
                outcomes.update((change, one or moved(change)) for change, one in done_or_moved)
                continue
            outcomes.update((found.change, found) for found in done if found)
            rest = [change for change, found in zip(unit, done, strict=True) if not found]
            if any(change.after and change.after.proxied for change in rest):
                detail = "This provider does not proxy records."
                outcomes.update((c, Outcome(c, Result.REFUSED, detail)) for c in rest)
            elif rest:
                pending.append(rest)
        begun = False
        for batch in batches(pending, _BATCH):
            sent = self._begun(zone, batch, raw) if begun else self._patch(zone, batch, raw)
            outcomes.update((outcome.change, outcome) for outcome in sent)
            begun = True
        return [outcomes[change] for change in changes]

    def test_rights(self, zone: Zone) -> None:
        """Read about the zone, and send a change of a name outside it, which PowerDNS refuses."""
        self._get(self._path(zone), {"rrsets": "false"})
        outside = RRset("nameplate-test.invalid", "TXT", 60, ('"test"',))
        body = _body([_patched(Change(None, outside), None)])
        reply = self._api.request("PATCH", self._path(zone), content=body, headers=_JSON)
        refusal = None if reply.status in _OK else refusal_of(reply)
        if refusal is not None and not isinstance(refusal, _ChangeRefused):
            raise refusal

    def _patch(
        self, zone: Zone, batch: Sequence[Unit], raw: Mapping[Key, Mapping[str, Any]]
    ) -> list[Outcome]:
        changes = flat(batch)
        deletions_first = sorted(changes, key=lambda change: change.after is not None)
        body = _body(_patched(change, raw.get(change.key)) for change in deletions_first)
        try:
            reply = self._api.request("PATCH", self._path(zone), content=body, headers=_JSON)
        except Unavailable as error:
            if error.code != "answer_lost":
                raise
            return self._read_back(zone, changes, error.detail)
        if reply.status in _OK:
            return every(batch, Result.APPLIED)
        if reply.status >= _SERVER_ERROR:
            return self._read_back(
                zone, changes, f"PowerDNS failed with HTTP status {reply.status}."
            )
        refusal = refusal_of(reply)
        if not isinstance(refusal, _ChangeRefused):
            raise refusal
        if len(batch) == 1:
            return every(batch, Result.REFUSED, refusal.detail)
        middle = len(batch) // 2
        return [
            *self._patch(zone, batch[:middle], raw),
            *self._begun(zone, batch[middle:], raw),
        ]

    def _begun(
        self, zone: Zone, batch: Sequence[Unit], raw: Mapping[Key, Mapping[str, Any]]
    ) -> list[Outcome]:
        """Send a batch once others are done: from here on, errors are outcomes."""
        try:
            return self._patch(zone, batch, raw)
        except NameplateError as error:
            return failed(batch, error)

    def _read_back(self, zone: Zone, changes: Sequence[Change], unclear: str) -> list[Outcome]:
        try:
            raw = self._affected(zone, changes)
        except NameplateError:
            return [Outcome(change, Result.UNKNOWN, unclear) for change in changes]
        live = {key: rrset for key, entry in raw.items() if (rrset := _rrset(entry)).values}
        return [read_back(change, live, unclear) for change in changes]

    def _now(
        self, zone: Zone, changes: Sequence[Change]
    ) -> tuple[Mapping[Key, Mapping[str, Any]], Mapping[Key, RRset]]:
        """Return the server's own entries, of disabled records at least, and what is there."""
        keys = {change.key for change in changes}
        known = self._listings.pop(zone.name, None)
        if known is not None and known.serial is not None and len(keys) > _SINGLE_READS:
            info = self._get(self._path(zone), {"rrsets": "false"})
            if _serial(info) == known.serial:
                live = {key: rrset for rrset in known if (key := rrset[:2]) in keys}
                return known.hidden, live
        raw = self._affected(zone, changes)
        return raw, {key: rrset for key, entry in raw.items() if (rrset := _rrset(entry)).values}

    def _affected(self, zone: Zone, changes: Sequence[Change]) -> dict[Key, Mapping[str, Any]]:
        """Return the server's own entries for `changes`, by canonical name and type."""
        keys = {change.key for change in changes}
        names = sorted({name for name, _ in keys})

        def affected(value: dict[str, Any]) -> dict[str, Any] | None:
            """Keep the record sets in question, and whatever is none."""
            mine = "records" not in value or (_canonical_name(value), value["type"]) in keys
            return value if mine else None

        if len(names) > _SINGLE_READS:
            entries = self._get(self._path(zone), each=affected)["rrsets"]
        else:
            entries = [entry for name in names for entry in self._named(zone, name)]
        return {(_canonical_name(entry), entry["type"]): entry for entry in entries if entry}

    def _named(self, zone: Zone, name: str) -> list[dict[str, Any]]:
        """Return the entries of one name; disabled records are found only by searching."""
        entries: list[dict[str, Any]]
        entries = self._get(self._path(zone), {"rrset_name": f"{name}."})["rrsets"]
        by_type = {entry["type"]: entry for entry in entries}
        query = {"q": name, "object_type": "record", "max": str(_MAX_FOUND)}
        for found in self._get(f"{self._server}/search-data", query):
            ours = _canonical_name(found) == name and _apex(found) == zone.name
            if ours and found["disabled"]:
                empty = {"name": found["name"], "ttl": found["ttl"], "records": []}
                entry = by_type.setdefault(found["type"], {**empty, "type": found["type"]})
                entry["records"].append({"content": found["content"], "disabled": True})
        return list(by_type.values())

    def _get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        each: Callable[[dict[str, Any]], Any] | None = None,
    ) -> Any:  # noqa: ANN401  # JSON
        try:
            reply = self._api.request("GET", path, params=params)
        except Unavailable as error:
            # Reading changes nothing: whether it was sent does not matter.
            raise Unavailable("provider_unreachable", error.detail, error.retry_after) from None
        if reply.status not in _OK:
            raise refusal_of(reply)
        return reply.json(each)

    def _path(self, zone: Zone) -> str:
        name = zone.external_id or f"{zone.name}.".replace("/", "=2F")
        return f"{self._root}/{quote(name, safe='=')}"


class _ChangeRefused(Refused):
    """The server will not have one of the changes; the others may be fine."""


def refusal_of(reply: Reply) -> NameplateError:
    """Return what an answer that is no success means."""
    if reply.status in _CREDENTIAL:
        return Refused("credential_refused", "PowerDNS rejected the API key.")
    if reply.status == _NOT_FOUND:
        return Refused("zone_missing", _NO_ZONE)
    if reply.status == _TOO_MANY:
        return RateLimited(
            "rate_limited", "PowerDNS limits requests. Try again later.", retry_after(reply)
        )
    if reply.status >= _SERVER_ERROR:
        return Unavailable(
            "provider_failed",
            f"PowerDNS failed with HTTP status {reply.status}.",
            retry_after(reply),
        )
    said = _said(reply)
    if said.startswith(_OLD_MISSING):
        return Refused("zone_missing", _NO_ZONE)
    return _ChangeRefused("change_refused", f"PowerDNS rejected the change: {said}")


def _said(reply: Reply) -> str:
    """Return the server's own sentence, bounded."""
    try:
        said = reply.json()["error"]
    except (Unavailable, KeyError, TypeError):
        said = f"status {reply.status}"
    return str(said)[:300]


def _ds(key: Mapping[str, Any]) -> Iterable[Ds]:
    flags, _, _, public_key = key["dnskey"].split(maxsplit=3)
    for text in key.get("ds") or ():
        tag, algorithm, kind, digest = text.split(maxsplit=3)
        found = "".join(digest.split()).upper(), "".join(public_key.split()), int(flags)
        yield Ds(int(tag), int(algorithm), int(kind), *found)


def _serial(info: Mapping[str, Any]) -> Serial | None:
    """Return what tells that a zone is as it was, or None where the API leaves the serial alone."""
    if not info.get("soa_edit_api"):
        return None
    return info.get("serial", 0), info.get("edited_serial", 0)


def _canonical_name(entry: Mapping[str, Any]) -> str:
    name: str = entry["name"]
    return names.canonical(name)


def _apex(entry: Mapping[str, Any]) -> str:
    zone: str = entry["zone"]
    return names.canonical(zone)


def _rrset(entry: Mapping[str, Any]) -> RRset:
    rdtype = sys.intern(entry["type"])
    values = [
        canonical(rdtype, record["content"])
        for record in entry["records"]
        if not record["disabled"]
    ]
    if len(values) > 1:
        values = sorted(set(values))
    return RRset(_canonical_name(entry), rdtype, entry["ttl"], tuple(values))


def _body(entries: Iterable[dict[str, Any]]) -> bytes:
    """Return the PATCH of these entries, written one by one: all at once they are ten times its size."""
    body = bytearray(b'{"rrsets":[')
    for entry in entries:
        body += _ENCODE(entry).encode()
        body += b","
    body[-1:] = b"]}"
    return bytes(body)


def _patched(change: Change, entry: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return one entry of the PATCH. Disabled records of others are carried along."""
    name, rdtype = change.key
    values = change.after.values if change.after else ()
    kept = [
        {"content": record["content"], "disabled": True}
        for record in (entry["records"] if entry else ())
        if record["disabled"] and canonical(rdtype, record["content"]) not in values
    ]
    patched = {"name": f"{name}.", "type": rdtype, "changetype": "REPLACE"}
    if not values and not kept:
        return {**patched, "changetype": "DELETE"}
    ttl = change.after.ttl if change.after else entry["ttl"] if entry else 0
    shown = [{"content": content(rdtype, value), "disabled": False} for value in values]
    return {**patched, "ttl": ttl, "records": [*shown, *kept]}
