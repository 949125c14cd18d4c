"""Cloudflare for SaaS: each host is a custom hostname of a zone of the platform.

A configuration is the set of custom hostnames, one file each; applying it is a difference: nothing is
touched that Nameplate did not make, and a second time there is nothing to do.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import quote

from nameplate.adapters.changes.answers import ChangeRefused, is_success, read, short
from nameplate.adapters.http.client import Api
from nameplate.adapters.proxy.cloudflare_states import Entry, is_leaving, judge
from nameplate.adapters.proxy.sites import Site, SiteLocation, group
from nameplate.adapters.vendors.cloudflare import connected, explain, pages
from nameplate.core.configuration import Form, HostName, credential, setting
from nameplate.core.route_settings import UNSUPPORTED, USUAL
from nameplate.core.secret import Secret
from nameplate.ports.hosted_proxy import HostStage, HostState
from nameplate.ports.proxy import (
    Config,
    ProxyConfiguration,
    ProxyPlace,
    ProxyPlugin,
    Route,
    RoutePlace,
    RouteRefused,
)

MARK = "nameplate"
"""Key in a custom hostname's metadata: the server that it is made for."""
_PAGE = 50
_GONE = 404
_HEX = frozenset("0123456789abcdef")
ZoneId = Annotated[
    str,
    Form(
        "zone id",
        "the id of a zone at Cloudflare: 32 hexadecimal digits",
        lambda text: len(text) == 32 and set(text) <= _HEX,  # noqa: PLR2004 - as it says
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudflareProxyConfiguration(ProxyConfiguration):
    """The keys of `proxy` with the type `cloudflare`."""

    account: str = setting("Name or id of the account at the DNS provider `cloudflare`.")
    zone: ZoneId = setting("Id of the platform's zone that has the custom hostnames.")
    origin: HostName | None = setting(
        "Origin of every custom hostname, a name in the zone. Default: the zone's fallback origin.",
        default=None,
    )
    certificates: Literal["cloudflare", "nameplate"] = setting(
        "Whose certificates are served: `cloudflare` issues its own, `nameplate` orders them as usual "
        "and uploads them.",
        default="cloudflare",
    )
    validation: Literal["http", "txt"] = setting(
        "How Cloudflare validates a host for its certificate. `http` needs no record.",
        default="http",
    )
    metadata: bool = setting(
        "Mark custom hostnames in their metadata, which not every plan allows. Without it only the "
        "ids in Nameplate's database say which those are.",
        default=True,
    )

    def conflict(self) -> str | None:
        """Refuse an agent: there is no machine beside which it could run."""
        return "Cloudflare needs no agent. Set `reach` to `direct`." if self.reach == "agent" else None  # fmt: skip


def connect(config: CloudflareProxyConfiguration, place: ProxyPlace) -> "CloudflareHostnames":
    """Return the custom hostnames of one server. Raises Refused `credential_missing`."""
    api = connected(credential(place.credentials, "api_token"))
    return CloudflareHostnames(api, config, place.server, place.ledger)


plugin = ProxyPlugin(
    title="Cloudflare for SaaS", configuration=CloudflareProxyConfiguration, connect=connect
)


@dataclass
class _Round:
    """What is refused while one configuration is applied, by host."""

    refused: dict[str, tuple[str, str]] = field(default_factory=dict)

    def refuse(self, hostname: str, code: str, detail: str) -> None:
        """Leave one host out; the others go on."""
        self.refused[hostname] = (code, detail)


class CloudflareHostnames:
    """The custom hostnames that one server of ours has in a zone."""

    def __init__(
        self,
        api: Api,
        config: CloudflareProxyConfiguration,
        server: str,
        ledger: Collection[str] = (),
    ) -> None:
        """`server` is the public id that marks what is ours; `ledger` holds the ids of what we made."""
        self._api, self._config, self._server = api, config, server
        self._ledger = set(ledger)
        self._path = f"/zones/{quote(config.zone, safe='')}/custom_hostnames"
        self._refused: dict[str, HostState] = {}

    def render(self, routes: Sequence[Route]) -> Config:
        """Return one file for each host: what Cloudflare is told of it, without the key."""
        sites = group(routes, UNSUPPORTED["cloudflare"])
        _refuse_unserved(sites)
        files, secrets, owners = {}, {}, {}
        for site in sites:
            files[f"{site.hostname}.json"] = json.dumps(self._wanted(site), sort_keys=True).encode()
            owners[f"{site.hostname}.json"] = site.route_ids
            if self._config.certificates == "nameplate" and site.key_pair is not None:
                secrets[f"{site.hostname}.key"] = site.key_pair.private_key
        return Config(files, secrets, owners)

    def _wanted(self, site: Site) -> dict[str, Any]:
        ssl: dict[str, Any] = {
            "type": "dv",
            "settings": {"min_tls_version": site.min_tls_version},
        }
        if self._config.certificates == "nameplate":
            if site.key_pair is not None:
                ssl["custom_certificate"] = site.key_pair.bundle
        else:
            ssl["method"] = self._config.validation
        wanted: dict[str, Any] = {"hostname": site.hostname, "ssl": ssl}
        if self._config.origin is not None:
            wanted["custom_origin_server"] = self._config.origin
        if self._config.metadata:
            pair = site.key_pair.id if "custom_certificate" in ssl and site.key_pair else ""
            wanted["custom_metadata"] = {MARK: self._server, "key_pair": pair}
        return wanted

    def apply(self, config: Config) -> None:
        """Create, change and delete until the zone has exactly these of ours.

        Raises `RouteRefused` with the hosts that Cloudflare does not take; the others are done by then.
        """
        there: dict[str, Entry] = {entry["hostname"]: entry for entry in self._listed()}
        wanted = {one["hostname"]: one for one in map(json.loads, config.files.values())}
        for ours in self._ours(there.values()):
            if ours["hostname"] not in wanted and not is_leaving(ours):
                self._delete(ours)
        now = _Round()
        missing: list[tuple[Mapping[str, Any], Secret | None]] = []
        for hostname, one in wanted.items():
            key, entry = config.secrets.get(f"{hostname}.key"), there.get(hostname)
            if entry is None:
                missing.append((one, key))
            elif not self._is_ours(entry):
                now.refuse(hostname, "custom_hostname_foreign", f"{hostname} is a custom hostname of the zone that Nameplate did not make.")  # fmt: skip
            elif is_leaving(entry):
                now.refuse(hostname, "custom_hostname_deleted", f"Cloudflare is still removing {hostname}.")  # fmt: skip
            elif self._differs(entry, one):
                self._send(now, "PATCH", f"{self._path}/{quote(entry['id'], safe='')}", one, key)
        self._create(now, missing)
        self._tell(now, config)

    def _create(
        self, now: _Round, missing: Sequence[tuple[Mapping[str, Any], Secret | None]]
    ) -> None:
        if not missing:
            return
        quota = read(self._api, f"{self._path}/quota", None, explain).json()["result"]
        left = max(0, int(quota["allocated"]) - int(quota["used"]))
        for one, key in missing[:left]:
            self._send(now, "POST", self._path, one, key)
        for one, _ in missing[left:]:
            detail = (
                f"The zone has all {quota['allocated']} custom hostnames that its plan includes."
            )
            now.refuse(one["hostname"], "custom_hostname_quota", detail)

    def _send(
        self, now: _Round, method: str, path: str, one: Mapping[str, Any], key: Secret | None
    ) -> None:
        sent = dict(one)
        if key is not None:
            sent["ssl"] = {**one["ssl"], "custom_key": key.reveal()}
        reply = self._api.request(method, path, json=sent)
        if is_success(reply):
            self._ledger.add(str(reply.json()["result"]["id"]))
            return
        error = explain(reply)
        if not isinstance(error, ChangeRefused):
            raise error
        now.refuse(one["hostname"], "custom_hostname_refused", error.detail)

    def _delete(self, entry: Entry) -> None:
        reply = self._api.request("DELETE", f"{self._path}/{quote(entry['id'], safe='')}")
        if not is_success(reply) and reply.status != _GONE:
            raise explain(reply)

    def _tell(self, now: _Round, config: Config) -> None:
        self._refused |= {
            host: HostState(HostStage.STOPPED, code, detail)
            for host, (code, detail) in now.refused.items()
        }
        if not now.refused:
            return
        code, detail = next(iter(now.refused.values()))
        reasons = {
            route_id: said
            for host, (_, said) in now.refused.items()
            for route_id in config.owners[f"{host}.json"]
        }
        raise RouteRefused(code, detail, tuple(reasons), reasons)

    def withdraw(self, places: Sequence[RoutePlace]) -> None:
        """Delete the custom hostnames of these routes, as far as they are ours."""
        closed = {place.hostname for place in places}
        for entry in self._ours(self._listed()):
            if entry["hostname"] in closed and not is_leaving(entry):
                self._delete(entry)

    def states(self) -> Mapping[str, HostState]:
        """Return how Cloudflare sees ours."""
        seen = {entry["hostname"]: judge(entry) for entry in self._ours(self._listed())}
        return seen | self._refused

    def retry(self, ids: Sequence[str]) -> None:
        """Have hosts validated again; one whose certificate is ours is only looked at."""
        again: dict[str, Any] = {}
        if self._config.certificates == "cloudflare":
            again = {"ssl": {"method": self._config.validation, "type": "dv"}}
        for one in ids:
            reply = self._api.request("PATCH", f"{self._path}/{quote(one, safe='')}", json=again)
            error = None if is_success(reply) else explain(reply)
            if error is not None and not isinstance(error, ChangeRefused) and reply.status != _GONE:
                raise error

    def _listed(self) -> list[dict[str, Any]]:
        return pages(self._api, self._path, {}, _PAGE)

    def _ours(self, entries: Collection[Entry]) -> Iterator[Entry]:
        return (entry for entry in entries if self._is_ours(entry))

    def _is_ours(self, entry: Entry) -> bool:
        """Tell whether we made it: by its mark, or by its id in our ledger."""
        marked = (entry.get("custom_metadata") or {}).get(MARK)
        return marked == self._server or (marked is None and entry["id"] in self._ledger)

    def _differs(self, entry: Entry, wanted: Mapping[str, Any]) -> bool:
        """Tell whether Cloudflare has it otherwise: origin, mark, validation or certificate."""
        ssl = entry.get("ssl") or {}
        method = wanted["ssl"].get("method")
        bundle = wanted["ssl"].get("custom_certificate")
        oldest = (ssl.get("settings") or {}).get("min_tls_version", USUAL.min_tls_version)
        return (
            oldest != wanted["ssl"]["settings"]["min_tls_version"]
            or entry.get("custom_origin_server") != wanted.get("custom_origin_server")
            or (entry.get("custom_metadata") or {}) != wanted.get("custom_metadata", {})
            or (method is not None and ssl.get("method") != method)
            or (
                not self._config.metadata
                and bundle is not None
                and short(ssl.get("custom_certificate") or "") != short(bundle)
            )
        )


def _refuse_unserved(sites: Sequence[Site]) -> None:
    """Refuse what a custom hostname cannot be. Raises `RouteRefused`."""
    reasons: dict[str, str] = {}
    for site in sites:
        for location in site.locations:
            why = _unserved(site, location)
            if why:
                reasons |= dict.fromkeys(location.route_ids, why)
    if reasons:
        raise RouteRefused("custom_hostname_unsupported", next(iter(reasons.values())), tuple(reasons), reasons)  # fmt: skip


def _unserved(site: Site, location: SiteLocation) -> str:
    if site.wildcard:
        return "A custom hostname at Cloudflare is one host. Bind each host by itself."
    if location.path != "/":
        return (
            "A custom hostname at Cloudflare is a whole host. Bind the application to the path /."
        )
    if location.redirect is not None:
        return "A custom hostname at Cloudflare does not redirect. Use a server with another proxy."
    return ""
