"""The hosts that are served, in memory: what `ask` and `route` are answered from.

An unknown name needs no cache: a miss is one look into a dict, which is cheaper than any cache. What
is remembered of such names is in `guard`.
"""

import json
import posixpath
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple, Self

from nameplate.core import health
from nameplate.core.asks import AskOutcome
from nameplate.core.names import is_wildcard, without_wildcard
from nameplate.usecases.serving.hosts import ServedHost

_MAX_LENGTH = 253 + len(".:65535")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_UNKNOWN, _RECURSIVE, _MALFORMED = AskOutcome.UNKNOWN, AskOutcome.RECURSIVE, AskOutcome.MALFORMED
_UNSECURED, _SPENT = AskOutcome.UNSECURED, AskOutcome.BUDGET_SPENT
_PORT = re.compile(r"[0-9]{0,5}")


class EdgeTarget(NamedTuple):
    """One address that gets a share of a path's requests."""

    application: str
    """Public id."""
    upstream: str
    """`host:port`."""
    weight: int = 100
    """0: drained."""


class EdgeRoute(NamedTuple):
    """Where requests below one path of a host go."""

    path: str
    targets: tuple[EdgeTarget, ...]
    """Heaviest first."""
    below: str
    """The path without its last slash: what the paths below it begin with."""
    answer: bytes
    """The JSON object that says so, from behind the host's name to its end."""

    @classmethod
    @lru_cache(maxsize=10_000)
    def of(cls, path: str, *targets: EdgeTarget, redirect: tuple[str, int] | None = None) -> Self:
        """Return the route; hosts of one application share it, and the JSON that is made here.

        The heaviest target stands beside the list of all, for who asks for one only. A redirect is
        answered alone: no application is to be asked.
        """
        application, upstream, _ = targets[0]
        listed = [target._asdict() for target in targets]
        shown: dict[str, Any] = {
            "path": path,
            "application": application,
            "upstream": upstream,
            "targets": listed,
        }
        if redirect is not None:
            shown = {"path": path, "redirect": {"host": redirect[0], "status": redirect[1]}}
        text = json.dumps(shown, separators=(",", ":")).removeprefix("{")
        return cls(path, targets, path.rstrip("/"), text.encode())

    @property
    def application(self) -> str:
        """Public id of the application that gets most."""
        return self.targets[0].application


class SnapshotEntry(NamedTuple):
    """What is known about one host. Hosts of one application share one entry."""

    permitted: bool
    routes: tuple[EdgeRoute, ...]
    """Longest path first."""
    root: EdgeRoute | None
    """The one that takes the path `/`: most questions are about no other."""
    is_spent: bool = False
    """A certificate would be permitted, and the authority would refuse an order now."""


class Match(NamedTuple):
    """The answer of `route`."""

    host: str
    """The name that was asked for, canonical."""
    route: EdgeRoute
    """The binding's path, not the request's, and where it leads."""


