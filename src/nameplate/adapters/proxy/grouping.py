"""The routes of one server grouped by host, where most of them are the same as before.

Of tens of thousands of routes a change touches a few: only their hosts are checked and grouped again,
by the very rules of `sites.group`. Whatever could be refused is left to a grouping of everything.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from types import MappingProxyType

from nameplate.adapters.proxy.sites import Site, group
from nameplate.ports.proxy import LaterKeyPair, Route, RouteRefused

_SINGLY = 200
"""Names that are put into order one by one; more are sorted together."""
_SAID = attrgetter(
    "hostname", "path", "upstream", "force_https", "hsts", "weight", "redirect", "settings",
    "answer", "edges",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SiteChange:
    """Sites that are other ones than before, by host."""

    gone: Mapping[str, Site]
    """As they were."""
    come: Mapping[str, Site]
    """As they are."""
    paired: Mapping[str, Site] = field(default_factory=dict)
    """Those that are the same, with a key pair that was read anew: one name stands for one certificate."""


@dataclass(slots=True)
class Grouping:
    """The routes that a server was last rendered for, and their sites."""

    routes: dict[str, Route] = field(default_factory=dict)
    """By id."""
    of_host: dict[str, tuple[Route, ...]] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    """By host, in no order."""

    def regroup(
        self, routes: Sequence[Route], unsupported: Mapping[str, str] = MappingProxyType({})
    ) -> SiteChange:
        """Take exactly these routes and return which sites that changes. Raises as `group` does."""
        known = self.routes
        ids = set(map(attrgetter("id"), routes))
        if len(ids) != len(routes):
            group(routes, unsupported)  # raises: one is there twice
        gone = known.keys() - ids
        new = [one for one in routes if known.get(one.id) is not one]
        changed = [one for one in new if not _is_same(known.get(one.id), one)]
        touched = {one.hostname for one in changed}
        touched |= {known[one.id].hostname for one in changed if one.id in known}
        touched |= {known[one].hostname for one in gone}
        return self._regrouped(routes, changed, gone, touched, unsupported)

    def _regrouped(
        self,
        routes: Sequence[Route],
        changed: Sequence[Route],
        gone: Collection[str],
        touched: Collection[str],
        unsupported: Mapping[str, str],
    ) -> SiteChange:
        left = {one.id for one in changed}.union(gone)
        of_host = {
            host: [one for one in self.of_host.get(host, ()) if one.id not in left]
            for host in touched
        }
        for one in changed:
            of_host[one.hostname].append(one)
        again = [one for of_it in of_host.values() for one in of_it]
        try:
            sites = group(again, unsupported)
        except RouteRefused:
            group(routes, unsupported)  # says it of all routes, in the order in which they came
            raise
        before = {host: self.sites[host] for host in touched if host in self.sites}
        come = {site.hostname: site for site in sites}
        for id_ in gone:
            del self.routes[id_]
        self.routes |= {one.id: one for one in changed}
        for host, of_it in of_host.items():
            if of_it:
                self.of_host[host], self.sites[host] = tuple(of_it), come[host]
            else:
                self.of_host.pop(host, None)
                self.sites.pop(host, None)
        return _difference(before, come)


def _difference(before: Mapping[str, Site], come: Mapping[str, Site]) -> SiteChange:
    paired = {
        host: site
        for host, site in come.items()
        if host in before and _says_the_same(before[host], site)
    }
    return SiteChange(
        {host: site for host, site in before.items() if host not in paired},
        {host: site for host, site in come.items() if host not in paired},
        paired,
    )


def _says_the_same(before: Site, now: Site) -> bool:
    """Tell whether two sites of a host lead to the same configuration."""
    names = [None if one.key_pair is None else one.key_pair.name for one in (before, now)]
    return (before.route_ids, before.locations, names[0]) == (
        now.route_ids,
        now.locations,
        names[1],
    )


def _is_same(known: Route | None, one: Route) -> bool:
    """Tell whether a route says what it said, without opening or reading any key pair."""
    if known is None or _SAID(known) != _SAID(one):
        return False
    before, now = known.key_pair, one.key_pair
    return before is now or (isinstance(before, LaterKeyPair) and before == now)


def reorder(order: list[str], gone: Collection[str], come: Collection[str]) -> None:
    """Take names out of a sorted list and put others into it, where it stays sorted."""
    if len(gone) + len(come) > _SINGLY:
        order[:] = sorted({*order}.difference(gone).union(come))
        return
    for name in gone:
        at = bisect_left(order, name)
        if at < len(order) and order[at] == name:
            del order[at]
    for name in come:
        at = bisect_left(order, name)
        if at == len(order) or order[at] != name:
            insort(order, name)
