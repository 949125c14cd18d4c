"""Caddy, configured through its JSON admin API.

One document holds everything and `POST /load` replaces it as a whole: Caddy refuses what it cannot
run and keeps serving the old one. Private keys never travel through the API: they are files that
Caddy reads, so Caddy runs on this machine and as a user who may read them.
"""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from nameplate.adapters.http.client import Api, Reply
from nameplate.adapters.proxy import caddy_certificates, caddy_handlers, caddy_withdrawal, keys
from nameplate.adapters.proxy import folder as folder_of
from nameplate.adapters.proxy.caddy_settings import CaddyConfiguration, reachable
from nameplate.adapters.proxy.sites import (
    Site,
    SiteLocation,
    WeightedUpstream,
    group,
    own_upstream,
)
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.secret import Secret
from nameplate.ports.proxy import (
    EDGE_HEADER,
    Config,
    ProxyPlace,
    ProxyPlugin,
    Route,
    RoutePlace,
    RouteRefused,
    Upstream,
)

_OWN_PATHS = ["/.well-known/acme-challenge/*", "/.well-known/nameplate/*"]
_PLAIN, _SECURE = "nameplate_http", "nameplate_https"
_CLOSE = {"handler": "static_response", "abort": True}
_MARK = {
    "handle": [{"handler": "headers", "response": {"deferred": True, "set": {EDGE_HEADER: ["1"]}}}]
}

_Json = dict[str, Any]


