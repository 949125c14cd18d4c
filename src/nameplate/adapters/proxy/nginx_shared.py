"""Very many hosts for nginx: one pair of servers for each behaviour, and maps for what differs.

A server for each host costs nginx memory and time for every one of them at each reload, most of it for
certificates. Here nginx's workers read the pair of a host when a handshake asks for it, so they must
be able to read the keys.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from nameplate.adapters.proxy import keys
from nameplate.adapters.proxy import nginx_fragments as fragments
from nameplate.adapters.proxy.grouping import reorder
from nameplate.adapters.proxy.nginx_fragments import Layout
from nameplate.adapters.proxy.nginx_headers import forwarded
from nameplate.adapters.proxy.nginx_syntax import Directive, block, is_bare, line, written
from nameplate.adapters.proxy.sites import Site, SiteLocation, WeightedUpstream, dial, is_ip
from nameplate.core.errors import Refused
from nameplate.ports.proxy import Redirect, Upstream

FORM = 1
"""Changes with what is written for hosts that share servers."""
FRAGMENT = "10-nameplate-shared.conf"
_NAMES = "nameplate.shared"
"""Stands for the names of a behaviour until they are put in."""
_IN_A_LINE = 50
_MARKER, _TO, _PAIR = "$nameplate_marker", "$nameplate_to", "$nameplate_pair"
_ANY = (WeightedUpstream(Upstream("127.0.0.1", 80), 1),)


@dataclass(frozen=True, slots=True)
class _Behaviour:
    """What hosts that share servers have alike."""

    secure: bool
    named: bool
    """Their upstreams are names, which are resolved for each request."""
    location: SiteLocation
    """Without what is the host's own."""


@dataclass(frozen=True, slots=True)
class _SharedHost:
    """What one host adds to each map, and whom it is alike."""

    marker: str
    target: str
    pair: str
    """Lines; empty where there is nothing to say."""
    alike: "_SharedServers"


@dataclass(eq=False, slots=True)
class _SharedServers:
    """Hosts that share servers, sorted, and those servers with a place for the names."""

    key: object
    template: str
    hosts: list[str] = field(default_factory=list)


class SharedHosts:
    """The hosts that share servers: few of them change, and only those are looked at."""

    def __init__(self, layout: Layout) -> None:
        """Begin with none."""
        self._layout = layout
        self._marker = str(layout.marker(""))
        self._addresses: dict[Upstream, tuple[str, bool]] = {}
        self._order: list[str] = []
        self._hosts: dict[str, _SharedHost] = {}
        self._behaviours: dict[object, _SharedServers] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._hosts)

    def change(self, gone: Collection[str], come: Sequence[Site]) -> None:
        """Take hosts out and put plain ones in. Raises Refused `fragment_unsafe`."""
        left: dict[_SharedServers, list[str]] = {}
        entered: dict[_SharedServers, list[str]] = {}
        for host in gone:
            left.setdefault(self._hosts.pop(host).alike, []).append(host)
        for site in come:
            made = self._made(site)
            self._hosts[site.hostname] = made
            entered.setdefault(made.alike, []).append(site.hostname)
        for alike in {**left, **entered}:
            reorder(alike.hosts, left.get(alike, ()), entered.get(alike, ()))
            if not alike.hosts:
                del self._behaviours[alike.key]
        reorder(self._order, gone, [site.hostname for site in come])

    def fragment(self) -> bytes:
        """Return the maps and the servers of all."""
        hosts = [self._hosts[host] for host in self._order]
        parts = []
        if self._layout.watched:
            parts.append(_map("$host", _MARKER, [one.marker for one in hosts]))
        parts.append(_map("$host", _TO, [one.target for one in hosts]))
        parts.append(_map("$ssl_server_name", _PAIR, [one.pair for one in hosts]))
        for alike in sorted(self._behaviours.values(), key=lambda one: one.hosts[0]):
            names = "\n    ".join(_named(alike.hosts))
            parts.append(alike.template.replace(f"server_name {_NAMES};", names))
        return "".join(parts).encode()

    def _made(self, site: Site) -> _SharedHost:
        location = site.locations[0]
        target, named = "", False
        if location.redirect is not None:
            target = location.redirect.hostname
        elif location.answer is None:
            upstream = location.targets[0].upstream
            if upstream not in self._addresses:
                self._addresses[upstream] = _address(self._layout, upstream)
            target, named = self._addresses[upstream]
        key = _key(site, named=named)
        alike = self._behaviours.get(key)
        if alike is None:
            servers = written(_servers(self._layout, _behaviour(site, named=named)))
            alike = self._behaviours[key] = _SharedServers(key, servers.decode())
        pair = "" if site.key_pair is None else keys.stem(site.key_pair)
        said = f"{self._marker}/{location.key}", target, pair
        marker, target, pair = (_entry(site.hostname, one) for one in said)
        return _SharedHost(marker, target, pair, alike)


