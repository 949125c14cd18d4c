"""What real proxies run, beside what they were given."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from nameplate.adapters.proxy import traefik_documents
from nameplate.adapters.proxy.nginx_syntax import emit, parse
from nameplate.ports.proxy import Config


def nginx(server: Any, config: Config) -> None:
    """Each fragment that nginx includes is the rendered one, and is read as nothing else."""
    current = server.adapter.folder / "current"
    fragments = {name: one for name, one in config.files.items() if name.endswith(".conf")}
    assert {path.name for path in current.glob("*.conf")} == set(fragments)
    for name, content in fragments.items():
        assert (current / name).read_bytes() == content
        directives = parse(content.decode())
        assert parse(emit(directives)) == directives


def caddy(server: Any, config: Config) -> None:
    """Caddy tells of the whole document, as it reads it."""
    assert server.running() == json.loads(config.files["caddy.json"])


def traefik(server: Any, config: Config) -> None:
    """Traefik tells of each router and service as it runs it; ours are all there, and no others."""
    wanted: dict[str, dict[str, Any]] = {"routers": {}, "services": {}}
    for name, content in config.files.items():
        if name == traefik_documents.COMMON or name.startswith(traefik_documents.HOSTS):
            told = json.loads(content)["http"]
            for kind, found in wanted.items():
                found.update(told.get(kind, {}))
    for kind, expected in wanted.items():
        running = _running(server, kind)
        assert set(running) == set(expected), kind
        for name, one in expected.items():
            assert running[name]["status"] == "enabled", name
            if kind == "routers":
                _is_router(running[name], one)
            elif "loadBalancer" in one:
                assert running[name]["loadBalancer"]["servers"] == one["loadBalancer"]["servers"]
            else:
                shares = running[name]["weighted"]["services"]
                assert [each["weight"] for each in shares] == [
                    each["weight"] for each in one["weighted"]["services"]
                ]


def _is_router(running: Mapping[str, Any], one: Mapping[str, Any]) -> None:
    for part in ("rule", "priority", "entryPoints"):
        assert running[part] == one[part], (running, one)
    assert running["service"].partition("@")[0] == one["service"].partition("@")[0]
    named = [each.partition("@")[0] for each in running.get("middlewares", [])]
    assert named == one.get("middlewares", []), (named, one)


def _running(server: Any, kind: str) -> dict[str, Any]:
    """Return what Traefik runs of ours: its own and its metrics' are of other providers."""
    found = server.api.request("GET", f"/api/http/{kind}?per_page=10000").json()
    ours = [one for one in found if one["provider"] in {"file", "http"}]
    return {one["name"].partition("@")[0]: one for one in ours}


READ_BACK: Mapping[str, Callable[[Any, Config], None]] = {
    "Nginx": nginx,
    "Caddy": caddy,
    "Traefik": traefik,
}
"""By the class of the server."""
