"""Traefik by files: beside others, over restarts, and when it will not have something."""

import http.client
import json
import os
import re
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.servers import traefik as servers
from tests.servers.process import free_port

from nameplate.adapters.proxy import traefik_documents as documents
from nameplate.adapters.proxy import traefik_rules as rules
from nameplate.core.errors import Refused, Unavailable
from nameplate.ports.proxy import Route, RoutePlace, RouteRefused, Upstream
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


def free_ports():
    return free_port(), free_port(), free_port()


def points(ports, *names):
    return {name: {"address": f"127.0.0.1:{port}"} for name, port in zip(names, ports, strict=True)}


def apply(server, *routes):
    server.adapter.apply(server.adapter.render(routes))


def plain(server, hostname="shop.example.test", path="/"):
    return server.look("http", hostname, path)


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


def test_a_start_needs_neither_name_server_nor_nameplate(tmp_path, origins, route):
    """One tenant's name that does not resolve takes nobody else down."""
    pair, serial = self_signed(route.hostname)
    gone = Upstream("127.0.0.1", free_port())
    with servers.Traefik(tmp_path, gone) as server:
        lost = replace(route, id="bnd_2", hostname="lost.example.test")
        lost = replace(lost, upstream=Upstream("no-such-host.invalid", 80))
        apply(server, replace(route, key_pair=pair), lost)
        server.start_again()
        assert plain(server).origin == origins[0].port
        assert server.look("https", route.hostname).serial == serial
        assert plain(server, "lost.example.test").status == 502


def test_one_bad_route_of_25_costs_no_other_anything(traefik, route):
    pairs = [self_signed(f"h{number}.example.test")[0] for number in range(25)]
    routes = [
        replace(route, id=f"bnd_{number}", hostname=f"h{number}.example.test", key_pair=pair)
        for number, pair in enumerate(pairs)
    ]
    routes[7] = replace(routes[7], key_pair=replace(pairs[7], private_key=pairs[8].private_key))
    with pytest.raises(RouteRefused) as raised:
        apply(traefik, *routes)
    assert raised.value.route_ids == ("bnd_7",)
    kept = [one for one in routes if one.id not in raised.value.route_ids]
    apply(traefik, *kept)
    seen = {one.id for one in routes if traefik.look("https", one.hostname).status == 200}
    assert seen == {one.id for one in kept}


def test_what_traefik_refuses_is_told_by_route(traefik, origins, route):
    other = replace(route, id="bnd_2", hostname="other.example.test", upstream=origins[1].upstream)
    config = traefik.adapter.render([route, other])
    name = f"{documents.HOSTS}/bnd_1.yaml"
    broken = json.loads(config.files[name])
    broken["http"]["routers"]["nameplate-http-bnd_1"]["rule"] = "Nonsense(`x`)"
    files = {**config.files, name: json.dumps(broken).encode()}
    with pytest.raises(RouteRefused, match="Nonsense") as raised:
        traefik.adapter.apply(replace(config, files=files))
    assert raised.value.route_ids == ("bnd_1",)
    assert raised.value.code == "proxy_refused"
    assert plain(traefik, other.hostname).origin == origins[1].port
    apply(traefik, route)
    assert plain(traefik).origin == origins[0].port


def test_a_poisoned_file_of_others_is_said_and_the_old_stays(tmp_path, origins, route):
    with servers.Traefik(tmp_path, proxy={"patience": 1}) as server:
        apply(server, route)
        poison = server.dynamic / "others.yaml"
        poison.write_text("http: [")
        other = replace(route, id="bnd_2", hostname="other.example.test")
        with pytest.raises(Refused, match="another file") as raised:
            apply(server, other)
        assert raised.value.code == "proxy_reload_failed"
        assert plain(server).origin == origins[0].port
        with pytest.raises(Refused) as raised:
            server.adapter.withdraw([RoutePlace(route.id, route.hostname, "/")])
        assert raised.value.code == "withdrawal_unseen"
        assert poison.read_text() == "http: ["
        poison.unlink()
        apply(server, other)
        assert plain(server).status == 404
        assert plain(server, other.hostname).origin == origins[0].port