class Snapshot:
    """All hosts at one moment. It never changes: who holds one can ask it from any thread."""

    __slots__ = ("_exact", "_wild")

    def __init__(self, exact: dict[str, SnapshotEntry], wild: dict[str, SnapshotEntry]) -> None:
        """Hold exact hosts by name, and wildcards by the name without `*.`."""
        self._exact = exact
        self._wild = wild

    @classmethod
    def of(cls, hosts: Iterable[ServedHost]) -> Self:
        """Return the snapshot of these hosts; they come sorted by name."""
        grouped = groupby(hosts, attrgetter("hostname"))
        return cls({}, {}).replaced((name, list(of_name)) for name, of_name in grouped)

    def replaced(self, changed: Iterable[tuple[str, list[ServedHost]]]) -> Self:
        """Return a snapshot in which each named host leads to these, and to nothing else."""
        exact, wild = dict(self._exact), dict(self._wild)
        shared: dict[SnapshotEntry, SnapshotEntry] = {}
        for name, hosts in changed:
            starred = is_wildcard(name)
            entries, key = (wild, without_wildcard(name)) if starred else (exact, name)
            entry = _entry(hosts)
            if entry is None:
                entries.pop(key, None)
            else:
                entries[key] = shared.setdefault(entry, entry)
        return type(self)(exact, wild)

    def __len__(self) -> int:
        """Return the number of hosts."""
        return len(self._exact) + len(self._wild)

    def ask(self, host: str) -> bool:
        """Tell whether a certificate may be obtained for exactly this host now.

        A wildcard binding permits nothing: its certificate was obtained by dns-01, and a yes for
        every name below it would let anybody spend the platform's issuance limits.
        """
        entry = self._exact.get(host) or self._exact.get(canonical(host))
        return entry is not None and entry.permitted

    def refusal(self, host: str) -> tuple[AskOutcome, str]:
        """Return why `ask` says no, and the canonical name; takes as long for any name."""
        name = canonical(host)
        entry = self._exact.get(name)
        if entry is not None:
            return _SPENT if entry.is_spent else _UNSECURED, name
        label, dot, parent = name.partition(".")
        if not (label and dot):
            return _MALFORMED, name
        return _RECURSIVE if parent.startswith(label + dot) else _UNKNOWN, name

    def route(self, host: str, path: str = "/") -> Match | None:
        """Return where a request goes, None when nothing is served there.

        An exact host beats a wildcard, a longer path a shorter one; a wildcard covers one label
        (RFC 9525 section 6.3), a path itself and everything below it, compared by segments.
        """
        entry = self._exact.get(host)
        if entry is None or not entry.routes:
            host = canonical(host)
            entry = self._exact.get(host)
            if entry is None or not entry.routes:
                entry = self._covering(host)
            if entry is None:
                return None
        route = entry.root if path == "/" else _below(entry.routes, path)
        return None if route is None else Match(host, route)

    def _covering(self, name: str) -> SnapshotEntry | None:
        label, _, parent = name.partition(".")  # inlined: every request asks
        entry = self._wild.get(parent)
        return entry if entry is not None and _LABEL.fullmatch(label) else None


def _below(routes: tuple[EdgeRoute, ...], path: str) -> EdgeRoute | None:
    """Return the first route that takes this path."""
    if "/." in path or "//" in path:
        path = "/" + posixpath.normpath(path).lstrip("/")
    for route in routes:
        below = route.below
        if path.startswith(below) and path[len(below) : len(below) + 1] in {"", "/"}:
            return route
    return None


def canonical(host: str) -> str:
    """Return `host` in lower case without port and trailing dot, empty when it cannot be a name.

    Whether it is well-formed need not be checked: only well-formed names are looked for.
    """
    if len(host) > _MAX_LENGTH or not host.isascii():
        return ""  # `lower` would turn the Kelvin sign into a k
    name, _, port = host.lower().partition(":")
    return name.removesuffix(".") if _PORT.fullmatch(port) else ""


def _entry(hosts: list[ServedHost]) -> SnapshotEntry | None:
    """Return the entry of one host name, None when it leads nowhere.

    Two organizations can never hold one name; should the rows say so all the same, neither is
    served: a wrong answer would hand one's visitors to the other.
    """
    if len({host.organization for host in hosts}) != 1:
        return None
    routes = _routes([host for host in hosts if host.active])
    ordered = tuple(sorted(routes, key=_precedence) if len(routes) > 1 else routes)
    is_spent = any(host.is_budget_spent for host in hosts)
    permitted = not is_spent and any(host.permitted for host in hosts)
    return SnapshotEntry(permitted, ordered, _below(ordered, "/"), is_spent)


def _routes(hosts: list[ServedHost]) -> list[EdgeRoute]:
    """Return one route for each path, without those whose targets are all drained."""
    if len(hosts) == 1:  # as almost always
        (host,) = hosts
        target = EdgeTarget(host.application, host.upstream, host.weight)
        return [EdgeRoute.of(host.path, target, redirect=host.redirect)] if host.weight else []
    by_path: dict[str, list[ServedHost]] = {}
    for host in hosts:
        by_path.setdefault(host.path, []).append(host)
    redirects = {host.path: host.redirect for host in hosts}
    return [
        EdgeRoute.of(path, *sorted(_targets(of_path), key=_heaviest), redirect=redirects[path])
        for path, of_path in by_path.items()
        if any(host.weight for host in of_path)
    ]


def _targets(hosts: list[ServedHost]) -> set[EdgeTarget]:
    """Return the targets of one path; what is held back gets nothing while another is well."""
    weights = health.shares([(host.weight, host.is_held_back) for host in hosts])
    return {
        EdgeTarget(host.application, host.upstream, weight)
        for host, weight in zip(hosts, weights, strict=True)
    }


def _heaviest(target: EdgeTarget) -> tuple[int, EdgeTarget]:
    return -target.weight, target


def _precedence(route: EdgeRoute) -> tuple[int, EdgeRoute]:
    return -len(route.below), route
