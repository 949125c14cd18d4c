"""What nginx was last rendered of a server, and what follows from it when some routes change."""

from collections.abc import Mapping, Sequence

from nameplate.adapters.proxy import nginx_fragments, nginx_route_settings, nginx_shared
from nameplate.adapters.proxy.grouping import Grouping, SiteChange
from nameplate.adapters.proxy.nginx_fragments import Layout
from nameplate.adapters.proxy.nginx_operator import OwnDirectives
from nameplate.adapters.proxy.nginx_shared import SharedHosts
from nameplate.adapters.proxy.nginx_syntax import written
from nameplate.adapters.proxy.pair_files import PairFiles
from nameplate.adapters.proxy.sites import Site
from nameplate.ports.proxy import Config, Route

DEFAULTS = "00-nameplate.conf"
_FORM = "nameplate.form"
"""Written nowhere: what makes a configuration another one although the fragments are the same."""


class NginxRendering:
    """One server's hosts as fragments, each made once for as long as nothing about it changes."""

    def __init__(self, layout: Layout, many: int, unsupported: Mapping[str, str]) -> None:
        """From `many` hosts on, those that are alike share servers; never with 0."""
        self._layout = layout
        self._many = many
        self._unsupported = unsupported
        self._grouping = Grouping()
        self._pairs = PairFiles()
        self._plain: set[str] = set()
        self._shared: SharedHosts | None = None
        self._single: dict[str, dict[str, bytes]] = {}
        """Files of the hosts that have servers of their own, by host."""
        self._owners: dict[str, tuple[str, ...]] = {}

    def config(self, routes: Sequence[Route], own: OwnDirectives, form: str) -> Config:
        """Return the configuration for exactly these routes. Raises `RouteRefused`, Refused `fragment_unsafe`."""
        change = self._grouping.regroup(routes, self._unsupported)
        self._pairs.change(change)
        self._plain.difference_update(change.gone)
        self._plain.update(
            host for host, site in change.come.items() if nginx_shared.is_plain(site)
        )
        are_many = bool(self._many) and len(self._plain) >= self._many
        if are_many == (self._shared is not None):
            self._change(change)
        else:
            self._shared = SharedHosts(self._layout) if are_many else None
            self._single, self._owners = {}, {}
            self._change(SiteChange({}, self._grouping.sites))
        defaults = nginx_fragments.defaults(self._layout, len(self._grouping.sites), own)
        files = {DEFAULTS: written(defaults)}
        if self._shared is not None:
            files[nginx_shared.FRAGMENT] = self._shared.fragment()
        single = {name: text for of_it in self._single.values() for name, text in of_it.items()}
        files |= dict(sorted(single.items()))
        if form:
            files[_FORM] = form.encode()
        pairs = self._pairs
        return Config(
            files, dict(pairs.secrets), {**pairs.owners, **self._owners}, dict(pairs.later)
        )

    def _change(self, change: SiteChange) -> None:
        alone = [host for host in change.gone if host in self._single]
        for name in [name for host in alone for name in self._single.pop(host)]:
            self._owners.pop(name, None)
        together: list[Site] = []
        for host, site in change.come.items():
            if self._shared is not None and host in self._plain:
                together.append(site)
            else:
                name = f"{site.route_ids[0]}.conf"
                fragment = written(nginx_fragments.servers(self._layout, site))
                self._single[host] = {name: fragment, **nginx_route_settings.passwords(site)}
                self._owners[name] = site.route_ids
        if self._shared is not None:
            self._shared.change(change.gone.keys() - set(alone), together)
