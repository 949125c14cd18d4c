"""The proxies of a town: what Nameplate is told of each, and how an operator sets Traefik up."""

from pathlib import Path
from typing import Any

from tests.servers.caddy import Caddy
from tests.servers.nginx import Nginx
from tests.servers.traefik import Traefik

PATIENCE = 3
"""Seconds that Traefik may take: what an operator sets who wants to know at once."""
THROTTLE = {"providersThrottleDuration": "500ms"}
"""As the how-to advises."""


def nginx(one: Nginx, address: str) -> dict[str, Any]:
    """Return the server's `proxy` of an nginx."""
    return {
        "type": "nginx",
        "folder": str(one.folder / "managed"),
        "executable": one.executable,
        "pid_file": str(one.pid_file),
        "main": str(one.main),
        **_listening(one, address),
    }


def caddy(one: Caddy, address: str) -> dict[str, Any]:
    """Return the server's `proxy` of a Caddy."""
    return {
        "type": "caddy",
        "admin_url": f"http://127.0.0.1:{one.admin_port}",
        "folder": str(one.folder / "managed"),
        "base": one.base,
        **_listening(one, address),
    }


def _listening(one: Nginx | Caddy, address: str) -> dict[str, Any]:
    return {
        "listen_http": [f"{address}:{one.http_port}"],
        "listen_https": [f"{address}:{one.https_port}"],
        "http_port": one.http_port,
        "https_port": one.https_port,
    }


def traefik(ports: tuple[int, int, int], **settings: Any) -> dict[str, Any]:
    """Return the server's `proxy` of a Traefik."""
    http_port, https_port, _ = ports
    ours = {"http_port": http_port, "https_port": https_port, "patience": PATIENCE}
    return {"type": "traefik", **ours, **settings}


def by_files(folder: Path, address: str, ports: tuple[int, int, int]) -> Traefik:
    """Start a Traefik that watches what Nameplate writes below `folder`."""
    watched = folder / "managed" / "dynamic"
    watched.mkdir(exist_ok=True)
    provider = {"file": {"directory": str(watched), "watch": True}}
    return Traefik(
        folder, address=address, ports=ports, static={"providers": {**provider, **THROTTLE}}
    )


def by_http(
    folder: Path, address: str, ports: tuple[int, int, int], endpoint: str, token: str
) -> Traefik:
    """Start a Traefik that fetches from Nameplate."""
    return Traefik(folder, address=address, ports=ports, static=fetching(endpoint, token))


def fetching(endpoint: str, token: str) -> dict[str, Any]:
    """Return the operator's part of a Traefik that fetches with this token."""
    provider = {
        "endpoint": endpoint,
        "pollInterval": "1s",
        "headers": {"X-Nameplate-Edge-Secret": token},
    }
    return {"providers": {"http": provider, **THROTTLE}}
