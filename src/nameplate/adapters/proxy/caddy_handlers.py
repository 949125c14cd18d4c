"""What Caddy does with the requests of one path."""

import math
from collections.abc import Sequence
from typing import Any

from nameplate.adapters.proxy.sites import Site, SiteLocation, WeightedUpstream, dial
from nameplate.core import maintenance
from nameplate.core.basic_auth import BasicAuth
from nameplate.core.names import without_wildcard
from nameplate.core.route_settings import USUAL, RouteSettings
from nameplate.ports.proxy import EDGE_HEADER

_STREAMS_LIVE_ON = "10m"  # without it every change cuts all WebSockets of all tenants

_LAST = "nameplate_last"
_USUAL_TLS = USUAL.min_tls_version

_Json = dict[str, Any]


def of_location(location: SiteLocation) -> list[_Json]:
    """Return the handlers of a path that is passed on: what guards it first."""
    settings = location.settings
    handlers = reverse_proxy(location.targets, settings)
    if settings.strip_path and location.path != "/":
        handlers.insert(0, {"handler": "rewrite", "strip_path_prefix": location.path})
    if settings.max_body_bytes is not None:
        handlers.insert(0, {"handler": "request_body", "max_size": settings.max_body_bytes})
    if settings.basic_auth is not None:
        handlers.insert(0, _asking(settings.basic_auth))
    if settings.allow_ips:
        judged = "client_ip" if location.edges else "remote_ip"
        others = {"not": [{judged: {"ranges": list(settings.allow_ips)}}]}
        refused = {"handler": "static_response", "status_code": 403}
        routes = [{"match": [others], "handle": [refused], "terminal": True}, {"handle": handlers}]
        handlers = [{"handler": "subroute", "routes": [*_named(location.edges), *routes]}]
    return handlers


def _named(edges: Sequence[str]) -> list[_Json]:
    """Return what takes a visitor's address from the last that an edge has added.

    `trusted_proxies` of Caddy's server would do it for all hosts, and pass on what they claim too.
    """
    if not edges:
        return []
    header = "{http.request.header.X-Forwarded-For}"  # all of them, if there are several
    last = {header: {"name": _LAST, "pattern": r"(?:^|[,\s])([0-9A-Fa-f.:]+)\s*$"}}
    match = {"remote_ip": {"ranges": list(edges)}, "vars_regexp": last}
    told = {"handler": "vars", "client_ip": f"{{http.regexp.{_LAST}.1}}"}
    return [{"match": [match], "handle": [told]}]


def reverse_proxy(
    targets: Sequence[WeightedUpstream], settings: RouteSettings = USUAL
) -> list[_Json]:
    """Return the handler for an application. Caddy overwrites X-Forwarded-* of clients itself."""
    handler: _Json = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": dial(target.upstream)} for target in targets],
        "stream_close_delay": _STREAMS_LIVE_ON,
        "headers": {
            "request": {
                "set": {"X-Real-Ip": ["{http.request.remote.host}"]},
                "delete": ["Forwarded"],
            }
        },
    }
    if settings.basic_auth is not None:  # the password was for the proxy
        handler["headers"]["request"]["delete"].append("Authorization")
    if settings.trusted_proxies:
        handler["trusted_proxies"] = list(settings.trusted_proxies)
        # Caddy would keep these of them too.
        handler["headers"]["request"]["set"] |= {
            "X-Forwarded-Host": ["{http.request.hostport}"],
            "X-Forwarded-Proto": ["{http.request.scheme}"],
        }
    transport = _transport(settings)
    if transport:
        handler["transport"] = {"protocol": "http", **transport}
    if len(targets) > 1:
        # Caddy gives a target all of its turns in a row, so they are as few as the shares allow.
        common = math.gcd(*(target.weight for target in targets))
        weights = [target.weight // common for target in targets]
        policy: _Json = {"policy": "weighted_round_robin", "weights": weights}
        if settings.sticky is not None:
            policy = {"policy": "cookie", "name": settings.sticky.cookie, "fallback": policy}
        handler["load_balancing"] = {"selection_policy": policy}
    return [handler]


def handshakes(sites: Sequence[Site]) -> list[_Json]:
    """Return the policies of TLS: the first that names the host of a handshake decides about it.

    Where a wildcard asks for a newer version, the exact hosts below it that do not are named first.
    """
    strict = [site for site in sites if site.min_tls_version != _USUAL_TLS]
    below = tuple(without_wildcard(site.hostname) for site in strict if site.wildcard)
    usual = [
        site.hostname
        for site in sites
        if site.min_tls_version == _USUAL_TLS and site.hostname.partition(".")[2] in below
    ]
    told: list[_Json] = [{"match": {"sni": usual}}] if usual else []
    exact = [site.hostname for site in strict if not site.wildcard]
    wide = [site.hostname for site in strict if site.wildcard]
    told += [{"match": {"sni": some}, "protocol_min": "tls1.3"} for some in (exact, wide) if some]
    return [*told, {}]


def refused() -> _Json:
    """Return the route of errors for visitors without a password, which the proxy itself refuses."""
    told = {"handler": "static_response", "status_code": 401, "headers": {EDGE_HEADER: ["1"]}}
    match = {"vars": {"{http.error.status_code}": ["401"]}}
    return {"match": [match], "handle": [told], "terminal": True}


def _asking(auth: BasicAuth) -> _Json:
    """Return the handler that lets only those pass who know a password."""
    accounts = [{"username": one.name, "password": one.password_hash} for one in auth.users]
    provider = {"accounts": accounts, "realm": auth.realm, "hash": {"algorithm": "bcrypt"}}
    return {"handler": "authentication", "providers": {"http_basic": provider}}


def down() -> _Json:
    """Return the route of errors for applications that take no connection or do not answer.

    Errors are Caddy's own: what an application answers is passed on as it is.
    """
    headers = {
        "Content-Type": [f"{maintenance.MEDIA_TYPE}; charset=utf-8"],
        "Retry-After": [maintenance.RETRY_AFTER],
        EDGE_HEADER: ["1"],
    }
    page = {
        "handler": "static_response",
        "status_code": maintenance.STATUS,
        "headers": headers,
        "body": maintenance.PAGE,
    }
    match = {"vars": {"{http.error.status_code}": ["502", "503", "504"]}}
    return {"match": [match], "handle": [page], "terminal": True}


def _transport(settings: RouteSettings) -> _Json:
    """Return how Caddy speaks with the application, as far as it is not as usual."""
    told: _Json = {}
    if settings.timeouts is not None:
        seconds = {
            "dial_timeout": settings.timeouts.connect,
            "response_header_timeout": settings.timeouts.response,
        }
        told = {name: f"{value}s" for name, value in seconds.items() if value is not None}
    if settings.upstream_protocol == "h2c":
        told["versions"] = ["h2c", "2"]
    return told
