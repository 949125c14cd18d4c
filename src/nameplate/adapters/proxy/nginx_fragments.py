"""What nginx is told, as directives. Tenant text arrives only through a checked `Site`."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nameplate.adapters.proxy import keys
from nameplate.adapters.proxy.nginx_headers import MARK, forwarded, trusted
from nameplate.adapters.proxy.nginx_headers import of_location as nginx_headers_of
from nameplate.adapters.proxy.nginx_names import Names
from nameplate.adapters.proxy.nginx_operator import NAMES_HASH, OwnDirectives
from nameplate.adapters.proxy.nginx_route_settings import admitted
from nameplate.adapters.proxy.nginx_route_settings import of_location as nginx_settings_of
from nameplate.adapters.proxy.nginx_syntax import Directive, block, line
from nameplate.adapters.proxy.sites import Site, SiteLocation, WeightedUpstream, dial, is_ip
from nameplate.core import maintenance
from nameplate.core.names import without_wildcard
from nameplate.core.route_settings import USUAL
from nameplate.ports.proxy import Redirect, Upstream

CHALLENGES = "/.well-known/acme-challenge/"
VERIFICATIONS = "/.well-known/nameplate/"
WITHDRAWN = "withdrawn"
"""Folder of the markers of routes that must not be served, one empty file each."""
CLOSE = line("return", "444")
_WHOLE = 10_000
"""All requests, in the hundredths of a percent that `split_clients` tells apart."""
_DOWN = "@nameplate_down"
_SAYS_DOWN = line("error_page", "502", "504", "=", _DOWN)
"""nginx's own answers only: what an application answers is passed on as it is."""
PROTOCOLS = line("ssl_protocols", "TLSv1.2", "TLSv1.3")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where nginx listens and where things lie."""

    folder: Path
    listen_http: tuple[str, ...]
    listen_https: tuple[str, ...]
    challenge_upstream: Upstream | None
    public_https_port: int
    names: Names
    """How nginx finds upstreams that are named."""
    watched: bool
    """Workers can see markers in the folder; where they cannot, each request would log an error."""

    def marker(self, route_id: str) -> Path:
        """Return the file whose presence closes a route, whatever nginx has loaded."""
        return self.folder / WITHDRAWN / route_id


def defaults(layout: Layout, hosts: int, own: OwnDirectives) -> tuple[Directive, ...]:
    """Return what so many hosts share, and the answer to every host that is not ours: none.

    What the operator has set already stays, and is not said again: nginx would refuse both.
    """
    plain = [*_defaults(layout.listen_http, own), line("server_name", "")]
    plain += [*forwarded(), *own_paths(layout), block("location", "/", of=[CLOSE])]
    secure = [*_defaults(layout.listen_https, own, "ssl", "http2")]
    secure += [line("server_name", ""), PROTOCOLS, line("ssl_reject_handshake", "on"), CLOSE]
    return (
        *_hash_sizes(hosts, own),
        block(
            "map",
            "$http_upgrade",
            "$nameplate_connection",
            of=[line("default", "upgrade"), line("", "")],
        ),
        # The request's host must be the name of the handshake: one tenant's connection must not
        # reach another's application (RFC 9110 section 15.5.20). nginx cannot compare two variables, a
        # back-reference can.
        block(
            "map",
            "$ssl_server_name|$host",
            "$nameplate_misdirected",
            of=[line("default", "1"), line(r"~*^([^|]+)\|\1$", "0")],
        ),
        # A name with a final dot is no host of ours: other proxies refuse it too.
        block(
            "map",
            "$http_host",
            "$nameplate_dotted",
            of=[line("default", "0"), line(r"~\.(?::[0-9]*)?$", "1")],
        ),
        block("server", of=plain),
        block("server", of=secure),
    )


def servers(layout: Layout, site: Site) -> tuple[Directive, ...]:
    """Return what one host is told: its targets' shares, plain HTTP, and HTTPS with a certificate."""
    name = line("server_name", site.hostname)
    plain = [*listen(layout.listen_http), name, *forwarded(), *own_paths(layout)]
    # Inside the locations, so that they close nothing that is the platform's own.
    guards = [*_one_label(site), block("if", "($nameplate_dotted)", of=[CLOSE])]
    open_ = [one for one in site.locations if site.key_pair is None or not one.force_https]
    plain += page(open_)
    secure = [*listen(layout.listen_https, "ssl", "http2"), name, *protocols(site.min_tls_version)]
    for location in site.locations:
        closed = [*guards, *_withdrawn(layout, location)]
        is_forced = site.key_pair is not None and location.force_https and not location.is_said
        said = [redirect_to(layout)] if is_forced else proxied(layout, location, hsts=False)
        plain += _located(location, [*closed, *said])
    if site.key_pair is None:
        # Without this server a wildcard of somebody else would answer for the host.
        secure += [line("ssl_reject_handshake", "on"), CLOSE]
    else:
        stem = layout.folder / keys.stem(site.key_pair)
        secure += [
            line("ssl_certificate", f"{stem}.crt"),
            line("ssl_certificate_key", f"{stem}.key"),
            *misdirected(),
            *forwarded(),
            *_one_label(site),
            *page(site.locations),
        ]
        for location in site.locations:
            said = proxied(layout, location, hsts=location.hsts)
            secure += _located(location, [*_withdrawn(layout, location), *said])
    shares = [one for location in site.locations for one in _shares(layout, location)]
    shares += [one for location in site.locations for one in trusted(location)]
    shares += [one for location in site.locations for one in admitted(location)]
    return (*shares, block("server", of=plain), block("server", of=secure))


