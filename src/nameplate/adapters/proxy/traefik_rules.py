"""What Traefik is told, as its dynamic configuration. Tenant text arrives only through a checked `Site`.

Every router has its priority said: Traefik's own choice is the length of the rule. From high to low:

    the platform's own paths, exact hosts, [what others wrote without a priority], wildcards, nothing

So an exact host of somebody else beside Nameplate is never taken by a wildcard. Names begin with
`nameplate-`, a kind and an id, so that they meet nobody else's and can be read back.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nameplate.adapters.proxy import keys
from nameplate.adapters.proxy.sites import Site, SiteLocation, dial
from nameplate.adapters.proxy.traefik_route_settings import of_location as traefik_settings_of
from nameplate.core import maintenance
from nameplate.core.names import without_wildcard
from nameplate.ports.proxy import EDGE_HEADER, KeyPair, Redirect, Upstream

Json = dict[str, Any]

PREFIX = "nameplate-"
HSTS = "max-age=31536000"
"""One year, without subdomains: those may belong to somebody else (RFC 6797 section 6.1)."""
REVISION_PATH = "/.well-known/nameplate-edge"
"""Answered by Traefik itself, with what it serves in `REVISION_HEADER`."""
REVISION_HEADER = "X-Nameplate-Revision"
NOOP = "noop@internal"
_CHALLENGES = "PathPrefix(`/.well-known/acme-challenge/`) || PathPrefix(`/.well-known/nameplate/`)"
_REVISION, _CHALLENGE = 9_000_001, 9_000_000
_EXACT, _WILDCARD, _NOTHING = 3_000_000, -500, -900
"""Of a host; what its path is long is added. Coolify's own catch-all has -1000."""
_STRICT = {"sniStrict": True, "minVersion": "VersionTLS12"}
_MIN_VERSIONS = {"1.2": "VersionTLS12", "1.3": "VersionTLS13"}
_ROUTE = re.compile(rf"{PREFIX}(?:http|https)-([A-Za-z0-9_-]+)(?:@[a-z]+)?")


@dataclass(frozen=True, slots=True)
class TraefikLayout:
    """Where Traefik listens, and what it shares with whom."""

    http: str
    """Names of entry points."""
    https: str
    challenge_upstream: Upstream | None
    public_https_port: int
    shared: bool
    """Others serve hosts there too: what no host of ours is about is left to them."""
    page: bool = False
    """Nameplate's page stands for applications that are down."""

    @property
    def shows_page(self) -> bool:
        """The page is wanted, and somebody answers with it."""
        return self.page and self.challenge_upstream is not None


def name(kind: str, what: str) -> str:
    """Return the name of a router, service or option in Traefik."""
    return f"{PREFIX}{kind}-{what}"


def route_of(router: str) -> str | None:
    """Return the id of the route that a router serves; None for any other router."""
    found = _ROUTE.fullmatch(router)
    return found.group(1) if found else None


def common(layout: TraefikLayout, revision: str) -> Json:
    """Return what all sites share, what tells `revision`, and the answer to hosts that are not ours."""
    routers = {
        name("own", "revision"): {
            **_router(layout.http, f"Path(`{REVISION_PATH}`)", _REVISION),
            "middlewares": [f"{PREFIX}revision", *_closing()],
        }
    }
    services = {}
    if layout.challenge_upstream is not None:
        services[name("own", "challenges")] = _service(layout.challenge_upstream)
        if not layout.shared:
            routers[name("own", "challenges")] = _challenges(layout, "")
    tls: Json = {"options": {f"{PREFIX}closed": _CLOSED}}
    if not layout.shared:
        tls["options"]["default"] = _STRICT
        for kind, entry, more in (("nothing", layout.http, {}), ("nothings", layout.https, _tls())):
            closed = _router(entry, "PathPrefix(`/`)", _NOTHING)
            routers[name("own", kind)] = {**closed, "middlewares": _closing(), **more}
    http = {"routers": routers, "middlewares": _middlewares(layout, revision)}
    return {"http": http | ({"services": services} if services else {}), "tls": tls}


