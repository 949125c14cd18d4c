"""The boundary of every proxy adapter: routes are checked again here and grouped by host.

Whatever passes is safe to write into a proxy's configuration: letters, digits, dots and hyphens.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from nameplate.core import paths
from nameplate.core.errors import Refused
from nameplate.core.names import is_wildcard
from nameplate.ports.proxy import KeyPair, Route, RouteRefused, Upstream

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)+(?=[a-z0-9-]*[a-z]){_LABEL}")
_UPSTREAM = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,252})", re.IGNORECASE)
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MAX_NAME = 253  # RFC 1035 section 2.3.4, without the trailing dot
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class SiteLocation:
    """One path of a host."""

    route_id: str
    path: str
    """`/`, or a path without trailing slash that covers itself and everything below."""
    upstream: Upstream
    force_https: bool
    hsts: bool


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that one host serves."""

    hostname: str
    route_ids: tuple[str, ...]
    locations: tuple[SiteLocation, ...]
    """Longest path first."""
    key_pair: KeyPair | None

    @property
    def wildcard(self) -> bool:
        """The name stands for every host one label below it."""
        return is_wildcard(self.hostname)


def group(routes: Sequence[Route]) -> tuple[Site, ...]:
    """Return one site for each host, sorted by name, exact names before wildcards.

    Raises `RouteRefused` with every route that is not strictly of its form or contradicts an earlier
    one: those are to be left out, and cost no other route anything.
    """
    faults: dict[str, tuple[str, str]] = {}
    hosts: dict[str, dict[str, Route]] = {}
    seen: set[str] = set()
    for route in routes:
        of_host = hosts.setdefault(route.hostname, {})
        fault = _fault(route) or _contradiction(route, of_host)
        if route.id in seen:
            raise Refused("route_repeated", "Two routes have the same id. Give each binding once.")
        seen.add(route.id)
        if fault is None:
            of_host[route.path] = route
        else:
            faults[route.id] = fault
    if faults:
        code, detail = next(iter(faults.values()))
        reasons = {route_id: reason for route_id, (_, reason) in faults.items()}
        raise RouteRefused(code, detail, tuple(faults), reasons)
    sites = [_site(hostname, tuple(of_host.values())) for hostname, of_host in hosts.items()]
    return tuple(sorted(sites, key=lambda site: (site.wildcard, site.hostname)))


def dial(upstream: Upstream) -> str:
    """Return `host:port`, an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    host = f"[{upstream.host}]" if ":" in upstream.host else upstream.host
    return f"{host}:{upstream.port}"


def check_upstream(upstream: Upstream) -> bool:
    """Tell whether the upstream is a host name or an IP address, and a port."""
    return 0 < upstream.port <= _MAX_PORT and (_is_name(upstream.host) or is_ip(upstream.host))


def own_upstream(upstream: Upstream | None) -> Upstream | None:
    """Return Nameplate's own address. Raises Refused when it is none."""
    if upstream is not None and not check_upstream(upstream):
        detail = "Expected a host name or IP address and a port in `proxy.challenge_upstream`."
        raise Refused("setting_invalid", detail)
    return upstream


def _site(hostname: str, routes: Sequence[Route]) -> Site:
    """Join the routes of one host, which have different paths and one certificate."""
    ordered = sorted(routes, key=lambda route: (-len(route.path), route.path))
    locations = tuple(
        SiteLocation(route.id, route.path, route.upstream, route.force_https, route.hsts)
        for route in ordered
    )
    ids = tuple(sorted(route.id for route in routes))
    return Site(hostname, ids, locations, _key_pair(routes))


def _key_pair(routes: Iterable[Route]) -> KeyPair | None:
    return next((route.key_pair for route in routes if route.key_pair is not None), None)


def _contradiction(route: Route, earlier: Mapping[str, Route]) -> tuple[str, str] | None:
    """Return code and sentence when routes of the host that came before leave no room for this one."""
    if route.path in earlier:
        return (
            "path_repeated",
            f"{route.hostname}{route.path} is already served by another binding.",
        )
    pair = _key_pair(earlier.values())
    if route.key_pair is not None and pair is not None and route.key_pair != pair:
        detail = f"{route.hostname}: another binding of the host presents a different certificate."
        return "certificate_ambiguous", detail
    return None


def _fault(route: Route) -> tuple[str, str] | None:
    """Return code and sentence for a route that is not strictly of its form, without repeating it."""
    faults = {
        "route_id_invalid": not _ID.fullmatch(route.id),
        "hostname_invalid": not _is_hostname(route.hostname),
        "path_invalid": not paths.is_canonical(route.path),
        "upstream_invalid": not check_upstream(route.upstream),
        "key_pair_id_invalid": route.key_pair is not None and not _ID.fullmatch(route.key_pair.id),
    }
    code = next((code for code, wrong in faults.items() if wrong), None)
    if code is None:
        return None
    what = code.removesuffix("_invalid").replace("_", " ")
    return code, f"The {what} of a route does not have the expected form."


def _is_hostname(text: str) -> bool:
    return len(text) <= _MAX_NAME and _HOSTNAME.fullmatch(text) is not None


def _is_name(text: str) -> bool:
    return _UPSTREAM.fullmatch(text) is not None and ".." not in text


def is_ip(text: str) -> bool:
    """Tell whether the host of an upstream is an IP address without a zone."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return getattr(address, "scope_id", None) is None
