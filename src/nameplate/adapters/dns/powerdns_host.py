"""Zones that come and go at a PowerDNS of the operator's own, by its HTTP API."""

from typing import Any

from nameplate.adapters.dns.powerdns import PowerDns, refusal_of
from nameplate.adapters.http.client import Api
from nameplate.core.errors import Refused, Unavailable
from nameplate.ports.dns import NewZone, Zone

_CREATED, _GONE, _MISSING, _EXISTS = 201, 204, 404, 409
_SOA = "{server} {hostmaster} 1 7200 3600 1209600 300"


class PowerDnsHost(PowerDns):
    """Implements `ZoneHost` too. A zone's mark is kept in its `account`."""

    def __init__(self, api: Api, server_id: str = "localhost", kind: str = "Native") -> None:
        """Take what `PowerDns` takes, and the kind of new zones: `Master` where others transfer."""
        super().__init__(api, server_id)
        self._kind = kind

    def create(self, new: NewZone) -> Zone:
        """Create the zone in one request; when it is there already its mark decides."""
        servers = [f"{server}." for server in new.name_servers]
        soa = _SOA.format(server=servers[0], hostmaster=f"{new.hostmaster}.")
        body = {
            "name": f"{new.name}.",
            "kind": self._kind,
            "account": new.mark,
            "nameservers": [],
            "rrsets": [_rrset(new.name, "SOA", soa), _rrset(new.name, "NS", *servers)],
        }
        try:
            reply = self._api.request("POST", self._root, json=body)
        except Unavailable as error:
            if error.code != "answer_lost":
                raise
            reply = None
        if reply is not None and reply.status not in {_CREATED, _EXISTS}:
            raise refusal_of(reply)
        zone = Zone(new.name, f"{new.name}.")
        if self._mark(zone) != new.mark:
            raise Refused(
                "zone_exists", f"The name server has a zone {new.name} that is not Nameplate's."
            )
        return zone

    def delete(self, zone: Zone, mark: str) -> None:
        """Delete the zone if it carries the mark."""
        found = self._mark(zone)
        if found is None:
            return
        if found != mark:
            raise Refused("zone_foreign", f"The zone {zone.name} there is not Nameplate's.")
        reply = self._api.request("DELETE", self._path(zone))
        if reply.status not in {_GONE, _MISSING}:
            raise refusal_of(reply)

    def _mark(self, zone: Zone) -> str | None:
        """Return the mark of the zone at the server, empty for none; None: there is no zone."""
        try:
            entry: dict[str, Any] = self._get(self._path(zone), {"rrsets": "false"})
        except Refused as error:
            if error.code == "zone_missing":
                return None
            raise
        return str(entry.get("account", ""))


def _rrset(name: str, rdtype: str, *contents: str) -> dict[str, Any]:
    records = [{"content": content, "disabled": False} for content in contents]
    return {"name": f"{name}.", "type": rdtype, "ttl": 3600, "records": records}