def site(layout: TraefikLayout, of: Site, certificate: tuple[str, str] | None) -> Json:
    """Return all of one host; `certificate` is where Traefik finds the bundle and the key."""
    key = of.route_ids[0]
    host = _host(of)
    routers: Json = {}
    services: Json = {}
    middlewares: Json = {}
    transports: Json = {}
    for location in of.locations:
        rule, priority = host + _path(location.path), _priority(of, location.path)
        service = name("app", location.key)
        own = traefik_settings_of(location, f"{PREFIX}%s-{location.key}")
        if location.is_said:
            service, own = NOOP, _said_of(layout, location)
            more = [*own]
        else:
            more = [*([f"{PREFIX}down"] if layout.shows_page else []), *own]
            services |= _services(service, location)
            transports |= _transport(location)
        middlewares |= own
        if location.hsts and location.settings.hsts is not None:
            middlewares[_hsts(location)] = _said(location.hsts_header)
        proxied = {"middlewares": [f"{PREFIX}mark", *more], "service": service}
        redirected = {"middlewares": [f"{PREFIX}mark", f"{PREFIX}secure"], "service": NOOP}
        is_forced = certificate and location.force_https and not location.is_said
        plain = redirected if is_forced else proxied
        router = _router(layout.http, rule, priority)
        routers[name("http", location.key)] = {**router, **plain}
        if certificate:
            router = _router(layout.https, rule, priority)
            secured = {**router, **_secured(location, service, more), **_tls(_options(of))}
            routers[name("https", location.key)] = secured
    if layout.shared and layout.challenge_upstream is not None:
        routers[name("challenges", key)] = _challenges(layout, f"{host} && ")
    routers |= _rest(layout, of, secure=certificate is not None)
    named = {"services": services, "middlewares": middlewares, "serversTransports": transports}
    http = {"routers": routers} | {what: all_ for what, all_ in named.items() if all_}
    document: Json = {"http": http}
    if certificate:
        bundle, private_key = certificate
        pair = {"certFile": bundle, "keyFile": private_key}
        # Traefik answers 421 where the handshake's name and the Host have different options (RFC
        # 9110 section 15.5.20), so each host has its own.
        document["tls"] = {"certificates": [pair], "options": {_options(of): _handshake(of)}}
    return document


def _handshake(of: Site) -> Json:
    return _STRICT | {"minVersion": _MIN_VERSIONS[of.min_tls_version]}


def closed(router: Json) -> Json:
    """Return a router that answers nothing in the place of what it answered."""
    return {**router, "middlewares": _closing(), "service": NOOP}


def paths_of(pair: KeyPair, folder: str) -> tuple[str, str]:
    """Return the files of a key pair below a folder."""
    stem = f"{folder}/{keys.stem(pair)}"
    return f"{stem}.crt", f"{stem}.key"


_CLOSED = {"minVersion": "VersionTLS13", "maxVersion": "VersionTLS12"}
"""No version is left, so every handshake fails before any certificate is presented."""
_DOWN = {
    "status": ["502", "504"],
    "statusRewrites": {"502": maintenance.STATUS, "504": maintenance.STATUS},
    "service": name("own", "challenges"),
    "query": maintenance.PATH,
}
"""Traefik cannot tell its own 502 and 504 from those of an application, and has no page itself."""


def _router(entry_point: str, rule: str, priority: int) -> Json:
    return {"entryPoints": [entry_point], "rule": rule, "priority": priority, "service": NOOP}


def _service(upstream: Upstream) -> Json:
    return {"loadBalancer": {"servers": [{"url": f"http://{dial(upstream)}"}]}}


def _services(service: str, location: SiteLocation) -> Json:
    """Return the service of a path: one address, or the shares of several."""
    if len(location.targets) == 1:
        return {service: _application(location, location.targets[0].upstream)}
    named = {name("to", f"{location.key}-{n}"): one for n, one in enumerate(location.targets)}
    shares = [{"name": each, "weight": one.weight} for each, one in named.items()]
    addresses = {each: _application(location, one.upstream) for each, one in named.items()}
    weighted: Json = {"services": shares}
    sticky = location.settings.sticky
    if sticky is not None:
        cookie = {"name": sticky.cookie, "httpOnly": True, "sameSite": "lax"}
        weighted["sticky"] = {"cookie": {**cookie, "secure": location.force_https}}
    return {service: {"weighted": weighted}, **addresses}


def _application(location: SiteLocation, upstream: Upstream) -> Json:
    """Return the service of one address of a path."""
    scheme = "h2c" if location.settings.upstream_protocol == "h2c" else "http"
    balancer: Json = {"servers": [{"url": f"{scheme}://{dial(upstream)}"}]}
    if _transport(location):
        balancer["serversTransport"] = name("wait", location.key)
    return {"loadBalancer": balancer}


def _tls(options: str | None = None) -> Json:
    return {"tls": {"options": options} if options else {}}


def _closing() -> list[str]:
    return [f"{PREFIX}mark", f"{PREFIX}nothing"]


def _challenges(layout: TraefikLayout, host: str) -> Json:
    """Return the router of the paths that Nameplate itself answers, on plain HTTP before any redirect."""
    router = _router(layout.http, f"{host}({_CHALLENGES})", _CHALLENGE)
    return {**router, "middlewares": [f"{PREFIX}mark"], "service": name("own", "challenges")}


