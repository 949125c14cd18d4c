"""What nginx is told of the settings of one path."""

import re

from nameplate.adapters.proxy.nginx_syntax import Directive, line
from nameplate.adapters.proxy.sites import SiteLocation


def of_location(location: SiteLocation) -> list[Directive]:
    """Return the directives of a location that passes requests on."""
    settings = location.settings
    told: list[Directive] = []
    if settings.allow_ips:
        told += [line("allow", network) for network in settings.allow_ips]
        told.append(line("deny", "all"))
    if settings.max_body_bytes is not None:
        told.append(line("client_max_body_size", str(settings.max_body_bytes)))
    if settings.timeouts is not None:
        seconds = {
            "proxy_connect_timeout": settings.timeouts.connect,
            "proxy_read_timeout": settings.timeouts.response,
        }
        told += [line(name, f"{value}s") for name, value in seconds.items() if value is not None]
    if settings.strip_path and location.path != "/":
        # The URI is the decoded one here, which nginx writes again as it passes it on.
        pattern = rf"^{re.escape(location.path)}(?:/(.*))?$"
        told.append(line("rewrite", pattern, "/$1", "break"))
    return told
