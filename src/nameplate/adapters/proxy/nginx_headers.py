"""What nginx tells an application of a request, and how it passes bodies on."""

from nameplate.adapters.proxy.nginx_syntax import Directive, block, line
from nameplate.adapters.proxy.sites import SiteLocation
from nameplate.ports.proxy import EDGE_HEADER

MARK = line("add_header", EDGE_HEADER, "1", "always")
_STREAMED = (
    line("proxy_buffering", "off"),
    line("proxy_request_buffering", "off"),
    line("proxy_read_timeout", "1h"),
    line("proxy_send_timeout", "1h"),
    line("client_max_body_size", "0"),
)
"""What goes through is passed on as it comes: events, WebSockets, uploads of any size."""


def forwarded() -> list[Directive]:
    """Return the headers for the application. What a client claims about itself is overwritten."""
    return [
        MARK,
        line("proxy_http_version", "1.1"),
        *_STREAMED,
        *headers("$remote_addr"),
    ]


def headers(forwarded_for: str) -> list[Directive]:
    """Return the headers for the application. `forwarded_for` is where the request comes from."""
    told = {
        "Host": "$host",
        "X-Forwarded-For": forwarded_for,
        "X-Forwarded-Host": "$host",
        "X-Forwarded-Proto": "$scheme",
        "X-Real-IP": "$remote_addr",
        "Forwarded": "",
        "Upgrade": "$http_upgrade",
        "Connection": "$nameplate_connection",
    }
    return [line("proxy_set_header", name, value) for name, value in told.items()]


def forwarded_for(location: SiteLocation) -> str:
    """Return the variable with the addresses that a request came by, where some proxies are trusted."""
    return f"$nameplate_forwarded_{location.key}"


def of_location(location: SiteLocation) -> list[Directive]:
    """Return the headers of a path that tells its application something else than the others do."""
    settings = location.settings
    if not (settings.trusted_proxies or settings.basic_auth):
        return []
    told = headers(forwarded_for(location) if settings.trusted_proxies else "$remote_addr")
    # A location with a header of its own inherits none. The password was for the proxy.
    return [*told, line("proxy_set_header", "Authorization", "")] if settings.basic_auth else told


def trusted(location: SiteLocation) -> list[Directive]:
    """Return what tells who is trusted, and what the application is told then."""
    networks = location.settings.trusted_proxies
    if not networks or location.is_said:
        return []
    is_trusted = f"$nameplate_trusted_{location.key}"
    known = [line("default", "0"), *(line(network, "1") for network in networks)]
    told = [line("default", "$remote_addr"), line("1", "$proxy_add_x_forwarded_for")]
    return [
        block("geo", "$remote_addr", is_trusted, of=known),
        block("map", is_trusted, forwarded_for(location), of=told),
    ]
