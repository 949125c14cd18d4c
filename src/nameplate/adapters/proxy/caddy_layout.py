"""The document that holds everything of one Caddy: servers, routes of a host, certificates."""

import copy
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nameplate.adapters.proxy import caddy_certificates, caddy_handlers, caddy_withdrawal
from nameplate.adapters.proxy.sites import Site, SiteLocation, WeightedUpstream
from nameplate.ports.proxy import EDGE_HEADER, Upstream

_OWN_PATHS = ["/.well-known/acme-challenge/*", "/.well-known/nameplate/*"]
_CLOSE = {"handler": "static_response", "abort": True}
_MARK = {
    "handle": [{"handler": "headers", "response": {"deferred": True, "set": {EDGE_HEADER: ["1"]}}}]
}
_Json = dict[str, Any]
TWO = ("nameplate_http", "nameplate_https")
"""Servers for HTTP and HTTPS, which each name all hosts."""
ONE = "nameplate"
"""The server for both, so that one request of the admin API can tell of a host."""


@dataclass(frozen=True)
class CaddyLayout:
    """Where Caddy listens, and what all hosts share."""

    folder: Path
    listen_http: tuple[str, ...]
    listen_https: tuple[str, ...]
    challenge_upstream: Upstream | None
    base: Mapping[str, Any]
    ask_url: str | None
    public_https_port: int
    many: int
    """From how many hosts on Caddy asks itself for certificates; never with 0."""
    certificates_port: int

    @property
    def can_be_one(self) -> bool:
        """Tell whether one server can have both: Caddy takes HTTP without TLS at one port only."""
        ports = {address.rpartition(":")[2] for address in self.listen_http}
        others = {address.rpartition(":")[2] for address in self.listen_https}
        http = self.base.get("apps", {}).get("http", {})
        known = str(http.get("http_port", 80))
        is_free = "http_port" not in http and not http.get("servers")
        return len(ports) == 1 and not ports & others and (is_free or ports == {known})

    def is_secure(self, site: Site) -> bool:
        """Tell whether there is, or will be, a certificate of a host."""
        return site.key_pair is not None or self.ask_url is not None

    def for_each(self, sites: Sequence[Site], loaded: Collection[str], *, is_asked: bool) -> _Json:
        """Return the document with a server each for HTTP and HTTPS."""
        document, servers = self._begun()
        plain, secure = TWO
        own = self._own()
        servers[plain] = _server(self.listen_http, [*own, *_by_behaviour(sites, self._plain_of)])
        servers[secure] = {
            **_server(self.listen_https, _by_behaviour(sites, self._secure_of)),
            **_guarded(caddy_handlers.handshakes(sites)),
        }
        return self._ended(document, loaded, is_asked=is_asked)

    def for_both(
        self, behaviours: Sequence[_Json], handshakes: Sequence[_Json], loaded: Collection[str]
    ) -> _Json:
        """Return the document with one server for HTTP and HTTPS, and routes of `both` in it."""
        document, servers = self._begun()
        (port,) = {address.rpartition(":")[2] for address in self.listen_http}
        document["apps"]["http"]["http_port"] = int(port)
        own = self._own(protocol="http")
        servers[ONE] = {
            **_server([*self.listen_http, *self.listen_https], [*own, *behaviours]),
            **_guarded(handshakes),
        }
        return self._ended(document, loaded, is_asked=True)

    @property
    def before_hosts(self) -> int:
        """How many routes the server for both has before those of hosts."""
        return 1 + len(self._own())

    def both(self, site: Site) -> list[_Json]:
        """Return the routes of a host over HTTP, and over HTTPS."""
        told = (("http", self._plain_of(site)), ("https", self._secure_of(site)))
        return [_narrowed(route, protocol) for protocol, routes in told for route in routes]

    def _begun(self) -> tuple[_Json, _Json]:
        document: _Json = copy.deepcopy(dict(self.base))
        apps = document.setdefault("apps", {})
        return document, apps.setdefault("http", {}).setdefault("servers", {})

    def _ended(self, document: _Json, loaded: Collection[str], *, is_asked: bool) -> _Json:
        tls = document["apps"].setdefault("tls", {})
        stems = [self.folder / stem for stem in sorted(set(loaded))]
        tls.setdefault("certificates", {})["load_files"] = [
            {"certificate": f"{stem}.crt", "key": f"{stem}.key", "format": "pem"} for stem in stems
        ]
        if self.ask_url is not None:
            automation = tls.setdefault("automation", {})
            automation["on_demand"] = {"permission": {"module": "http", "endpoint": self.ask_url}}
            automation.setdefault("policies", []).append({"on_demand": True})
        if is_asked:
            on_demand = self.ask_url is not None
            caddy_certificates.tell(
                document, self.folder, self.certificates_port, on_demand=on_demand
            )
        return document

    def _own(self, **more: str) -> list[_Json]:
        if self.challenge_upstream is None:
            return []
        handle = caddy_handlers.reverse_proxy([WeightedUpstream(self.challenge_upstream, 1)])
        return [{"match": [{"path": list(_OWN_PATHS), **more}], "handle": handle, "terminal": True}]

    def _plain_of(self, site: Site) -> list[_Json]:
        return [_located(one, self._plain(site, one)) for one in site.locations]

    def _secure_of(self, site: Site) -> list[_Json]:
        if self.is_secure(site):
            return [_located(one, self._secured(one)) for one in site.locations]
        # A wildcard of somebody else would answer for the host without this.
        return [{"handle": [_CLOSE]}]

    def _plain(self, site: Site, location: SiteLocation) -> list[_Json]:
        if location.answer is not None:
            return [{"handler": "static_response", "status_code": location.answer}]
        if location.redirect is not None:
            return self._redirect(location.redirect.hostname, location.redirect.status)
        if not (location.force_https and self.is_secure(site)):
            return caddy_handlers.of_location(location)
        return self._redirect("{http.request.host}", 308)

    def _redirect(self, host: str, status: int) -> list[_Json]:
        """Return the redirect to HTTPS of a host, with path and query."""
        port = "" if self.public_https_port == 443 else f":{self.public_https_port}"  # noqa: PLR2004  # HTTPS
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


