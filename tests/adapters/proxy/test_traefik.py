"""Traefik by files: beside others, over restarts, and when it will not have something."""

import http.client
import json
import os
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.adapters.proxy.traefik_rig import apply, free_ports, plain, points
from tests.servers import traefik as servers
from tests.servers.process import free_port

from nameplate.adapters.proxy import traefik_documents as documents
from nameplate.core.errors import Refused, Unavailable
from nameplate.ports.proxy import Route, RoutePlace, RouteRefused, Upstream
from nameplate.testing.proxy import self_signed


@pytest.fixture
def route(origins):
    return Route("bnd_1", "shop.example.test", "/", origins[0].upstream, force_https=False)


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


def test_one_that_fetches_nothing_is_said_with_what_keeps_it_most_often(tmp_path, route):
    nobody = f"http://127.0.0.1:{free_port()}/edge/traefik/srv_1.json"
    with servers.Traefik(
        tmp_path, endpoint=nobody, headers={"X": "y"}, proxy={"patience": 1}
    ) as server:
        with pytest.raises(Refused, match=r"cannot reach Nameplate's edge.*edge-token") as raised:
            apply(server, route)
        assert raised.value.code == "proxy_reload_failed"
        assert "another file" not in raised.value.detail


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
