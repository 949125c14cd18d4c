"""Taking routes out of the document that Caddy runs, without anything else of a new one."""

from collections.abc import Sequence
from typing import Any

from nameplate.ports.proxy import RoutePlace

_Json = dict[str, Any]


def pattern(path: str) -> str:
    """Return the regular expression of a path: itself and everything below, nothing beside."""
    return "^" + path.replace(".", r"\.") + "(?:/|$)"


def without(routes: Sequence[_Json], places: Sequence[RoutePlace]) -> list[_Json]:
    """Return the routes of one server without the places.

    A host of which nothing is left stays, and is closed: a wildcard of somebody else would answer.
    """
    gone: dict[str, set[str | None]] = {}
    for place in places:
        paths = gone.setdefault(place.hostname, set())
        paths.add(None if place.path == "/" else pattern(place.path))
    left: list[_Json] = []
    for route in routes:
        hosts = _hosts(route)
        stay = [host for host in hosts if host not in gone]
        left += [_closed(route, host, gone[host]) for host in hosts if host in gone]
        if stay or not hosts:
            left.append({**route, "match": [{"host": stay}]} if hosts else route)
    return left


def _hosts(route: _Json) -> list[str]:
    matchers = route.get("match") or [{}]
    hosts: list[str] = matchers[0].get("host") or []
    return hosts


def _closed(route: _Json, host: str, paths: set[str | None]) -> _Json:
    """Return the route of one host without its paths; the last of a subroute closes the rest."""
    (handler,) = route["handle"]
    *inside, closing = handler["routes"]
    stay = [one for one in inside if _path(one) not in paths]
    handle = [{**handler, "routes": [*stay, closing]}]
    return {**route, "match": [{"host": [host]}], "handle": handle}


def _path(route: _Json) -> str | None:
    matchers = route.get("match") or [{}]
    found: str | None = matchers[0].get("path_regexp", {}).get("pattern")
    return found