def route(hosts: list[str], routes: Sequence[_Json]) -> _Json:
    """Return the route of hosts: nothing but these routes, and a closed connection for the rest."""
    handle = [{"handler": "subroute", "routes": [*routes, {"handle": [_CLOSE]}]}]
    return {"match": [{"host": hosts}], "handle": handle, "terminal": True}


def without_ids(one: SiteLocation) -> object:
    """Return what a path's routes are made of; `replace` would take most of the time of a render."""
    said = one.redirect, one.answer
    return one.path, one.targets, one.force_https, one.hsts, one.settings, one.edges, *said


def _server(listen: Sequence[str], routes: Sequence[_Json]) -> _Json:
    return {
        "listen": list(listen),
        "protocols": ["h1", "h2"],
        "automatic_https": {"disable": True},
        "routes": [_MARK, *routes, {"handle": [_CLOSE]}],
        "errors": {"routes": [caddy_handlers.refused(), caddy_handlers.down()]},
    }


def _guarded(handshakes: Sequence[_Json]) -> _Json:
    # A connection made for one tenant must not reach another's application.
    return {"tls_connection_policies": list(handshakes), "strict_sni_host": True}


def _narrowed(one: _Json, protocol: str) -> _Json:
    (matched,) = one.get("match") or [{}]
    return {**one, "match": [{**matched, "protocol": protocol}]}


def _by_behaviour(sites: Sequence[Site], routes_of: Callable[[Site], list[_Json]]) -> list[_Json]:
    """Join hosts that behave alike: Caddy searches a long host list by halves, routes one by one.

    Exact hosts come before wildcards, so that the more specific name wins.
    """
    groups: dict[tuple[bool, str], tuple[list[str], list[_Json]]] = {}
    known: dict[object, tuple[str, list[_Json]]] = {}
    for site in sites:
        alike = site.key_pair is None, tuple(map(without_ids, site.locations))
        if alike not in known:
            routes = routes_of(site)
            known[alike] = json.dumps(routes, sort_keys=True), routes
        text, routes = known[alike]
        groups.setdefault((site.wildcard, text), ([], routes))[0].append(site.hostname)
    return [
        route(hosts, routes)
        for (_, _), (hosts, routes) in sorted(groups.items(), key=lambda item: item[0])
    ]


def _located(location: SiteLocation, handle: list[_Json]) -> _Json:
    """Return the route of one path: itself and everything below, nothing beside.

    Caddy's plain path matcher ignores case, a regular expression does not.
    """
    told: _Json = {"handle": handle, "terminal": True}
    if location.path != "/":
        pattern = caddy_withdrawal.pattern(location.path)
        told["match"] = [{"path_regexp": {"pattern": pattern}}]
    return told