def _middlewares(layout: TraefikLayout, revision: str) -> Json:
    """Return what routers go through. Traefik itself overwrites the X-Forwarded-* of clients."""
    port = {} if layout.public_https_port == 443 else {"port": str(layout.public_https_port)}  # noqa: PLR2004  # HTTPS
    told = {
        "mark": {"customResponseHeaders": {EDGE_HEADER: "1"}, "customRequestHeaders": {"Forwarded": ""}},
        "hsts": {"customResponseHeaders": {"Strict-Transport-Security": HSTS}},
        "revision": {"customResponseHeaders": {REVISION_HEADER: revision}},
    }  # fmt: skip
    down = {f"{PREFIX}down": {"errors": _DOWN}} if layout.shows_page else {}
    return {
        **down,
        **{f"{PREFIX}{what}": {"headers": headers} for what, headers in told.items()},
        f"{PREFIX}secure": {"redirectScheme": {"scheme": "https", "permanent": True, **port}},
        # Traefik can close no connection; this is the least that it can say.
        f"{PREFIX}nothing": _refusing(404),
    }


def _said_of(layout: TraefikLayout, location: SiteLocation) -> Json:
    """Return the middleware that answers in place of the application, if one does."""
    if location.answer is not None:
        return {name("answer", location.key): _refusing(location.answer)}
    if location.redirect is not None:
        return {name("move", location.key): _moved(layout, location.redirect)}
    return {}


def _refusing(status: int) -> Json:
    """Return the middleware that answers everybody with a status: nobody has this address."""
    return {"ipAllowList": {"sourceRange": ["255.255.255.255/32"], "rejectStatusCode": status}}


def _secured(location: SiteLocation, service: str, more: Sequence[str]) -> Json:
    hsts = [_hsts(location)] if location.hsts else []
    return {"middlewares": [f"{PREFIX}mark", *hsts, *more], "service": service}


def _hsts(location: SiteLocation) -> str:
    """Return the middleware that says what the path says, which most paths share."""
    return f"{PREFIX}hsts" if location.settings.hsts is None else name("hsts", location.key)


def _said(header: str) -> Json:
    return {"headers": {"customResponseHeaders": {"Strict-Transport-Security": header}}}


def _transport(location: SiteLocation) -> Json:
    """Return how long the application of a path is waited for, where somebody decided."""
    timeouts = location.settings.timeouts
    if timeouts is None:
        return {}
    seconds = {"dialTimeout": timeouts.connect, "responseHeaderTimeout": timeouts.response}
    told = {what: f"{value}s" for what, value in seconds.items() if value is not None}
    return {name("wait", location.key): {"forwardingTimeouts": told}} if told else {}


def _moved(layout: TraefikLayout, to: Redirect) -> Json:
    """Return the redirect to another host. Traefik sees the whole URL, and chooses 301 for a GET, else 308."""
    port = "" if layout.public_https_port == 443 else f":{layout.public_https_port}"  # noqa: PLR2004  # HTTPS
    target = f"https://{to.hostname}{port}/${{1}}"
    return {
        "redirectRegex": {"regex": "^https?://[^/]+/(.*)", "replacement": target, "permanent": True}
    }


def _host(of: Site) -> str:
    """Return the rule of a host. `Host` takes a final dot too, which no certificate is for.

    Traefik before 3.7 never matches `Host` with a wildcard, and 3.7 finds the TLS options by it.
    """
    if not of.wildcard:
        return f"Host(`{of.hostname}`) && !HostRegexp(`\\.$`)"
    below = re.escape(without_wildcard(of.hostname))
    one_label = f"HostRegexp(`^[^.]+\\.{below}$`)"
    return f"{one_label} && (Host(`{of.hostname}`) || {one_label})"


def _options(of: Site) -> str:
    """Return the name of a host's TLS options, which lasts while its routes come and go.

    Traefik answers 421 on connections whose handshake had options of another name.
    """
    return name("host", of.hostname.replace("*", "_"))


def _path(path: str) -> str:
    """Return the rule of a path: itself and everything below, nothing beside."""
    return "" if path == "/" else f" && (Path(`{path}`) || PathPrefix(`{path}/`))"


def _priority(of: Site, path: str) -> int:
    return (_WILDCARD if of.wildcard else _EXACT) + len(path)


def _rest(layout: TraefikLayout, of: Site, *, secure: bool) -> Json:
    """Return what closes all of the host that no route is about: a wildcard would answer for it."""
    key, host, priority = of.route_ids[0], _host(of), _priority(of, "")
    routers: Json = {}
    if not any(location.path == "/" for location in of.locations):
        routers[name("rest", key)] = closed(_router(layout.http, host, priority))
        if secure:
            rest = closed(_router(layout.https, host, priority))
            routers[name("rests", key)] = {**rest, **_tls(_options(of))}
    if not secure and not of.wildcard:
        rest = closed(_router(layout.https, host, priority))
        routers[name("rests", key)] = {**rest, **_tls(f"{PREFIX}closed")}
    return routers


def hosts_of(rules: Sequence[str]) -> set[str]:
    """Return the hosts that rules of Traefik name."""
    named = [inside for rule in rules for inside in re.findall(r"\bHost\(([^)]*)\)", rule)]
    return {host.lower() for text in named for host in re.findall(r"[`\"']([^`\"']+)[`\"']", text)}