def main(
    pid_file: Path, includes: Sequence[Path], scratch: Path, more: Sequence[Directive] = ()
) -> tuple[Directive, ...]:
    """Return a smallest complete nginx.conf that serves the files `includes`, with `more` before them."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = [line(f"{kind}_temp_path", str(scratch / kind)) for kind in kinds]
    return (
        line("pid", str(pid_file)),
        line("worker_processes", "2"),
        line("error_log", "stderr"),
        block("events", of=[line("worker_connections", "1024")]),
        block(
            "http",
            of=[
                line("access_log", "off"),
                *paths,
                *more,
                *(line("include", str(include)) for include in includes),
            ],
        ),
    )


def _hash_sizes(count: int, own: OwnDirectives) -> list[Directive]:
    """Return the sizes of the hash of server names that the operator has not set."""
    sizes = dict(NAMES_HASH)
    while sizes["server_names_hash_max_size"] < 4 * count:
        sizes["server_names_hash_max_size"] *= 2
    told = {one.words[0] for one in own.hash_sizes}
    return [line(name, str(size)) for name, size in sizes.items() if name not in told]


def _defaults(addresses: Sequence[str], own: OwnDirectives, *flags: str) -> list[Directive]:
    """Listen as the default server, but where the operator has one."""
    return [
        line("listen", one, *flags, *(["default_server"] if own.is_free(one) else []))
        for one in addresses
    ]


def misdirected() -> list[Directive]:
    """Return the refusal of requests for another host than that of their handshake."""
    refused = [line("return", "421")]
    return [block("if", f"($nameplate_{what})", of=refused) for what in ("misdirected", "dotted")]


def protocols(oldest: str) -> list[Directive]:
    """Return the versions of TLS of a server that has the `oldest` of a host.

    OpenSSL chooses the version before it tells nginx the name, so an older one is closed after the handshake.
    """
    if oldest == USUAL.min_tls_version:
        return [PROTOCOLS]
    return [
        line("ssl_protocols", "TLSv1.3"),
        block("if", "($ssl_protocol", "!=", "TLSv1.3)", of=[CLOSE]),
    ]


def listen(addresses: Sequence[str], *flags: str) -> list[Directive]:
    """Listen on the addresses."""
    return [line("listen", address, *flags) for address in addresses]


def own_paths(layout: Layout) -> list[Directive]:
    """Return the paths that Nameplate itself answers, on plain HTTP before any redirect."""
    if layout.challenge_upstream is None:
        return []
    target = [line("client_max_body_size", "16k"), *_passed(layout, layout.challenge_upstream)]
    return [block("location", "^~", path, of=target) for path in (CHALLENGES, VERIFICATIONS)]


def _one_label(site: Site) -> list[Directive]:
    """Return the guard of a wildcard: nginx would match any depth, a certificate one label."""
    if not site.wildcard:
        return []
    parent = without_wildcard(site.hostname).replace(".", r"\.")
    return [block("if", "($host", "!~", rf"^[^.]+\.{parent}$)", of=[CLOSE])]


def page(locations: Sequence[SiteLocation]) -> list[Directive]:
    """Return the answer in place of applications that take no connection or do not answer."""
    if all(one.is_said for one in locations):
        return []
    told = [
        line("default_type", maintenance.MEDIA_TYPE),
        line("add_header", "Retry-After", maintenance.RETRY_AFTER, "always"),
        MARK,
        line("return", str(maintenance.STATUS), maintenance.PAGE.strip()),
    ]
    return [block("location", _DOWN, of=told)]


def _located(location: SiteLocation, directives: Sequence[Directive]) -> list[Directive]:
    """Return the location blocks of one path: itself and everything below, nothing beside."""
    if location.path == "/":
        return [block("location", "/", of=directives)]
    return [
        block("location", "=", location.path, of=directives),
        block("location", "^~", f"{location.path}/", of=directives),
    ]


def _withdrawn(layout: Layout, location: SiteLocation) -> list[Directive]:
    """Return the check that closes a route although nginx refuses to load anything new."""
    if not layout.watched:
        return []
    return [block("if", "(-f", f"{layout.marker(location.key)})", of=[CLOSE])]


def _passed(layout: Layout, upstream: Upstream) -> list[Directive]:
    """Return what passes a request on. nginx must start while no name can be resolved.

    A name in `proxy_pass` is resolved at load and fails the whole configuration; one in a variable
    is resolved when it is needed, again and again. The request's URI is passed on as it came both ways.
    """
    found = found_at(layout, upstream)
    if is_ip(found.host):
        return [line("proxy_pass", f"http://{dial(found)}")]
    address = dial(found)
    return [
        *resolved(layout),
        line("set", "$nameplate_upstream", address),
        line("proxy_pass", "http://$nameplate_upstream"),
        line("proxy_redirect", f"http://{address}/", "/"),  # what nginx does without a variable
    ]


def found_at(layout: Layout, upstream: Upstream) -> Upstream:
    """Return an upstream with its address where this machine's own names tell it."""
    found = layout.names.local.get(upstream.host.lower(), upstream.host)
    return Upstream(found, upstream.port) if is_ip(found) else upstream


