"""What nginx is told, as directives. Tenant text arrives only through a checked `Site`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nameplate.adapters.proxy import keys
from nameplate.adapters.proxy.nginx_syntax import Directive, block, line
from nameplate.adapters.proxy.sites import Site, SiteLocation, dial
from nameplate.core.names import without_wildcard
from nameplate.ports.proxy import EDGE_HEADER, Upstream

HSTS = "max-age=31536000"
"""One year, without subdomains: those may belong to somebody else (RFC 6797 section 6.1)."""
CHALLENGES = "/.well-known/acme-challenge/"
VERIFICATIONS = "/.well-known/nameplate/"
_CLOSE = line("return", "444")
_MARK = line("add_header", EDGE_HEADER, "1", "always")
_PROTOCOLS = line("ssl_protocols", "TLSv1.2", "TLSv1.3")
_MIN_HASH = 4096


@dataclass(frozen=True, slots=True)
class Layout:
    """Where nginx listens and where things lie."""

    folder: Path
    listen_http: tuple[str, ...]
    listen_https: tuple[str, ...]
    challenge_upstream: Upstream | None
    public_https_port: int


def defaults(layout: Layout, sites: Sequence[Site]) -> tuple[Directive, ...]:
    """Return what all sites share, and the answer to every host that is not ours: none."""
    size = _MIN_HASH
    while size < 4 * len(sites):
        size *= 2
    plain = [*_listen(layout.listen_http, "default_server"), line("server_name", "")]
    plain += [*_forwarded(), *_own(layout), block("location", "/", of=[_CLOSE])]
    secure = [*_listen(layout.listen_https, "ssl", "http2", "default_server")]
    secure += [line("server_name", ""), _PROTOCOLS, line("ssl_reject_handshake", "on"), _CLOSE]
    return (
        line("server_names_hash_bucket_size", "512"),
        line("server_names_hash_max_size", str(size)),
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
        block("server", of=plain),
        block("server", of=secure),
    )


def servers(layout: Layout, site: Site) -> tuple[Directive, ...]:
    """Return the servers of one host: plain HTTP, and HTTPS when it has a certificate."""
    name = line("server_name", site.hostname)
    plain = [*_listen(layout.listen_http), name, *_forwarded(), *_one_label(site), *_own(layout)]
    secure = [*_listen(layout.listen_https, "ssl", "http2"), name, _PROTOCOLS]
    for location in site.locations:
        if site.key_pair is not None and location.force_https:
            plain += _located(location, [_redirect(layout)])
        else:
            plain += _located(location, _proxied(location, hsts=False))
    if site.key_pair is None:
        # Without this server a wildcard of somebody else would answer for the host.
        secure += [line("ssl_reject_handshake", "on"), _CLOSE]
    else:
        stem = layout.folder / keys.stem(site.key_pair)
        secure += [
            line("ssl_certificate", f"{stem}.crt"),
            line("ssl_certificate_key", f"{stem}.key"),
            block("if", "($nameplate_misdirected)", of=[line("return", "421")]),
            *_forwarded(),
            *_one_label(site),
        ]
        for location in site.locations:
            secure += _located(location, _proxied(location, hsts=location.hsts))
    return (block("server", of=plain), block("server", of=secure))


def main(pid_file: Path, includes: Sequence[Path], scratch: Path) -> tuple[Directive, ...]:
    """Return a smallest complete nginx.conf that serves the files `includes`."""
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
                *(line("include", str(include)) for include in includes),
            ],
        ),
    )


def _listen(addresses: Sequence[str], *flags: str) -> list[Directive]:
    return [line("listen", address, *flags) for address in addresses]


def _forwarded() -> list[Directive]:
    """Return the headers for the application. What a client claims about itself is overwritten."""
    headers = {
        "Host": "$host",
        "X-Forwarded-For": "$remote_addr",
        "X-Forwarded-Host": "$host",
        "X-Forwarded-Proto": "$scheme",
        "X-Real-IP": "$remote_addr",
        "Forwarded": "",
        "Upgrade": "$http_upgrade",
        "Connection": "$nameplate_connection",
    }
    return [
        _MARK,
        line("proxy_http_version", "1.1"),
        *(line("proxy_set_header", name, value) for name, value in headers.items()),
    ]


def _own(layout: Layout) -> list[Directive]:
    """Return the paths that Nameplate itself answers, on plain HTTP before any redirect."""
    if layout.challenge_upstream is None:
        return []
    target = line("proxy_pass", f"http://{dial(layout.challenge_upstream)}")
    return [block("location", "^~", path, of=[target]) for path in (CHALLENGES, VERIFICATIONS)]


def _one_label(site: Site) -> list[Directive]:
    """Return the guard of a wildcard: nginx would match any depth, a certificate one label."""
    if not site.wildcard:
        return []
    parent = without_wildcard(site.hostname).replace(".", r"\.")
    return [block("if", "($host", "!~", rf"^[^.]+\.{parent}$)", of=[_CLOSE])]


def _located(location: SiteLocation, directives: Sequence[Directive]) -> list[Directive]:
    """Return the location blocks of one path: itself and everything below, nothing beside."""
    if location.path == "/":
        return [block("location", "/", of=directives)]
    return [
        block("location", "=", location.path, of=directives),
        block("location", "^~", f"{location.path}/", of=directives),
    ]


def _proxied(location: SiteLocation, *, hsts: bool) -> list[Directive]:
    header = [
        line("proxy_hide_header", "Strict-Transport-Security"),
        line("add_header", "Strict-Transport-Security", HSTS, "always"),
        _MARK,  # a location with a header of its own inherits none
    ]
    target = line("proxy_pass", f"http://{dial(location.upstream)}")
    return [*(header if hsts else []), target]


def _redirect(layout: Layout) -> Directive:
    port = "" if layout.public_https_port == 443 else f":{layout.public_https_port}"  # noqa: PLR2004  # HTTPS
    return line("return", "308", f"https://$host{port}$request_uri")
