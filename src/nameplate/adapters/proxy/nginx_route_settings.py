"""What nginx is told of the settings of one path."""

import re
from pathlib import Path

from nameplate.adapters.proxy.nginx_syntax import Directive, block, line
from nameplate.adapters.proxy.sites import Site, SiteLocation

PASSWORDS = ".htpasswd"
"""How files of names and hashes end; they lie beside the fragments."""


def of_location(location: SiteLocation, current: Path) -> list[Directive]:
    """Return the directives of a location that passes requests on; fragments lie in `current`."""
    settings = location.settings
    told: list[Directive] = []
    if location.edges:
        refused = [line("return", "403")]
        told.append(block("if", f"({_admitted(location)}", "=", "0)", of=refused))
    elif settings.allow_ips:
        told += [line("allow", network) for network in settings.allow_ips]
        told.append(line("deny", "all"))
    if settings.basic_auth is not None:
        told += [
            line("auth_basic", settings.basic_auth.realm),
            line("auth_basic_user_file", f"{current / location.key}{PASSWORDS}"),
        ]
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


def _admitted(location: SiteLocation) -> str:
    """Return the variable that tells whether a visitor is one of the few whom a path serves."""
    return f"$nameplate_admitted_{location.key}"


def admitted(location: SiteLocation) -> list[Directive]:
    """Return what tells who is served of a path behind edges, by the address that these add last."""
    if not location.edges or location.is_said:
        return []
    edges = [line("proxy", network) for network in location.edges]
    few = [line(network, "1") for network in location.settings.allow_ips]
    return [block("geo", _admitted(location), of=[*edges, line("default", "0"), *few])]


def passwords(site: Site) -> dict[str, bytes]:
    """Return the files of names and hashes of one host, which crypt(3) of nginx's machine checks."""
    return {
        f"{location.key}{PASSWORDS}": "".join(
            f"{user.name}:{user.password_hash}\n" for user in location.settings.basic_auth.users
        ).encode()
        for location in site.locations
        if location.settings.basic_auth is not None and not location.is_said
    }
