"""Zones that come and go at a PowerDNS of the operator's own, by its HTTP API."""

import ssl
from dataclasses import dataclass
from typing import Any, Literal

from nameplate.adapters.dns.powerdns import PowerDns, refusal_of
from nameplate.adapters.http.client import Api
from nameplate.core.configuration import (
    Credential,
    Credentials,
    FilePath,
    Url,
    credential,
    setting,
)
from nameplate.core.errors import Refused, Unavailable
from nameplate.ports.dns import (
    DnsConfiguration,
    DnsProviderPlugin,
    HostedConfiguration,
    NewZone,
    Zone,
)

_CREATED, _GONE, _EXISTS = 201, 204, 409
_SOA = "{server} {hostmaster} 1 7200 3600 1209600 300"


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerDnsHosted(HostedConfiguration):
    """Zones that Nameplate creates at a PowerDNS."""

    kind: Literal["Native", "Master", "Primary"] = setting(
        "Kind of new zones. Use `Master` if other servers transfer them.", default="Native"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerDnsConfiguration(DnsConfiguration):
    """What an account at a PowerDNS says."""

    api_url: Url = setting("URL of the HTTP API, as in http://10.0.0.53:8081.")
    server_id: str = setting("The server's id in its API.", default="localhost")
    ca_bundle: FilePath | None = setting(
        "Certificate authorities (PEM) to trust for the API instead of the public ones.",
        default=None,
    )
    hosted: PowerDnsHosted | None = setting(
        "Offer zones on this server to organizations.", default=None, platform_only=True
    )


def connect(config: PowerDnsConfiguration, credentials: Credentials) -> PowerDns:
    """Return the provider of one account. Raises Refused `setting_invalid` for its `ca_bundle`."""
    headers = {"X-API-Key": credential(credentials, "api_key")}
    api = Api(config.api_url, headers=headers, verify=_trust(config.ca_bundle))
    if config.hosted is None:
        return PowerDns(api, config.server_id)
    return PowerDnsHost(api, config.server_id, config.hosted.kind)


plugin = DnsProviderPlugin(
    title="PowerDNS Authoritative Server",
    configuration=PowerDnsConfiguration,
    credentials=(Credential("api_key", "The `api-key` of the server's configuration."),),
    connect=connect,
)


def _trust(bundle: str | None) -> ssl.SSLContext | None:
    try:
        return ssl.create_default_context(cafile=bundle) if bundle else None
    except (OSError, ValueError):
        raise Refused(
            "setting_invalid", f"The file of `ca_bundle` cannot be read as PEM: {bundle}."
        ) from None


class PowerDnsHost(PowerDns):
    """Implements `ZoneHost` too. A zone's mark is kept in its `account`."""

    def __init__(self, api: Api, server_id: str = "localhost", kind: str = "Native") -> None:
        """Create zones of `kind`: `Master` if other servers transfer them."""
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
                "zone_exists",
                f"The name server has a zone {new.name} that Nameplate did not create.",
            )
        return zone

    def delete(self, zone: Zone, mark: str) -> None:
        """Delete the zone if it carries the mark."""
        found = self._mark(zone)
        if found is None:
            return
        if found != mark:
            raise Refused(
                "zone_foreign",
                f"The zone {zone.name} on the name server was not created by Nameplate.",
            )
        reply = self._api.request("DELETE", self._path(zone))
        if reply.status != _GONE and (refusal := refusal_of(reply)).code != "zone_missing":
            raise refusal

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