class Caddy:
    """One Caddy on this machine."""

    writes_new_pairs_only = True

    def __init__(
        self,
        api: Api,
        folder: Path,
        listen_http: Sequence[str],
        listen_https: Sequence[str],
        *,
        challenge_upstream: Upstream | None = None,
        base: Mapping[str, Any] | None = None,
        ask_url: str | None = None,
        public_https_port: int = 443,
        many: int = 0,
        certificates_port: int | None = None,
    ) -> None:
        """Keep key pairs in `folder` and listen on addresses such as `:80` and `192.0.2.1:80`.

        `challenge_upstream` is Nameplate's own address for ACME challenges and verification files.
        `base` is the operator's own part of the document (`admin`, `logging`, other apps and
        servers); it must carry `admin.listen` when that is not Caddy's default (`reachable`). With
        `ask_url`, Caddy itself obtains certificates for hosts without a key pair, after asking
        there. From `many` hosts on Caddy asks itself for certificates, at `certificates_port` of this
        machine, in place of loading them. Raises Refused.
        """
        self._api = api
        self.folder = folder_of.check(folder)
        self._listen_http = list(listen_http)
        self._listen_https = list(listen_https)
        self._challenge_upstream = own_upstream(challenge_upstream)
        self._base = dict(base or {})
        self._ask_url = ask_url
        self._many = many if certificates_port is not None else 0
        self._certificates_port = certificates_port or 0
        self._public_https_port = public_https_port

    def render(self, routes: Sequence[Route]) -> Config:
        """Return one JSON document for all hosts, and the key pairs."""
        sites = group(routes)
        files, secrets, owners = keys.files(sites)
        asked = caddy_certificates.asked_for(sites, self._many)
        loaded = [site for site in sites if site.hostname not in asked and site.key_pair]
        document = self._document(
            sites, [keys.stem(one.key_pair) for one in loaded if one.key_pair]
        )
        if asked:
            files[caddy_certificates.INDEX] = json.dumps(asked, sort_keys=True).encode()
            folder, port = self.folder, self._certificates_port
            caddy_certificates.tell(document, folder, port, on_demand=self._ask_url is not None)
        files[caddy_certificates.DOCUMENT] = json.dumps(document, sort_keys=True).encode()
        return Config(dict(sorted(files.items())), secrets, owners, keys.later(sites))

    def apply(self, config: Config) -> None:
        """Write the key pairs, load the document, remove key pairs that nothing names any more.

        What was loaded stays in the folder as `caddy.json`, for a start without Nameplate.

        Raises `RouteRefused` or `Refused` with Caddy's own words, `Unavailable` with `disk_full` or
        what the admin API's client says.
        """
        with folder_of.exclusive(self.folder):
            loaded = caddy_certificates.loaded(config)
            keys.write(self.folder, loaded)
            caddy_certificates.write(self.folder, config)
            document = config.files[caddy_certificates.DOCUMENT]
            with keys.placing(self.folder / caddy_certificates.DOCUMENT, document):
                try:
                    reply = self._load(config)
                except Unavailable:
                    # A load replaces the admin server too, and whoever connects in that moment is cut
                    # off. Loading the same document again is harmless: Caddy compares and does nothing.
                    reply = self._load(config)
                _raise_for(reply, config)
            keys.sweep(self.folder, loaded)
            caddy_certificates.sweep(self.folder, config)

    def withdraw(self, places: Sequence[RoutePlace]) -> None:
        """Take routes out of the document that Caddy runs, whatever it says to a new one."""
        with folder_of.exclusive(self.folder):
            reply = self._api.request("GET", "/config/apps/http/servers")
            _raise_for(reply, Config({}, {}))
            servers = reply.json() or {}
            for name in (_PLAIN, _SECURE):
                routes = servers.get(name, {}).get("routes")
                if routes:
                    left = caddy_withdrawal.without(routes, places)
                    path = f"/config/apps/http/servers/{name}/routes"
                    _raise_for(self._api.request("PATCH", path, json=left), Config({}, {}))

    def _load(self, config: Config) -> Reply:
        return self._api.request(
            "POST",
            "/load",
            content=config.files[caddy_certificates.DOCUMENT],
            headers={"Content-Type": "application/json", "Connection": "close"},
        )

    def _document(self, sites: Sequence[Site], loaded: Sequence[str]) -> _Json:
        document: _Json = copy.deepcopy(self._base)
        apps = document.setdefault("apps", {})
        servers = apps.setdefault("http", {}).setdefault("servers", {})
        servers[_PLAIN] = self._server(self._listen_http, self._plain_routes(sites))
        servers[_SECURE] = {
            **self._server(self._listen_https, self._secure_routes(sites)),
            "tls_connection_policies": caddy_handlers.handshakes(sites),
            # A connection made for one tenant must not reach another's application.
            "strict_sni_host": True,
        }
        tls = apps.setdefault("tls", {})
        stems = [self.folder / stem for stem in sorted(set(loaded))]
        tls.setdefault("certificates", {})["load_files"] = [
            {"certificate": f"{stem}.crt", "key": f"{stem}.key", "format": "pem"} for stem in stems
        ]
        if self._ask_url is not None:
            automation = tls.setdefault("automation", {})
            automation["on_demand"] = {"permission": {"module": "http", "endpoint": self._ask_url}}
            automation.setdefault("policies", []).append({"on_demand": True})
        return document

    @staticmethod
    def _server(listen: Sequence[str], routes: list[_Json]) -> _Json:
        return {
            "listen": list(listen),
            "protocols": ["h1", "h2"],
            "automatic_https": {"disable": True},
            "routes": [_MARK, *routes, {"handle": [_CLOSE]}],
            "errors": {"routes": [caddy_handlers.refused(), caddy_handlers.down()]},
        }

    def _plain_routes(self, sites: Sequence[Site]) -> list[_Json]:
        own = []
        if self._challenge_upstream is not None:
            handle = caddy_handlers.reverse_proxy([WeightedUpstream(self._challenge_upstream, 1)])
            own = [{"match": [{"path": _OWN_PATHS}], "handle": handle, "terminal": True}]
        return own + _by_behaviour(
            sites,
            self._secure,
            lambda site: [_located(one, self._plain(site, one)) for one in site.locations],
        )

    def _plain(self, site: Site, location: SiteLocation) -> list[_Json]:
        if location.answer is not None:
            return [{"handler": "static_response", "status_code": location.answer}]
        if location.redirect is not None:
            return self._redirect(location.redirect.hostname, location.redirect.status)
        if not (location.force_https and self._secure(site)):
            return caddy_handlers.of_location(location)
        return self._redirect("{http.request.host}", 308)

    def _redirect(self, host: str, status: int) -> list[_Json]:
        """Return the redirect to HTTPS of a host, with path and query."""
        port = "" if self._public_https_port == 443 else f":{self._public_https_port}"  # noqa: PLR2004  # HTTPS
        target = f"https://{host}{port}" + "{http.request.uri}"
        headers = {"Location": [target]}
        return [{"handler": "static_response", "status_code": status, "headers": headers}]

    def _secured(self, location: SiteLocation) -> list[_Json]:
        if location.answer is not None:
            return [{"handler": "static_response", "status_code": location.answer}]
        if location.redirect is None:
            answer = caddy_handlers.of_location(location)
        else:
            answer = self._redirect(location.redirect.hostname, location.redirect.status)
        if not location.hsts:
            return answer
        header = {"deferred": True, "set": {"Strict-Transport-Security": [location.hsts_header]}}
        return [{"handler": "headers", "response": header}, *answer]

    def _secure_routes(self, sites: Sequence[Site]) -> list[_Json]:
        return _by_behaviour(
            sites,
            self._secure,
            lambda site: (
                [_located(one, self._secured(one)) for one in site.locations]
                if self._secure(site)
                # A wildcard of somebody else would answer for the host without this.
                else [{"handle": [_CLOSE]}]
            ),
        )

    def _secure(self, site: Site) -> bool:
        return site.key_pair is not None or self._ask_url is not None


