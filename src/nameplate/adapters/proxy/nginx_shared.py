"""Very many hosts for nginx: one pair of servers for each behaviour, and maps for what differs.

A server for each host costs nginx memory and time for every one of them at each reload, most of it for
certificates. Here nginx's workers read the pair of a host when a handshake asks for it, so they must
be able to read the keys.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nameplate.adapters.proxy import keys
from nameplate.adapters.proxy import nginx_fragments as fragments
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


def parted(sites: Sequence[Site], many: int) -> tuple[list[Site], list[Site]]:
    """Return the sites that share servers, and those that have their own; `many` make it worth while."""
    alike = [site for site in sites if _is_plain(site)] if many else []
    if not many or len(alike) < many:
        return [], list(sites)
    return alike, [site for site in sites if not _is_plain(site)]


def fragment(layout: Layout, sites: Sequence[Site]) -> bytes:
    """Return the servers of all these sites. Raises Refused `fragment_unsafe`."""
    hosts: dict[object, tuple[_Behaviour, list[str]]] = {}
    markers, targets, pairs = {}, {}, {}
    marker = str(layout.marker(""))
    addresses: dict[Upstream, tuple[str, bool]] = {}
    for site in sites:
        location, host = site.locations[0], site.hostname
        named = False
        if location.redirect is not None:
            targets[host] = location.redirect.hostname
        elif location.answer is None:
            upstream = location.targets[0].upstream
            if upstream not in addresses:
                addresses[upstream] = _address(layout, upstream)
            targets[host], named = addresses[upstream]
        markers[host] = f"{marker}/{location.key}"
        if site.key_pair is not None:
            pairs[host] = keys.stem(site.key_pair)
        key = _key(site, named=named)
        if key not in hosts:
            hosts[key] = _behaviour(site, named=named), []
        hosts[key][1].append(host)
    parts = [_map("$host", _MARKER, markers)] if layout.watched else []
    parts += [_map("$host", _TO, targets), _map("$ssl_server_name", _PAIR, pairs)]
    for behaviour, names in hosts.values():
        template = written(_servers(layout, behaviour)).decode()
        parts.append(template.replace(f"server_name {_NAMES};", "\n    ".join(_named(names))))
    return "".join(parts).encode()


def _is_plain(site: Site) -> bool:
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


def _map(source: str, variable: str, entries: Mapping[str, str]) -> str:
    if not all(map(is_bare, entries)) or not all(map(is_bare, entries.values())):
        detail = (
            "A generated map for nginx would not be read as what was intended, so it is not used."
        )
        raise Refused("fragment_unsafe", detail)
    lines = [f"    {host} {value};\n" for host, value in entries.items()]
    return "".join([f'map {source} {variable} {{\n    default "";\n', *lines, "}\n"])


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
