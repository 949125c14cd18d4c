import json
import socket
import stat
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.servers import caddy as servers
from tests.servers.process import free_port

from nameplate.adapters.http.client import Api
from nameplate.adapters.proxy import caddy as adapters
from nameplate.core.errors import Refused, Unavailable
from nameplate.ports.proxy import Route, RoutePlace, Upstream
from nameplate.testing.proxy import self_signed, visit


@pytest.fixture
def route(origins):
    return Route("bnd_1", "shop.example.test", "/", origins[0].upstream, force_https=False)


def apply(server, *routes):
    server.adapter.apply(server.adapter.render(routes))


def plain(server, hostname="shop.example.test", path="/"):
    return server.look("http", hostname, path)


def test_keys_are_files_of_their_owner_and_never_in_the_document(caddy, route):
    pair, _ = self_signed(route.hostname)
    apply(caddy, replace(route, key_pair=pair))
    certs = caddy.adapter.folder / "certs"
    assert stat.S_IMODE(certs.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in certs.iterdir()} == {0o600}
    assert "PRIVATE KEY" not in json.dumps(caddy.running())


def test_old_keys_go_after_a_successful_apply_only(caddy, route):
    old, _ = self_signed(route.hostname)
    apply(caddy, replace(route, key_pair=old))
    new, serial = self_signed(route.hostname)
    config = caddy.adapter.render([replace(route, key_pair=new)])
    document = {**caddy.base, "apps": {"nothing": {}}}
    broken = replace(config, files={**config.files, "caddy.json": json.dumps(document).encode()})
    with pytest.raises(Refused) as raised:
        caddy.adapter.apply(broken)
    assert "nothing" in raised.value.detail
    certs = caddy.adapter.folder / "certs"
    assert any(path.name.startswith(old.id) for path in certs.iterdir())
    caddy.adapter.apply(config)
    assert {path.name.split(".")[0] for path in certs.iterdir()} == {new.id}
    assert caddy.look("https", route.hostname).serial == serial


def test_what_runs_is_what_was_rendered(caddy, route):
    config = caddy.adapter.render([route, replace(route, id="bnd_2", hostname="*.b.test")])
    caddy.adapter.apply(config)
    assert caddy.running() == json.loads(config.files["caddy.json"])


def test_the_operators_part_survives(tmp_path, route):
    port = free_port()
    own = {"listen": [f"127.0.0.1:{port}"], "routes": [{"handle": [{"handler": "static_response", "body": "own"}]}]}  # fmt: skip
    base = {"apps": {"http": {"servers": {"own": own}}}}
    with servers.Caddy(tmp_path, base=base) as server:
        apply(server, route)
        assert plain(server).status == 200
        time.sleep(0.1)  # the old configuration's sockets are closed a moment after the load
        assert visit(("127.0.0.1", port), "own.test", scheme="http").body == b"own"
        assert base == {"apps": {"http": {"servers": {"own": own}}}}


def test_a_port_in_use_keeps_the_old_serving(caddy, route, origins):
    apply(caddy, route)
    greedy = adapters.Caddy(
        caddy.api,
        caddy.adapter.folder,
        ["192.0.2.1:80"],
        [f"127.0.0.1:{caddy.https_port}"],
        base=caddy.base,
    )
    with pytest.raises(Refused) as raised:
        greedy.apply(greedy.render([route]))
    assert "192.0.2.1" in raised.value.detail
    assert plain(caddy).origin == origins[0].port


def test_without_caddy_it_is_unavailable(tmp_path, route):
    api = Api(f"http://127.0.0.1:{free_port()}")
    adapter = adapters.Caddy(api, tmp_path, [":80"], [":443"])
    with pytest.raises(Unavailable):
        adapter.apply(adapter.render([route]))
    api.close()