def test_what_is_withdrawn_stays_so_over_a_restart(tmp_path, route):
    with servers.Traefik(tmp_path) as server:
        other = replace(route, id="bnd_2", hostname="other.example.test")
        apply(server, route, other)
        server.adapter.withdraw([RoutePlace(route.id, route.hostname, "/")])
        assert plain(server).status == 404
        server.start_again()
        assert plain(server).status == 404
        assert plain(server, other.hostname).status == 200
        apply(server, route, other)
        assert plain(server).status == 200


def test_without_traefik_it_is_written_and_unavailable(tmp_path, route, origins):
    with servers.Traefik(tmp_path) as server:
        server.server.stop()
        with pytest.raises(Unavailable) as raised:
            apply(server, route)
        assert raised.value.code == "proxy_down"
        server.start_again()
        assert plain(server).origin == origins[0].port


def test_keys_are_files_of_their_owner_and_in_no_document(traefik, route):
    old, _ = self_signed(route.hostname)
    apply(traefik, replace(route, key_pair=old))
    new, serial = self_signed(route.hostname)
    apply(traefik, replace(route, key_pair=new))
    certs = traefik.adapter.folder / "certs"
    assert stat.S_IMODE(certs.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in certs.iterdir()} == {0o600}
    assert {path.name.split(".")[0] for path in certs.iterdir()} == {new.id}
    for path in traefik.dynamic.rglob("*.yaml"):
        assert "PRIVATE KEY" not in path.read_text()
    assert traefik.look("https", route.hostname).serial == serial


def test_a_change_arrives_within_two_seconds(traefik, route):
    apply(traefik, route)
    began = time.monotonic()
    apply(traefik, replace(route, id="bnd_2", hostname="new.example.test"))
    assert plain(traefik, "new.example.test").status == 200
    assert time.monotonic() - began < 2


def test_headers_for_the_application_are_ours(traefik, route):
    pair, _ = self_signed(route.hostname)
    apply(traefik, replace(route, key_pair=pair))
    hostile = (
        "/a%20b?x=%2f HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: gopher\r\n"
        "X-Forwarded-Host: evil.test\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Rest:"
    )
    document = json.loads(plain(traefik, path=hostile).body)
    got = document["headers"]
    assert document["path"] == "/a%20b?x=%2f"
    assert (got["host"], got["x-forwarded-host"]) == ("shop.example.test", "shop.example.test")
    assert (got["x-forwarded-for"], got["x-real-ip"]) == ("127.0.0.1", "127.0.0.1")
    assert got["x-forwarded-proto"] == "http"
    assert "forwarded" not in got


def test_a_redirect_keeps_the_method(traefik, route):
    pair, _ = self_signed(route.hostname)
    apply(traefik, replace(route, key_pair=pair, force_https=True))
    connection = http.client.HTTPConnection("127.0.0.1", traefik.http_port, timeout=5)
    connection.request("POST", "/a?b=c", b"x", {"Host": route.hostname})
    answer = connection.getresponse()
    assert answer.status == 308
    assert answer.headers["Location"].endswith("/a?b=c")
    connection.close()


def test_challenges_reach_nameplate_before_any_redirect(traefik, nameplate, route):
    pair, _ = self_signed(route.hostname)
    apply(traefik, replace(route, key_pair=pair, force_https=True))
    for hostname in (route.hostname, "not-bound-yet.example.test"):
        for path in ("/.well-known/acme-challenge/token", "/.well-known/nameplate/x.txt"):
            look = plain(traefik, hostname, path)
            assert look.origin == nameplate.port
            assert json.loads(look.body)["headers"]["host"] == hostname
    assert plain(traefik, path="/.well-known/acme-challenge/../../x").status == 301
    assert plain(traefik, "not-bound-yet.example.test").status == 404


