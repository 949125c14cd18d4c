"""What Caddy was last rendered of a server, and what follows from it when some routes change."""

import json
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nameplate.adapters.proxy import caddy_certificates, caddy_handlers, caddy_layout
from nameplate.adapters.proxy.caddy_certificates import AskedCertificates
from nameplate.adapters.proxy.caddy_layout import CaddyLayout
from nameplate.adapters.proxy.grouping import Grouping, SiteChange, reorder
from nameplate.adapters.proxy.pair_files import PairFiles
from nameplate.adapters.proxy.sites import Site
from nameplate.core.route_settings import USUAL
from nameplate.ports.proxy import Config, Route

_Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CaddyPiece:
    """One request that makes one document of another: a host more or less, or the hosts of a behaviour."""

    before: bytes
    """The document that Caddy must run for this, letter by letter."""
    method: str
    place: str
    """Path below `/config`."""
    content: bytes | None


@dataclass(frozen=True, slots=True)
class CaddyConfig(Config):
    """A document, with what Caddy is not told of."""

    asked: Mapping[str, str] = field(default_factory=dict)
    """Host -> stem of the pair that Caddy asks itself for."""
    loaded: Collection[str] = ()
    """Stems of the pairs that the document names."""
    piece: CaddyPiece | None = None
    """What makes it of the document before, where that is one request."""


@dataclass(eq=False, slots=True)
class _CaddyBehaviour:
    """Hosts that behave alike, sorted; Caddy searches a long host list by halves, routes one by one."""

    key: tuple[bool, str]
    routes: list[_Json]
    hosts: list[str] = field(default_factory=list)

    @property
    def route(self) -> _Json:
        """The route of all of them."""
        return caddy_layout.route(self.hosts, self.routes)


class CaddyRendering:
    """One server's hosts by behaviour. Caddy's document is written anew each time, which takes little."""

    def __init__(self, layout: CaddyLayout) -> None:
        """Begin without a host."""
        self._layout = layout
        self._grouping = Grouping()
        self._pairs = PairFiles()
        self._asked = AskedCertificates()
        self._strict: dict[str, Site] = {}
        self._behaviours: dict[tuple[bool, str], _CaddyBehaviour] = {}
        self._known: dict[object, _CaddyBehaviour] = {}
        self._of_host: dict[str, _CaddyBehaviour] = {}
        self._document = b""
        self._around: object = None
        """All but the hosts of behaviours, as it was rendered last."""

    def config(self, routes: Sequence[Route]) -> CaddyConfig:
        """Return the configuration for exactly these routes. Raises `RouteRefused`."""
        change = self._grouping.regroup(routes)
        self._pairs.change(change)
        self._asked.change(change, self._grouping.sites)
        for host in change.gone:
            self._strict.pop(host, None)
        self._strict |= {
            host: site
            for host, site in change.come.items()
            if site.min_tls_version != USUAL.min_tls_version
        }
        asked = self._asked.where_many(self._layout.many)
        told = bool(asked) and self._layout.can_be_one
        existed = set(self._behaviours)
        touched = self._follow(change)
        before, around = self._document, self._around
        self._document = self._written(asked, told=told)
        piece = None
        if before and told and around == self._around:
            piece = self._piece(before, existed, touched)
        pairs = self._pairs
        files = {caddy_certificates.DOCUMENT: self._document}
        return CaddyConfig(
            files, dict(pairs.secrets), dict(pairs.owners), dict(pairs.later),
            asked=asked, loaded=self._asked.loaded(asked), piece=piece,
        )  # fmt: skip

    def _follow(self, change: SiteChange) -> dict[_CaddyBehaviour, tuple[list[str], list[str]]]:
        """Return which behaviours lose and get which hosts."""
        touched: dict[_CaddyBehaviour, tuple[list[str], list[str]]] = {}
        for host in change.gone:
            touched.setdefault(self._of_host.pop(host), ([], []))[0].append(host)
        for host, site in change.come.items():
            alike = self._of_host[host] = self._alike(site)
            touched.setdefault(alike, ([], []))[1].append(host)
        for alike, (left, entered) in touched.items():
            both = set(left).intersection(entered)
            left[:] = [host for host in left if host not in both]
            entered[:] = [host for host in entered if host not in both]
            reorder(alike.hosts, left, entered)
            if not alike.hosts:
                del self._behaviours[alike.key]
                self._known = {key: one for key, one in self._known.items() if one is not alike}
        return {alike: moved for alike, moved in touched.items() if any(moved)}

    def _alike(self, site: Site) -> _CaddyBehaviour:
        secure = self._layout.is_secure(site)
        key = secure, site.wildcard, tuple(map(caddy_layout.without_ids, site.locations))
        found = self._known.get(key)
        if found is None:
            routes = self._layout.both(site)
            text = site.wildcard, json.dumps(routes, sort_keys=True)
            found = self._behaviours.setdefault(text, _CaddyBehaviour(text, routes))
            self._known[key] = found
        return found

    def _written(self, asked: Mapping[str, str], *, told: bool) -> bytes:
        loaded = self._asked.loaded(asked)
        if not told:
            self._around = None
            sites = self._ordered(self._grouping.sites.values())
            return _as_caddy(self._layout.for_each(sites, loaded, is_asked=bool(asked)))
        strict = self._ordered(self._strict.values())
        if any(site.wildcard for site in strict):
            strict = self._ordered(self._grouping.sites.values())
        # Exact hosts come before wildcards, so that the more specific name wins.
        behaviours = sorted(self._behaviours.values(), key=lambda one: one.key)
        handshakes = caddy_handlers.handshakes(strict)
        document = self._layout.for_both([one.route for one in behaviours], handshakes, loaded)
        content = _as_caddy(document)
        del document["apps"]["http"]["servers"][caddy_layout.ONE]["routes"]
        self._around = document
        return content

    @staticmethod
    def _ordered(sites: Iterable[Site]) -> list[Site]:
        return sorted(sites, key=lambda site: (site.wildcard, site.hostname))

    def _piece(
        self,
        before: bytes,
        existed: Collection[tuple[bool, str]],
        touched: Mapping[_CaddyBehaviour, tuple[list[str], list[str]]],
    ) -> CaddyPiece | None:
        """Return what tells Caddy of the one behaviour that has changed; None for none or several.

        Caddy starts anew with each request, so that two would take longer than the whole document.
        """
        if len(touched) != 1:
            return None
        ((alike, (left, entered)),) = touched.items()
        order = sorted({*self._behaviours, alike.key})
        at = self._layout.before_hosts + order.index(alike.key)
        place = f"/apps/http/servers/{caddy_layout.ONE}/routes/{at}"
        hosts = f"{place}/match/0/host"
        if alike.key not in existed:
            return CaddyPiece(before, "PUT", place, _as_caddy(alike.route))
        if not alike.hosts:
            return CaddyPiece(before, "DELETE", place, None)
        if not left and len(entered) == 1:
            index = bisect_left(alike.hosts, entered[0])
            return CaddyPiece(before, "PUT", f"{hosts}/{index}", _as_caddy(entered[0]))
        if not entered and len(left) == 1:
            index = bisect_left(alike.hosts, left[0])
            return CaddyPiece(before, "DELETE", f"{hosts}/{index}", None)
        return CaddyPiece(before, "PATCH", hosts, _as_caddy(alike.hosts))


def _as_caddy(value: object) -> bytes:
    """Write JSON letter by letter as Go does, so that it can be compared with what Caddy tells."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text.encode()
