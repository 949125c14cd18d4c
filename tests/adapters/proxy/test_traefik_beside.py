"""Traefik beside Coolify: nothing of others changes, and what meets is said."""

import json
from dataclasses import replace

import pytest
from tests.adapters.proxy.traefik_rig import apply, free_ports, plain, points
from tests.servers import traefik as servers

from nameplate.core.errors import Refused
from nameplate.ports.proxy import Route
from nameplate.testing.proxy import self_signed

COOLIFY = {
    "http": {
        "routers": {
            "coolify-http": {
                "entryPoints": ["http"], "rule": "Host(`coolify.example.test`)", "service": "coolify",
            },
            "theirs": {
                "entryPoints": ["http"],
                "rule": "Host(`app.wide.test`) && PathPrefix(`/`)",
                "service": "coolify",
            },
        },
        "services": {"coolify": {"loadBalancer": {"servers": [{"url": "URL"}]}}},
    }
}  # fmt: skip
CATCH_ALL = {
    "http": {
        "routers": {
            "catchall": {
                "entryPoints": ["http", "https"],
                "rule": "PathPrefix(`/`)",
                "priority": -1000,
                "service": "noop",
            }
        },
        "services": {"noop": {"loadBalancer": {"servers": []}}},
    }
}


@pytest.fixture
def route(origins):
    return Route("bnd_1", "shop.example.test", "/", origins[0].upstream, force_https=False)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def coolify(tmp_path, origins, nameplate):
    """Serve as Coolify does, with Coolify's own files."""
    proxy = {"entry_point_http": "http", "entry_point_https": "https", "shared": True}
    dynamic = tmp_path / "dynamic"
    dynamic.mkdir()
    text = json.dumps(COOLIFY).replace("URL", f"http://127.0.0.1:{origins[1].port}")
    (dynamic / "coolify.yaml").write_text(text)
    (dynamic / "default_redirect_503.yaml").write_text(json.dumps(CATCH_ALL))
    ports = free_ports()
    static = {"entryPoints": points(ports, "http", "https", "traefik")}
    with servers.Traefik(
        tmp_path, nameplate.upstream, proxy=proxy, static=static, ports=ports
    ) as server:
        yield server


def test_beside_coolify_nothing_of_theirs_changes(coolify, origins, route):
    before = files(coolify.dynamic)
    stamps = {name: (coolify.dynamic / name).stat().st_mtime_ns for name in before}
    pair, serial = self_signed("*.wide.test")
    wide = replace(route, id="bnd_2", hostname="*.wide.test", key_pair=pair)
    apply(coolify, route, wide)
    after = files(coolify.dynamic)
    assert {name: after[name] for name in before} == before
    assert {name: (coolify.dynamic / name).stat().st_mtime_ns for name in before} == stamps
    assert plain(coolify).origin == origins[0].port
    assert plain(coolify, "coolify.example.test").origin == origins[1].port
    assert plain(coolify, "any.wide.test").origin == origins[0].port
    assert plain(coolify, "app.wide.test").origin == origins[1].port, (
        "their exact host beats our wildcard"
    )
    assert coolify.look("https", "any.wide.test").serial == serial
    assert plain(coolify, "unknown.test").status == 503, "what no binding names is theirs"
    apply(coolify)
    assert {name: files(coolify.dynamic)[name] for name in before} == before
    assert plain(coolify).status == 503


def test_beside_others_only_our_own_hosts_lead_to_nameplate(coolify, nameplate, route):
    wide = replace(route, id="bnd_2", hostname="*.wide.test")
    apply(coolify, route, wide)
    for hostname in (route.hostname, "a.wide.test"):
        look = plain(coolify, hostname, "/.well-known/acme-challenge/token")
        assert look.origin == nameplate.port
    assert plain(coolify, "coolify.example.test", "/.well-known/acme-challenge/x").origin != (
        nameplate.port
    )


def test_a_host_that_both_serve_is_said(coolify, route):
    apply(coolify, replace(route, hostname="coolify.example.test"))
    (found,) = coolify.adapter.collisions()
    assert "coolify.example.test" in found.message
    assert "coolify-http" in found.message
    assert found.is_harmless
    (read,) = coolify.connect(api_url=None).collisions()
    assert "`coolify.yaml`" in read.message, "without the API their files are read"


def test_what_the_operator_has_set_wrong_is_said(tmp_path):
    ports = free_ports()
    named = points(ports, "web", "websecure", "traefik")
    named["web"]["http"] = {"redirections": {"entryPoint": {"to": "websecure"}}}
    static = {"entryPoints": named}
    with servers.Traefik(tmp_path, static=static, ports=ports, proxy={"patience": 1}) as server:
        own = {"tls": {"options": {"default": {"sniStrict": False}}}}
        (server.dynamic / "own.yaml").write_text(json.dumps(own))
        found = [one.message for one in server.adapter.collisions()]
        assert len(found) == 2
        assert "redirects every request" in found[0]
        assert "`own.yaml` has TLS options" in found[1]
        with pytest.raises(Refused, match="serves nothing of Nameplate") as raised:
            apply(server)
        assert raised.value.code == "proxy_reload_failed"
        wrong = server.connect(entry_point_https="https").collisions()
        assert any("no entry point `https`" in one.message for one in wrong)
        assert server.connect(api_url=None, shared=True).collisions() == []
