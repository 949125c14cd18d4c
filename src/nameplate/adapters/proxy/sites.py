"""The boundary of every proxy adapter: routes are checked again here and grouped by host.

Whatever passes is safe to write into a proxy's configuration: letters, digits, dots and hyphens.
"""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from types import MappingProxyType

from nameplate.core import paths, suspension
from nameplate.core.errors import Refused
from nameplate.core.names import is_wildcard
from nameplate.core.redirection import STATUSES
from nameplate.core.route_settings import USUAL, Hsts, RouteSettings, beyond, is_network, is_sound
from nameplate.ports.proxy import KeyPair, Redirect, Route, RouteRefused, Upstream

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)+(?=[a-z0-9-]*[a-z]){_LABEL}")
_UPSTREAM = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,252})", re.IGNORECASE)
_ROUTE_ID = re.compile(r"[A-Za-z0-9_]{1,80}")
"""Of letters that names in every proxy's configuration may have: nginx's variables know no hyphen."""
_KEY_PAIR_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MAX_NAME = 253  # RFC 1035 section 2.3.4, without the trailing dot
_MAX_PORT = 65535
_MAX_WEIGHT = 100


@dataclass(frozen=True, slots=True)
class WeightedUpstream:
    """One address that gets a share of a path's requests."""

    upstream: Upstream
    weight: int
    """At least 1; what it is a share of is the sum of the path's weights."""


@dataclass(frozen=True, slots=True)
class SiteLocation:
    """One path of a host."""

    route_ids: tuple[str, ...]
    path: str
    """`/`, or a path without trailing slash that covers itself and everything below."""
    targets: tuple[WeightedUpstream, ...]
    """At least one, ordered by address; each address once."""
    force_https: bool
    hsts: bool
    redirect: Redirect | None = None
    settings: RouteSettings = USUAL
    answer: int | None = None
    """The only thing that is said, where there is one."""
    edges: tuple[str, ...] = ()
    """Networks of edges in front, who tell where visitors come from; empty unless that decides anything."""

    @property
    def is_said(self) -> bool:
        """The proxy itself answers: the application is not asked."""
        return self.redirect is not None or self.answer is not None

    @property
    def hsts_header(self) -> str:
        """What Strict-Transport-Security says; one year, without subdomains, unless somebody decided."""
        return (self.settings.hsts or Hsts()).header

    @property
    def key(self) -> str:
        """The name of the path in a proxy's configuration: the id of its first route."""
        return self.route_ids[0]


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that one host serves."""

    hostname: str
    route_ids: tuple[str, ...]
    locations: tuple[SiteLocation, ...]
    """Longest path first."""
    key_pair: KeyPair | None

    @property
    def min_tls_version(self) -> str:
        """The oldest version of TLS that visitors may use: a handshake knows no path."""
        return max(location.settings.min_tls_version for location in self.locations)

    @property
    def wildcard(self) -> bool:
        """The name stands for every host one label below it."""
        return is_wildcard(self.hostname)


def group(
    routes: Sequence[Route], unsupported: Mapping[str, str] = MappingProxyType({})
) -> tuple[Site, ...]:
    """Return one site for each host, sorted by name, exact names before wildcards.

    `unsupported` says which settings this proxy does not know, and why.

    Raises `RouteRefused` with every route that is not strictly of its form or contradicts an earlier
    one: those are to be left out, and cost no other route anything.
    """
    faults: dict[str, tuple[str, str]] = {}
    hosts: dict[str, dict[str, list[Route]]] = {}
    seen: set[str] = set()
    for route in routes:
        of_host = hosts.setdefault(route.hostname, {})
        fault = _fault(route) or _beyond(route, unsupported) or _contradiction(route, of_host)
        if route.id in seen:
            raise Refused("route_repeated", "Two routes have the same id. Give each binding once.")
        seen.add(route.id)
        if fault is None:
            of_host.setdefault(route.path, []).append(route)
        else:
            faults[route.id] = fault
    faults |= _drained(hosts)
    if faults:
        code, detail = next(iter(faults.values()))
        reasons = {route_id: reason for route_id, (_, reason) in faults.items()}
        raise RouteRefused(code, detail, tuple(faults), reasons)
    sites = [_site(hostname, of_host) for hostname, of_host in hosts.items()]
    return tuple(sorted(sites, key=lambda site: (site.wildcard, site.hostname)))


def dial(upstream: Upstream) -> str:
    """Return `host:port`, an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    host = f"[{upstream.host}]" if ":" in upstream.host else upstream.host
    return f"{host}:{upstream.port}"


@functools.lru_cache(4096)
def check_upstream(upstream: Upstream) -> bool:
    """Tell whether the upstream is a host name or an IP address, and a port."""
    return 0 < upstream.port <= _MAX_PORT and (_is_name(upstream.host) or is_ip(upstream.host))


def own_upstream(upstream: Upstream | None) -> Upstream | None:
    """Return Nameplate's own address. Raises Refused when it is none."""
    if upstream is not None and not check_upstream(upstream):
        detail = "Expected a host name or IP address and a port in `proxy.challenge_upstream`."
        raise Refused("setting_invalid", detail)
    return upstream