def _by_behaviour(
    sites: Sequence[Site], secure: Callable[[Site], bool], routes_of: Callable[[Site], list[_Json]]
) -> list[_Json]:
    """Join hosts that behave alike: Caddy searches a long host list by halves, routes one by one.

    Exact hosts come before wildcards, so that the more specific name wins.
    """
    groups: dict[tuple[bool, str], tuple[list[str], list[_Json]]] = {}
    known: dict[object, tuple[str, list[_Json]]] = {}
    for site in sites:
        alike = secure(site), tuple(map(_without_ids, site.locations))
        if alike not in known:
            routes = routes_of(site)
            known[alike] = json.dumps(routes, sort_keys=True), routes
        text, routes = known[alike]
        groups.setdefault((site.wildcard, text), ([], routes))[0].append(site.hostname)
    return [
        {
            "match": [{"host": hosts}],
            "handle": [{"handler": "subroute", "routes": [*routes, {"handle": [_CLOSE]}]}],
            "terminal": True,
        }
        for (_, _), (hosts, routes) in sorted(groups.items(), key=lambda item: item[0])
    ]


def _without_ids(one: SiteLocation) -> object:
    """Return what a path's routes are made of; `replace` would take most of the time of a render."""
    said = one.redirect, one.answer
    return one.path, one.targets, one.force_https, one.hsts, one.settings, one.edges, *said


def _located(location: SiteLocation, handle: list[_Json]) -> _Json:
    """Return the route of one path: itself and everything below, nothing beside.

    Caddy's plain path matcher ignores case, a regular expression does not.
    """
    route: _Json = {"handle": handle, "terminal": True}
    if location.path != "/":
        pattern = caddy_withdrawal.pattern(location.path)
        route["match"] = [{"path_regexp": {"pattern": pattern}}]
    return route


def _raise_for(reply: Reply, config: Config) -> None:
    """Raise what Caddy's answer to a load means."""
    if reply.status == 200:  # noqa: PLR2004  # RFC 9110 section 15.3.1
        return
    try:
        complaint = str(reply.json()["error"])
    except (Unavailable, KeyError, TypeError):
        complaint = "no reason given"
    if reply.status >= 500:  # noqa: PLR2004  # RFC 9110 section 15.6
        raise Unavailable("proxy_failed", f"Caddy failed with HTTP status {reply.status}.")
    detail = folder_of.without_paths(complaint)
    for name, route_ids in config.owners.items():
        if name.removesuffix(".crt") in complaint:
            raise RouteRefused(
                "proxy_refused", f"Caddy rejected the configuration: {detail}", route_ids
            )
    raise Refused("proxy_refused", f"Caddy rejected the configuration: {detail}")


def connect(config: CaddyConfiguration, place: ProxyPlace) -> Caddy:
    """Return the adapter for one server's Caddy."""
    return Caddy(
        Api(config.admin_url),
        Path(place.folder),
        config.listen_http,
        config.listen_https,
        challenge_upstream=place.challenge_upstream,
        base=reachable(config.base, config.admin_url),
        ask_url=_asking(config.ask_url, place.edge_secret),
        public_https_port=config.https_port,
        many=config.many_hosts,
        certificates_port=config.certificates_port,
    )


def _asking(url: str | None, secret: Secret | None) -> str | None:
    """Return where Caddy asks: it keeps the query and adds `domain`, and can send no header."""
    if url is None or secret is None or not urlsplit(url).path.endswith("/edge/ask"):
        return url
    query = urlsplit(url).query
    if "secret" in parse_qs(query, keep_blank_values=True):
        return url
    mine = urlencode({"secret": secret.reveal()})
    return urlsplit(url)._replace(query=f"{query}&{mine}" if query else mine).geturl()


plugin = ProxyPlugin(title="Caddy", configuration=CaddyConfiguration, connect=connect)