def resolved(layout: Layout) -> list[Directive]:
    """Return how names of upstreams are resolved while requests are answered."""
    return [line("resolver", *layout.names.servers), line("resolver_timeout", "5s")]


def _variable(location: SiteLocation) -> str:
    """Return the variable that names the target of a request."""
    return f"$nameplate_target_{location.key}"


def _shares(layout: Layout, location: SiteLocation) -> list[Directive]:
    """Return what gives each target its share of the requests, where there are several.

    An `upstream` block would do it too, but a name in one fails the whole configuration.
    """
    if len(location.targets) == 1 or location.redirect is not None:
        return []
    drawn = _variable(location)
    more: list[Directive] = []
    if location.settings.sticky is not None:
        drawn = f"$nameplate_drawn_{location.key}"
        more = _remembered(layout, location, location.settings.sticky.cookie, drawn)
    total = sum(target.weight for target in location.targets)
    *others, last = location.targets
    shares = [
        line(f"{(target.weight * _WHOLE // total) / 100:.2f}%", _address(layout, target))
        for target in others
    ]
    shares.append(line("*", _address(layout, last)))
    return [block("split_clients", "$request_id", drawn, of=shares), *more]


def _remembered(layout: Layout, location: SiteLocation, cookie: str, drawn: str) -> list[Directive]:
    """Return what takes the target from a cookie where it names one, and what the cookie says."""
    tokens = {_token(one): _address(layout, one) for one in location.targets}
    targets = [line("default", drawn), *(line(key, to) for key, to in tokens.items())]
    names = [line(to, key) for key, to in tokens.items()]
    return [
        block("map", f"$cookie_{cookie}", _variable(location), of=targets),
        block("map", _variable(location), f"$nameplate_cookie_{location.key}", of=names),
    ]


def _token(target: WeightedUpstream) -> str:
    return hashlib.sha256(dial(target.upstream).encode()).hexdigest()[:16]


def _address(layout: Layout, target: WeightedUpstream) -> str:
    return dial(found_at(layout, target.upstream))


def _shared(layout: Layout, location: SiteLocation) -> list[Directive]:
    """Return what passes a request on to the target that was drawn for it."""
    named = [one for one in location.targets if not is_ip(found_at(layout, one.upstream).host)]
    addresses = [_address(layout, one) for one in location.targets]
    return [
        *(resolved(layout) if named else []),
        line("proxy_pass", f"http://{_variable(location)}"),
        *(line("proxy_redirect", f"http://{address}/", "/") for address in addresses),
    ]


def proxied(
    layout: Layout,
    location: SiteLocation,
    *,
    hsts: bool,
    passed: Sequence[Directive] | None = None,
) -> list[Directive]:
    """Return what a location says or passes on; `passed` says where to, in place of its own target."""
    if location.answer is not None:
        return [line("return", str(location.answer))]
    header = []
    if hsts:
        said = line("add_header", "Strict-Transport-Security", location.hsts_header, "always")
        header = [line("proxy_hide_header", "Strict-Transport-Security"), said]
    sticky = location.settings.sticky
    if sticky is not None and len(location.targets) > 1 and location.redirect is None:
        rest = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if location.force_https else "")
        cookie = f"{sticky.cookie}=$nameplate_cookie_{location.key}{rest}"
        header.append(line("add_header", "Set-Cookie", cookie))
    header += [MARK] if header else []  # a location with a header of its own inherits none
    if passed is None:
        passed = _leading(layout, location)
    told = []
    if location.redirect is None:
        current = layout.folder / "current"
        told = [_SAYS_DOWN, *nginx_settings_of(location, current), *nginx_headers_of(location)]
    return [*header, *told, *passed]


def _leading(layout: Layout, location: SiteLocation) -> list[Directive]:
    if location.redirect is not None:
        return [redirect_to(layout, location.redirect)]
    if len(location.targets) > 1:
        return _shared(layout, location)
    return _passed(layout, location.targets[0].upstream)


def redirect_to(layout: Layout, to: Redirect | None = None) -> Directive:
    """Return the redirect to HTTPS, of the same host or another one, with path and query."""
    port = "" if layout.public_https_port == 443 else f":{layout.public_https_port}"  # noqa: PLR2004  # HTTPS
    status, host = ("308", "$host") if to is None else (str(to.status), to.hostname)
    return line("return", status, f"https://{host}{port}$request_uri")