def _site(hostname: str, paths_of: Mapping[str, Sequence[Route]]) -> Site:
    """Join the routes of one host, which have one certificate."""
    if len(paths_of) == 1:
        ((path, routes),) = paths_of.items()
        if len(routes) == 1:  # as nearly all hosts have it
            route = routes[0]
            return Site(hostname, (route.id,), (_location(path, routes),), route.key_pair)
    ordered = sorted(paths_of, key=lambda path: (-len(path), path))
    locations = tuple(_location(path, paths_of[path]) for path in ordered)
    every = [route for routes in paths_of.values() for route in routes]
    return Site(hostname, tuple(sorted(route.id for route in every)), locations, _key_pair(every))


def _location(path: str, routes: Sequence[Route]) -> SiteLocation:
    """Join the targets of one path, which have the same settings."""
    first = routes[0]
    alone = (WeightedUpstream(first.upstream, first.weight),)
    return SiteLocation(
        (first.id,) if len(routes) == 1 else tuple(sorted(route.id for route in routes)),
        path,
        alone if len(routes) == 1 else _targets(routes),
        first.force_https,
        first.hsts,
        first.redirect,
        first.settings,
        first.answer,
        first.edges if first.settings.allow_ips else (),
    )


def _targets(routes: Sequence[Route]) -> tuple[WeightedUpstream, ...]:
    """Return each address once, with all of its weight, ordered."""
    weights: dict[Upstream, int] = {}
    for route in routes:
        if route.weight:
            weights[route.upstream] = weights.get(route.upstream, 0) + route.weight
    ordered = sorted(weights, key=lambda one: (one.host, one.port))
    return tuple(WeightedUpstream(one, weights[one]) for one in ordered)


def _key_pair(routes: Iterable[Route]) -> KeyPair | None:
    return next((route.key_pair for route in routes if route.key_pair is not None), None)


def _contradiction(route: Route, earlier: Mapping[str, Sequence[Route]]) -> tuple[str, str] | None:
    """Return code and sentence when routes of the host that came before leave no room for this one."""
    beside = earlier.get(route.path)
    if beside and _settings(beside[0]) != _settings(route):
        return (
            "route_settings_differ",
            f"{route.hostname}{route.path}: another target of the route has other settings.",
        )
    pair = _key_pair(one for routes in earlier.values() for one in routes)
    if route.key_pair is not None and pair is not None and route.key_pair != pair:
        detail = f"{route.hostname}: another binding of the host presents a different certificate."
        return "certificate_ambiguous", detail
    return None


def _settings(route: Route) -> tuple[object, ...]:
    """Return what all targets of one path have alike."""
    said = route.redirect, route.answer
    return route.force_https, route.hsts, route.settings, route.edges, *said


def _drained(hosts: Mapping[str, Mapping[str, Sequence[Route]]]) -> dict[str, tuple[str, str]]:
    """Return the routes of paths that no target takes requests of."""
    detail = "Every target of this host and path has the weight 0. Give one of them a weight."
    return {
        route.id: ("route_drained", detail)
        for of_host in hosts.values()
        for routes in of_host.values()
        if not any(route.weight for route in routes)
        for route in routes
    }


def _fault(route: Route) -> tuple[str, str] | None:
    """Return code and sentence for a route that is not strictly of its form, without repeating it."""
    faults = {
        "route_id_invalid": not _ROUTE_ID.fullmatch(route.id),
        "hostname_invalid": not _is_hostname(route.hostname),
        "path_invalid": not paths.is_canonical(route.path),
        "upstream_invalid": not check_upstream(route.upstream),
        "redirect_invalid": route.redirect is not None and not _leads_on(route, route.redirect),
        "route_settings_invalid": not is_sound(route.settings)
        or not all(map(is_network, route.edges))
        or route.answer not in {None, *suspension.STATUSES},
        "weight_invalid": not 0 <= route.weight <= _MAX_WEIGHT,
        "key_pair_id_invalid": route.key_pair is not None
        and not _KEY_PAIR_ID.fullmatch(route.key_pair.id),
    }
    code = next((code for code, wrong in faults.items() if wrong), None)
    if code is None:
        return None
    what = code.removesuffix("_invalid").replace("_", " ")
    return code, f"The {what} of a route does not have the expected form."


def _beyond(route: Route, unsupported: Mapping[str, str]) -> tuple[str, str] | None:
    """Return code and sentence when a route wants what its proxy cannot do."""
    if route.settings == USUAL:
        return None
    wanted = beyond(route.settings, unsupported)
    return ("setting_unsupported", next(iter(wanted.values()))) if wanted else None


def _leads_on(route: Route, redirect: Redirect) -> bool:
    """Tell whether a redirect leads from its host to another one, and not from a wildcard."""
    names = (route.hostname, redirect.hostname)
    exact = all(_is_hostname(name) and not is_wildcard(name) for name in names)
    return exact and names[0] != names[1] and redirect.status in STATUSES


def _is_hostname(text: str) -> bool:
    return len(text) <= _MAX_NAME and _HOSTNAME.fullmatch(text) is not None


def _is_name(text: str) -> bool:
    return _UPSTREAM.fullmatch(text) is not None and ".." not in text


@functools.lru_cache(4096)
def is_ip(text: str) -> bool:
    """Tell whether the host of an upstream is an IP address without a zone."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return getattr(address, "scope_id", None) is None