@pytest.mark.parametrize("bypass", [True, False])
def test_the_challenges_of_traefiks_own_acme_client_need_a_word(tmp_path, nameplate, route, bypass):
    """With a resolver of its own Traefik takes the path for itself, unless the entry point says not to."""
    ports = free_ports()
    named = points(ports, "web", "websecure", "traefik")
    named["web"]["allowACMEByPass"] = bypass
    acme = {
        "email": "a@example.test", "storage": str(tmp_path / "acme.json"),
        "caServer": "http://127.0.0.1:1/", "httpChallenge": {"entryPoint": "web"},
    }  # fmt: skip
    static = {
        "entryPoints": named,
        "certificatesResolvers": {"own": {"acme": acme}},
    }
    with servers.Traefik(tmp_path, nameplate.upstream, static=static, ports=ports) as server:
        apply(server, route)
        look = plain(server, path="/.well-known/acme-challenge/token")
        assert (look.origin == nameplate.port) is bypass


def test_a_container_finds_the_keys_where_the_folder_is_mounted(traefik, route):
    pair, _ = self_signed(route.hostname)
    adapter = traefik.connect(mounted_at="/traefik/nameplate")
    text = adapter.render([replace(route, key_pair=pair)]).files[f"{documents.HOSTS}/bnd_1.yaml"]
    (files,) = json.loads(text)["tls"]["certificates"]
    assert files["keyFile"].startswith(f"/traefik/nameplate/certs/{pair.id}.")


def test_folders_on_two_file_systems_are_refused(traefik, route):
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == traefik.folder.stat().st_dev:
        pytest.skip("there is one file system only")
    folder = memory / f"nameplate-test-{os.getpid()}"
    try:
        adapter = traefik.connect(dynamic_folder=str(folder))
        with pytest.raises(Refused, match="same file system"):
            adapter.apply(adapter.render([route]))
    finally:
        for path in (folder / documents.HOSTS, folder):
            path.rmdir()


LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
ROUTES = st.builds(
    Route,
    id=st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True),
    hostname=st.one_of(
        st.builds("{}{}.{}.test".format, st.sampled_from(["", "*."]), LABELS, LABELS), st.text()
    ),
    path=st.one_of(st.from_regex(r"(/[A-Za-z0-9._~-]{1,6}){0,3}", fullmatch=True), st.text()),
    upstream=st.builds(Upstream, st.one_of(LABELS, st.text()), st.integers(-1, 70000)),
)
_HOST = r"(?:[a-z0-9-]+\.)+[a-z0-9-]+"
_ONE = r"HostRegexp\(`\^\[\^\.\]\+\\\.(?:[a-z0-9-]|\\[.-])+\$`\)"
_SHAPE = re.compile(
    rf"(?:Host\(`{_HOST}`\) && !HostRegexp\(`\\\.\$`\)|{_ONE} && \(Host\(`\*\.{_HOST}`\) \|\| {_ONE}\))"
    r"(?: && \(Path\(`(/[A-Za-z0-9/._~-]+)`\) \|\| PathPrefix\(`\1/`\)\))?"
)


@given(ROUTES)
def test_whatever_a_route_says_traefik_reads_what_was_meant_or_it_is_refused(one):
    layout = rules.Layout("web", "websecure", Upstream("127.0.0.1", 80), 443, shared=False)
    try:
        config = documents.render(layout, "/keys", [one])
    except RouteRefused:
        return
    text = config.files[f"{documents.HOSTS}/{one.id}.yaml"].decode()
    assert yaml.safe_load(text) == json.loads(text)
    assert "{{" not in text
    routers = json.loads(text)["http"]["routers"]
    assert all(_SHAPE.fullmatch(router["rule"]) for router in routers.values()), routers
    served = {rules.route_of(name) for name in routers} - {None}
    assert served == {one.id}
    named = rules.hosts_of([router["rule"] for router in routers.values()])
    assert named == {one.hostname}
