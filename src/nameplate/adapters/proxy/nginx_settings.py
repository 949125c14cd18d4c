"""What a server's `proxy` says of an nginx."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated

from nameplate.core.configuration import Form, between, host_and_port, setting
from nameplate.ports.proxy import AbsolutePath, ProxyConfiguration

LISTEN = "a port, or an IP address and a port, as in 80, 192.0.2.1:80 or [2001:db8::1]:80"
_PROGRAM = re.compile(r"/[^\x00]*[^\x00/]|[A-Za-z0-9._+-]+")


def is_listen(text: str) -> bool:
    """Tell whether nginx's `listen` takes it as an address, and as nothing else."""
    host, colon, port = text.rpartition(":")
    try:
        host_and_port(f"host:{port}")
        return host == "*" if host in {"", "*"} and colon else _is_address(host)
    except ValueError:
        return False


def is_name_server(text: str) -> bool:
    """Tell whether nginx's `resolver` takes it as an address, and as nothing else."""
    try:
        if _is_address(text):
            return bool(text)
    except ValueError:
        pass
    return ":" in text and not text.startswith(":") and is_listen(text) and text[0] != "*"


def _is_address(host: str) -> bool:
    if host.startswith("[") and host.endswith("]"):
        return IPv6Address(host[1:-1]).scope_id is None
    return not host or IPv4Address(host).version == 4  # noqa: PLR2004 - IPv4


Listen = Annotated[str, Form("nginx listen", LISTEN, is_listen)]
NameServer = Annotated[
    str,
    Form(
        "name server",
        "an IP address, with or without a port, as in 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]",
        is_name_server,
    ),
]
Program = Annotated[
    str,
    Form(
        "program",
        "the absolute path of a program, or its name",
        lambda text: _PROGRAM.fullmatch(text) is not None,
        leads=True,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NginxConfiguration(ProxyConfiguration):
    """The keys of `proxy` with the type `nginx`."""

    listen_http: tuple[Listen, ...] = setting("Address and port for HTTP.", default=("80",))
    listen_https: tuple[Listen, ...] = setting("Address and port for HTTPS.", default=("443",))
    executable: Program | None = setting(
        "The nginx program. Default: `nginx` from PATH.", default=None
    )
    pid_file: AbsolutePath = setting("The pid file of nginx.", default="/run/nginx.pid")
    main: AbsolutePath | None = setting(
        "The operator's nginx.conf. Default: the built-in path of nginx.", default=None
    )
    many_hosts: Annotated[int, between(0, 1_000_000)] = setting(
        "Number of hosts from which on those that are served alike share servers. nginx's workers then read "
        "the private keys themselves. `0`: never.",
        default=2000,
    )
    tls_alpn: bool = setting(
        "Whether the operator's configuration passes TLS handshakes for `acme-tls/1` on to Nameplate.",
        default=False,
    )
    resolver: tuple[NameServer, ...] | None = setting(
        "Name servers that nginx uses to resolve upstreams. Default: those of `resolv.conf`.",
        default=None,
    )
