"""What a server's `proxy` says of a Caddy, and the part of the document that keeps it reachable."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from nameplate.core.configuration import Form, Port, Url, between, host_and_port, setting
from nameplate.ports.proxy import ProxyConfiguration

LISTEN = "a port after a colon, with or without a host, as in :80, 192.0.2.1:80 or [2001:db8::1]:80"
BASE = "an object whose `admin`, `apps`, `http`, `servers`, `tls` and so on are objects too"
_OBJECTS = (
    ("admin",),
    ("apps",),
    ("apps", "http"),
    ("apps", "http", "servers"),
    ("apps", "tls"),
    ("apps", "tls", "certificates"),
    ("apps", "tls", "automation"),
)
"""Parts of the document that Nameplate writes into."""
_LISTS = (("apps", "tls", "automation", "policies"), ("admin", "origins"))

_NETWORKS = frozenset({"", "tcp", "tcp4", "tcp6"})

_Json = dict[str, Any]


def is_listen(text: str) -> bool:
    """Tell whether Caddy takes it as an address of TCP."""
    try:
        host_and_port(f"host{text}" if text.startswith(":") else text)
    except ValueError:
        return False
    return True


def is_base(document: Mapping[str, Any]) -> bool:
    """Tell whether what Nameplate adds to has the form that Caddy wants there."""
    return all(isinstance(_at(document, path, {}), dict) for path in _OBJECTS) and all(
        isinstance(_at(document, path, []), list) for path in _LISTS
    )


def _at(document: Any, path: tuple[str, ...], absent: Any) -> Any:  # noqa: ANN401 - JSON
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return absent
        document = document[key]
    return document


def reachable(base: Mapping[str, Any] | None, admin_url: str) -> _Json:
    """Return `base` with the admin API where `admin_url` finds it: a load replaces that too.

    `listen` stays when it is that very port, of every address or of that one; what would shut
    Nameplate out (`disabled`, `enforce_origin`, `origins` without it) is replaced.
    """
    document: _Json = copy.deepcopy(dict(base or {}))
    parts = urlsplit(admin_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    ours = f"{host}:{parts.port or 80}"
    admin = document.setdefault("admin", {})
    admin.pop("disabled", None)
    admin.pop("enforce_origin", None)
    if not _answers(admin.get("listen"), parts.hostname or "", parts.port or 80):
        admin["listen"] = ours
    if "origins" in admin and ours not in admin["origins"]:
        admin["origins"] = [*admin["origins"], ours]
    return document


def _answers(listen: Any, host: str, port: int) -> bool:  # noqa: ANN401 - JSON
    """Tell whether an admin API that listens there is found at host and port.

    Where a name is in between, nobody here knows its address: the operator's word stands.
    """
    if not isinstance(listen, str):
        return False
    network, _, address = listen.rpartition("/")
    there, _, number = address.rpartition(":")
    if network not in _NETWORKS or number != str(port):
        return False
    ours, theirs = _literal(host), _literal(there)
    if ours is None or theirs is None or theirs.is_unspecified:
        return True
    return ours == theirs


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is, None for a name."""
    if host == "localhost":
        return IPv4Address("127.0.0.1")
    try:
        return ip_address(host.strip("[]") or "0.0.0.0")  # noqa: S104 - read, not bound
    except ValueError:
        return None


Listen = Annotated[str, Form("caddy listen", LISTEN, is_listen)]
Base = Annotated[dict[str, Any], Form("object", BASE, is_base)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaddyConfiguration(ProxyConfiguration):
    """The keys of `proxy` with the type `caddy`."""

    admin_url: Url = setting("URL of the admin API, as in http://127.0.0.1:2019.")
    listen_http: tuple[Listen, ...] = setting("Address and port for HTTP.", default=(":80",))
    listen_https: tuple[Listen, ...] = setting("Address and port for HTTPS.", default=(":443",))
    base: Base | None = setting(
        "The operator's part of Caddy's JSON configuration: logging, other apps and servers.",
        default=None,
    )
    certificates_port: Port | None = setting(
        "Port of this machine at which Caddy asks itself for certificates, once there are `many_hosts`. "
        "Default: Caddy loads all of them at each change.",
        default=None,
    )
    many_hosts: Annotated[int, between(0, 1_000_000)] = setting(
        "Number of hosts from which on Caddy asks for certificates, if `certificates_port` is set. `0`: never.",
        default=1000,
    )
    ask_url: Url | None = setting(
        "URL of `/edge/ask`, as in `http://.../edge/ask`. If set, Caddy obtains "
        "certificates on demand and asks there first.",
        default=None,
    )