def _entry(host: str, value: str) -> str:
    """Return a line of a map, if there is a value. Raises Refused `fragment_unsafe`."""
    if not value:
        return ""
    if not (is_bare(host) and is_bare(value)):
        raise Refused(
            "fragment_unsafe",
            "A generated map for nginx would not be read as what was intended, so it is not used.",
        )
    return f"    {host} {value};\n"


def is_plain(site: Site) -> bool:
    """Tell whether nothing of a host but names, places and ids is its own."""
    location = site.locations[0]
    return (
        not site.wildcard
        and len(site.locations) == 1
        and location.path == "/"
        and len(location.targets) == 1
        and location.settings.basic_auth is None
        and not location.settings.trusted_proxies
        and not location.edges
    )


def _key(site: Site, *, named: bool) -> object:
    """Return what two sites have alike that share servers."""
    location = site.locations[0]
    status = None if location.redirect is None else location.redirect.status
    is_secure = site.key_pair is not None
    flags = is_secure, named, location.force_https, location.hsts, status, location.answer
    return flags, location.settings


def _address(layout: Layout, upstream: Upstream) -> tuple[str, bool]:
    """Return where nginx finds an upstream, and whether that is a name."""
    found = fragments.found_at(layout, upstream)
    return dial(found), not is_ip(found.host)


def _behaviour(site: Site, *, named: bool) -> _Behaviour:
    location = site.locations[0]
    redirect = location.redirect
    alike = replace(
        location,
        route_ids=("shared",),
        targets=_ANY,
        redirect=None if redirect is None else Redirect(_TO, redirect.status),
    )
    return _Behaviour(site.key_pair is not None, named, alike)


def _map(source: str, variable: str, entries: Sequence[str]) -> str:
    return f'map {source} {variable} {{\n    default "";\n{"".join(entries)}}}\n'


def _named(names: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(names), _IN_A_LINE):
        yield f"server_name {' '.join(names[start : start + _IN_A_LINE])};"


def _servers(layout: Layout, alike: _Behaviour) -> tuple[Directive, ...]:
    location, names = alike.location, line("server_name", _NAMES)
    closed = [block("if", "(-f", f"{_MARKER})", of=[fragments.CLOSE])] if layout.watched else []
    dotted = block("if", "($nameplate_dotted)", of=[fragments.CLOSE])
    is_forced = alike.secure and location.force_https and not location.is_said
    passed = _passed(layout, alike)
    if is_forced:
        said = [fragments.redirect_to(layout)]
    else:
        said = fragments.proxied(layout, location, hsts=False, passed=passed)
    plain = [
        *fragments.listen(layout.listen_http),
        names,
        *forwarded(),
        *fragments.own_paths(layout),
        *fragments.page([] if is_forced else [location]),
        block("location", "/", of=[dotted, *closed, *said]),
    ]
    oldest = location.settings.min_tls_version
    secure = [*fragments.listen(layout.listen_https, "ssl", "http2"), names]
    secure += fragments.protocols(oldest)
    if alike.secure:
        stem = f"{layout.folder}/{_PAIR}"
        said = fragments.proxied(layout, location, hsts=location.hsts, passed=passed)
        secure += [
            line("ssl_certificate", f"{stem}.crt"),
            line("ssl_certificate_key", f"{stem}.key"),
            *fragments.misdirected(),
            *forwarded(),
            *fragments.page([location]),
            block("location", "/", of=[*closed, *said]),
        ]
    else:
        secure += [line("ssl_reject_handshake", "on"), fragments.CLOSE]
    return block("server", of=plain), block("server", of=secure)


def _passed(layout: Layout, alike: _Behaviour) -> list[Directive]:
    if alike.location.redirect is not None:
        return [fragments.redirect_to(layout, alike.location.redirect)]
    return [
        *(fragments.resolved(layout) if alike.named else []),
        line("proxy_pass", f"http://{_TO}"),
        line("proxy_redirect", f"http://{_TO}/", "/"),
    ]