def test_one_that_hangs_is_asked_once(tmp_path, route, monkeypatch):
    """Who waits for it again holds up the repair for as long once more."""
    monkeypatch.setattr(adapters, "CUT_OFF", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        api = Api(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
        adapter = adapters.Caddy(api, tmp_path, [":80"], [":443"])
        with pytest.raises(Unavailable):
            adapter.apply(adapter.render([route]))
        api.close()
        silent.settimeout(0.2)
        silent.accept()[0].close()
        with pytest.raises(TimeoutError):
            silent.accept()


def test_challenges_reach_nameplate_before_any_redirect(caddy, nameplate, route):
    pair, _ = self_signed(route.hostname)
    apply(caddy, replace(route, key_pair=pair, force_https=True))
    for hostname in (route.hostname, "not-bound-yet.example.test"):
        for path in ("/.well-known/acme-challenge/token", "/.well-known/nameplate/x.txt"):
            look = plain(caddy, hostname, path)
            assert look.origin == nameplate.port
            assert json.loads(look.body)["headers"]["host"] == hostname
    assert plain(caddy, path="/.well-known/acme-challenge/../../x").status == 308
    assert plain(caddy, "not-bound-yet.example.test").status is None


def test_headers_for_the_application_are_ours(caddy, route):
    pair, _ = self_signed(route.hostname)
    apply(caddy, replace(route, key_pair=pair))
    hostile = (
        "/a%20b?x=%2f HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: gopher\r\n"
        "X-Forwarded-Host: evil.test\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Rest:"
    )
    document = json.loads(plain(caddy, path=hostile).body)
    got = document["headers"]
    assert document["path"] == "/a%20b?x=%2f"
    assert (got["host"], got["x-forwarded-host"]) == ("shop.example.test", "shop.example.test")
    assert (got["x-forwarded-for"], got["x-real-ip"]) == ("127.0.0.1", "127.0.0.1")
    assert got["x-forwarded-proto"] == "http"
    assert "forwarded" not in got


def test_placeholders_in_a_request_are_not_interpreted(caddy, route):
    apply(caddy, route)
    document = json.loads(plain(caddy, path="/{env.HOME}?{file./etc/passwd}").body)
    assert "{env.HOME}" in document["path"].replace("%7B", "{").replace("%7D", "}")


def test_hosts_that_behave_alike_share_a_route(caddy, route):
    routes = [replace(route, id=f"b{i}", hostname=f"h{i}.example.test") for i in range(50)]
    document = json.loads(caddy.adapter.render(routes).files["caddy.json"])
    rules = document["apps"]["http"]["servers"]["nameplate_http"]["routes"]
    assert [len(rule["match"][0].get("host", ())) for rule in rules[1:-1]] == [0, 50]


class _Ask(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012  # filled by the handler's instances

    def do_GET(self):
        self.asked.extend(parse_qs(urlsplit(self.path).query)["domain"])
        self.send_response(404)
        self.end_headers()

    def log_message(self, *args):
        pass


def test_on_demand_asks_first_and_takes_no_for_an_answer(tmp_path, route):
    with HTTPServer(("127.0.0.1", 0), _Ask) as ask:
        thread = threading.Thread(target=ask.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{ask.server_port}/edge/ask"
        with servers.Caddy(tmp_path, ask_url=url) as server:
            loaded, serial = self_signed("loaded.example.test")
            own = replace(route, id="b2", hostname="loaded.example.test", key_pair=loaded)
            apply(server, route, own)
            assert server.look("https", route.hostname).status is None
            assert server.look("https", "unknown.example.test").status is None
            assert server.look("https", "loaded.example.test").serial == serial
        ask.shutdown()
        thread.join()
    assert set(_Ask.asked) == {route.hostname, "unknown.example.test"}


def test_the_operators_settings_are_checked(tmp_path):
    api = Api("http://127.0.0.1:1")
    with pytest.raises(Refused, match="folder"):
        adapters.Caddy(api, tmp_path / "{env.HOME}", [":80"], [":443"])
    with pytest.raises(Refused, match="challenge_upstream"):
        adapters.Caddy(api, tmp_path, [], [], challenge_upstream=Upstream("{a}", 1))
    api.close()


def test_a_start_needs_neither_name_server_nor_nameplate(tmp_path, route):
    """One tenant's name that does not resolve takes nobody else down."""
    pair, serial = self_signed(route.hostname)
    with servers.Caddy(tmp_path) as server:
        lost = replace(route, id="bnd_2", hostname="lost.example.test")
        lost = replace(lost, upstream=Upstream("no-such-host.invalid", 80))
        apply(server, replace(route, key_pair=pair), lost)
        server.start_again()
        assert plain(server).status == 200
        assert server.look("https", route.hostname).serial == serial
        assert plain(server, "lost.example.test").status == 503


def test_what_caddy_must_not_serve_is_closed_while_it_refuses_everything(tmp_path, route):
    with servers.Caddy(tmp_path) as server:
        other = replace(route, id="bnd_2", hostname="other.example.test")
        apply(server, route, other)
        broken = adapters.Caddy(
            server.api, server.adapter.folder, [f"127.0.0.1:{server.http_port}"],
            [f"127.0.0.1:{server.https_port}"], base={**server.base, "apps": {"nothing": {}}},
        )  # fmt: skip
        with pytest.raises(Refused):
            broken.apply(broken.render([other]))
        assert plain(server).status == 200
        broken.withdraw([RoutePlace(route.id, route.hostname, "/")])
        assert plain(server).status is None
        assert plain(server, "other.example.test").status == 200
