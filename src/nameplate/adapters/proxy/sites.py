"""The boundary of every proxy adapter: routes are checked again here and grouped by host.

Whatever passes is safe to write into a proxy's configuration: letters, digits, dots and hyphens.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from nameplate.core.errors import Refused
from nameplate.ports.proxy import KeyPair, Route, RouteRefused, Upstream

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)+(?=[a-z0-9-]*[a-z]){_LABEL}")
_UPSTREAM = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,252})", re.IGNORECASE)
_PATH = re.compile(r"/|(?:/[A-Za-z0-9._~-]+)+/?")
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MAX_NAME = 253  # RFC 1035 section 2.3.4, without the trailing dot
_MAX_PATH = 1024
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class SiteLocation:
    """One path of a host."""

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
        return self.hostname.startswith("*.")


def group(routes: Sequence[Route]) -> tuple[Site, ...]:
    """Return one site for each host, sorted by name, exact names before wildcards.

    Raises `RouteRefused` for the first route that is not strictly of its form.
    """
    hosts: dict[str, list[Route]] = {}
    for route in routes:
        _check(route)
        hosts.setdefault(route.hostname, []).append(route)
    ids = [route.id for route in routes]
    if len(set(ids)) != len(ids):
        raise Refused("route_repeated", "two routes carry the same id; give each binding once")
    sites = [_site(hostname, members) for hostname, members in hosts.items()]
    return tuple(sorted(sites, key=lambda site: (site.wildcard, site.hostname)))


def dial(upstream: Upstream) -> str:
    """Return `host:port`, an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    host = f"[{upstream.host}]" if ":" in upstream.host else upstream.host
    return f"{host}:{upstream.port}"


def check_upstream(upstream: Upstream) -> bool:
    """Tell whether the upstream is a host name or an IP address, and a port."""
    return 0 < upstream.port <= _MAX_PORT and (_is_name(upstream.host) or _is_ip(upstream.host))


def own_upstream(upstream: Upstream | None) -> Upstream | None:
    """Return Nameplate's own address. Raises Refused when it is none."""
    if upstream is not None and not check_upstream(upstream):
        detail = "Expected a host name or IP address and a port in `proxy.challenge_upstream`."
        raise Refused("setting_invalid", detail)
    return upstream


def _site(hostname: str, routes: Sequence[Route]) -> Site:
    """Join the routes of one host; paths must differ and the certificate must be one."""
    ordered = sorted(routes, key=lambda route: (-len(route.path.rstrip("/")), route.path, route.id))
    locations = tuple(
        SiteLocation(route.path.rstrip("/") or "/", route.upstream, route.force_https, route.hsts)
        for route in ordered
    )
    ids = tuple(sorted(route.id for route in routes))
    if len({location.path for location in locations}) != len(locations):
        raise RouteRefused("path_repeated", f"{hostname}: two routes have the same path", ids)
    pairs = [route.key_pair for route in ordered if route.key_pair is not None]
    if any(pair != pairs[0] for pair in pairs):
        raise RouteRefused(
            "certificate_ambiguous", f"{hostname}: its routes name different certificates", ids
        )
    return Site(hostname, ids, locations, pairs[0] if pairs else None)


def _check(route: Route) -> None:
    """Refuse a route with anything that is not strictly of its form, without repeating it."""
    faults = {
        "route_id_invalid": not _ID.fullmatch(route.id),
        "hostname_invalid": not _is_hostname(route.hostname),
        "path_invalid": not _is_path(route.path),
        "upstream_invalid": not check_upstream(route.upstream),
        "key_pair_id_invalid": route.key_pair is not None and not _ID.fullmatch(route.key_pair.id),
    }
    for code, wrong in faults.items():
        if wrong:
            what = code.removesuffix("_invalid").replace("_", " ")
            raise RouteRefused(code, f"a route's {what} is not of its strict form", [route.id])


def _is_hostname(text: str) -> bool:
    return len(text) <= _MAX_NAME and _HOSTNAME.fullmatch(text) is not None


def _is_path(text: str) -> bool:
    if len(text) > _MAX_PATH or not _PATH.fullmatch(text):
        return False
    return not {".", ".."} & set(text.split("/"))


def _is_name(text: str) -> bool:
    return _UPSTREAM.fullmatch(text) is not None and ".." not in text


def _is_ip(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return getattr(address, "scope_id", None) is None
