"""Amazon Route 53, with boto3 (the extra `aws`)."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nameplate.adapters.changes.answers import ChangeRefused
from nameplate.adapters.changes.batch import Unit, flat, packed
from nameplate.adapters.changes.dispatch import Batch, Ids, dispatch
from nameplate.adapters.changes.triage import triage
from nameplate.adapters.vendors import aws
from nameplate.adapters.vendors.aws import Client
from nameplate.core import names
from nameplate.core.configuration import Credential, Credentials, credential
from nameplate.core.errors import NameplateError, Refused, Unavailable
from nameplate.core.provider_limits import refusals
from nameplate.core.rdata import canonical
from nameplate.core.records import Change, RRset, merge
from nameplate.ports.dns import DnsConfiguration, DnsProviderPlugin, Outcome, Result, Zone

Key = tuple[str, str]

_BATCH = (1000, 32_000)  # record values and their characters in one change batch
_SINGLE_READS = 4  # above this, reading the whole zone takes fewer requests
_PAGE, _SHORT_PAGE = "300", "20"
_SERVER_ERROR = 500
_NO_ZONE = frozenset({"NoSuchHostedZone", "InvalidHostedZoneId"})
_ESCAPE = re.compile(r"\\(\d{3}|.)", re.DOTALL)
_QUOTED = frozenset({"CAA", "NAPTR", "SPF", "TXT"})
_PLAIN = re.compile(r"[a-z0-9_*-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route53Configuration(DnsConfiguration):
    """What an account at Amazon says."""


def connect(_config: Route53Configuration, credentials: Credentials) -> "Route53":
    """Return the provider of one account. Raises Refused `extra_missing` without boto3."""
    key_id = credential(credentials, "access_key_id")
    return Route53(aws.client(key_id, credential(credentials, "secret_access_key")))


plugin = DnsProviderPlugin(
    title="Amazon Route 53",
    configuration=Route53Configuration,
    credentials=(
        Credential(
            "access_key_id", "Access key id of an IAM user with permission to change the zones."
        ),
        Credential("secret_access_key", "Secret access key."),
    ),
    connect=connect,
)


class Route53:
    """One AWS credential. A change batch happens as a whole or not at all.

    Every change carries the record set as it was seen, which Route 53 compares itself: an update is
    a DELETE of the old values and a CREATE of the new ones in one batch.
    """

    def __init__(self, client: Client) -> None:
        """Use a client made by `aws.client`. botocore's clients may be shared by threads."""
        self._client = client

    def zones(self) -> Sequence[Zone]:
        """Return every public hosted zone."""
        found: list[Zone] = []
        more: dict[str, str] = {}
        while True:
            page = self._read("list_hosted_zones", **more)
            found += [_zone(entry) for entry in page["HostedZones"] if _is_public(entry)]
            if not page["IsTruncated"]:
                return found
            more = {"Marker": page["NextMarker"]}

    def records(self, zone: Zone) -> Sequence[RRset]:
        """Read the zone. Aliases and routed record sets appear under types of their own."""
        return merge(map(_rrset, self._listed(self._id(zone))))

    def apply(self, zone: Zone, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Send atomic batches. APPLIED means accepted: the servers follow within about a minute.

        The `detail` of such an outcome names the change that `is_in_sync` can be asked about.
        """
        if not changes:
            return []
        zone_id = self._id(zone)
        entries = self._affected(zone_id, changes)
        special = {_key(entry) for entry in entries if not _is_plain(entry)}
        plain = {_key(entry): entry for entry in entries if _is_plain(entry)}
        accepted: dict[Change, str] = {}

        def refusal(rrset: RRset) -> str | None:
            if rrset.key in special:
                return (
                    f"{rrset.name} {rrset.type} is an alias or has a routing policy at "
                    "Route 53. Nameplate does not change such records."
                )
            return refusals("route53", rrset)

        def send(batch: Batch) -> Mapping[Change, Ids]:
            accepted.update(dict.fromkeys(flat(batch), self._send(zone_id, batch, plain)))
            return {}

        def reread(some: Sequence[Change]) -> Mapping[Key, RRset]:
            return _live(self._affected(zone_id, some))

        found = triage(changes, _live(entries), refusal)
        sent = dispatch(packed(found.pending, _weight, _BATCH), send, reread)
        found.add([_with_change(outcome, accepted) for outcome in sent])
        return found.ordered(changes)

    def test_rights(self, zone: Zone) -> None:
        """Read the apex, and delete a record set of a name outside the zone, which AWS refuses."""
        zone_id = self._id(zone)
        next(self._named(zone_id, zone.name), None)
        outside = _sent(RRset("nameplate-test.invalid", "TXT", 60, ('"test"',)))
        change = {"Action": "DELETE", "ResourceRecordSet": outside}
        with contextlib.suppress(ChangeRefused):
            self._call(
                "change_resource_record_sets",
                HostedZoneId=zone_id,
                ChangeBatch={"Changes": [change]},
            )

    def is_in_sync(self, change_id: str) -> bool:
        """Tell whether all of Route 53's servers have a change (INSYNC); looks once."""
        info = self._read("get_change", Id=change_id)["ChangeInfo"]
        return bool(info["Status"] == "INSYNC")

    def _send(self, zone_id: str, batch: Batch, live: Mapping[Key, Mapping[str, Any]]) -> str:
        answer = self._call(
            "change_resource_record_sets",
            HostedZoneId=zone_id,
            ChangeBatch={"Changes": _batch(flat(batch), live)},
        )
        change_id: str = answer["ChangeInfo"]["Id"]
        return change_id.removeprefix("/change/")

    def _id(self, zone: Zone) -> str:
        if zone.external_id:
            return zone.external_id
        page = self._read("list_hosted_zones_by_name", DNSName=f"{zone.name}.")
        for entry in page["HostedZones"]:
            if _is_public(entry) and _zone(entry).name == zone.name:
                return _zone(entry).external_id
        raise Refused("zone_missing", f"The account has no public hosted zone {zone.name}.")

    def _affected(self, zone_id: str, changes: Sequence[Change]) -> list[Mapping[str, Any]]:
        names = sorted({change.key[0] for change in changes})
        if len(names) > _SINGLE_READS:
            return list(self._listed(zone_id))
        return [entry for name in names for entry in self._named(zone_id, name)]

    def _named(self, zone_id: str, name: str) -> Iterator[Mapping[str, Any]]:
        for entry in self._listed(zone_id, name):
            if _name(entry["Name"]) != name:
                return
            yield entry

    def _listed(self, zone_id: str, start: str = "") -> Iterator[Mapping[str, Any]]:
        more: dict[str, str] = {"MaxItems": _SHORT_PAGE if start else _PAGE}
        if start:
            more["StartRecordName"] = f"{start}."
        while True:
            page = self._read("list_resource_record_sets", HostedZoneId=zone_id, **more)
            yield from page["ResourceRecordSets"]
            if not page["IsTruncated"]:
                return
            more = {"MaxItems": _PAGE, "StartRecordName": page["NextRecordName"]}
            more["StartRecordType"] = page["NextRecordType"]
            if page.get("NextRecordIdentifier"):
                more["StartRecordIdentifier"] = page["NextRecordIdentifier"]

    def _read(self, operation: str, **parameters: Any) -> Any:  # noqa: ANN401  # botocore's
        return aws.read(self._client, operation, _explained, parameters)

    def _call(self, operation: str, **parameters: Any) -> Any:  # noqa: ANN401  # botocore's
        return aws.call(self._client, operation, _explained, parameters)


def _zone(entry: Mapping[str, Any]) -> Zone:
    zone_id = entry["Id"].removeprefix("/hostedzone/")
    return Zone(_name(entry["Name"]), zone_id)


def _is_public(entry: Mapping[str, Any]) -> bool:
    return not entry.get("Config", {}).get("PrivateZone")


def _key(entry: Mapping[str, Any]) -> Key:
    return (_name(entry["Name"]), entry["Type"])


def _live(entries: Sequence[Mapping[str, Any]]) -> dict[Key, RRset]:
    return {rrset.key: rrset for rrset in merge(map(_rrset, entries))}


def _batch(
    changes: Sequence[Change], live: Mapping[Key, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return deletions, then creations. What goes is named exactly as Route 53 wrote it."""
    gone = [live[change.key] for change in changes if change.before]
    new = [_sent(change.after) for change in changes if change.after]
    return [
        *({"Action": "DELETE", "ResourceRecordSet": entry} for entry in gone),
        *({"Action": "CREATE", "ResourceRecordSet": entry} for entry in new),
    ]


def _weight(unit: Unit) -> tuple[int, int]:
    sides = [side for change in unit for side in (change.before, change.after) if side]
    values = [value for side in sides for value in side.values]
    return len(values), sum(map(len, values))


def _with_change(outcome: Outcome, accepted: Mapping[Change, str]) -> Outcome:
    change_id = accepted.get(outcome.change)
    if outcome.result is not Result.APPLIED or change_id is None:
        return outcome
    return outcome._replace(
        detail=f"Route 53 is still propagating the change {change_id} to its servers."
    )


def _explained(code: str, status: int, said: str) -> NameplateError:
    if code in _NO_ZONE:
        return Refused("zone_missing", "There is no such hosted zone for this credential.")
    if code == aws.NOT_SENDABLE:
        return ChangeRefused("change_refused", "Route 53 cannot store this record.")
    if status >= _SERVER_ERROR:
        return Unavailable("provider_failed", f"Route 53 failed with HTTP status {status}.")
    return ChangeRefused("change_refused", f"Route 53 rejected the change: {said or code}")


def _is_plain(entry: Mapping[str, Any]) -> bool:
    """Tell whether this is a record set as DNS knows it: no alias, no routing policy."""
    return "AliasTarget" not in entry and "SetIdentifier" not in entry


def _name(text: str) -> str:
    r"""Return a name in canonical form; Route 53 shows `*` as `\052` (three octal digits)."""

    def character(found: re.Match[str]) -> str:
        code = found[1]
        one = chr(int(code, 8)).lower() if code.isdigit() and len(code) > 1 else code
        return one if _PLAIN.fullmatch(one) else f"\\{ord(one):03d}"

    return names.canonical(_ESCAPE.sub(character, text))


def _rrset(entry: Mapping[str, Any]) -> RRset:
    """Return the record set of one entry of a listing.

    Aliases and routed record sets come under types of Route 53's own, `A/alias` and `A/routed`, so
    that they are seen and never taken for ours.
    """
    owner, rdtype = _name(entry["Name"]), entry["Type"]
    if "AliasTarget" in entry:
        target = entry["AliasTarget"]["DNSName"].lower()
        return RRset(owner, f"{rdtype}/alias", 0, (target,))
    values = {canonical(rdtype, _read(rdtype, one["Value"])) for one in entry["ResourceRecords"]}
    if "SetIdentifier" in entry:
        rdtype = f"{rdtype}/routed"
    return RRset(owner, rdtype, entry["TTL"], tuple(sorted(values)))


def _sent(wanted: RRset) -> dict[str, Any]:
    """Return the record set as a change batch takes it."""
    return {
        "Name": f"{wanted.name}.",
        "Type": wanted.type,
        "TTL": wanted.ttl,
        "ResourceRecords": [{"Value": _written(wanted.type, value)} for value in wanted.values],
    }


def _written(rdtype: str, value: str) -> str:
    """Return one canonical value with its escapes in octal."""
    if rdtype not in _QUOTED:
        return value
    return _ESCAPE.sub(lambda found: _based(found, 10, "03o"), value)


def _read(rdtype: str, value: str) -> str:
    if rdtype not in _QUOTED:
        return value
    return _ESCAPE.sub(lambda found: _based(found, 8, "03d"), value)


def _based(found: re.Match[str], base: int, form: str) -> str:
    code = found[1]
    if len(code) == 1:
        return found[0]
    return f"\\{int(code, base):{form}}"
