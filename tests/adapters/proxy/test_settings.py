"""What a server may say of its proxy, and what it can never shut out."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.servers import caddy as servers
from tests.servers.process import free_port

from nameplate.adapters.http.client import Api
from nameplate.adapters.proxy import caddy, caddy_settings, memory, nginx, nginx_settings, traefik
from nameplate.core.configuration import load, parse
from nameplate.core.errors import Invalid, Refused
from nameplate.core.secret import Secret
from nameplate.ports.proxy import ProxyConfiguration, ProxyPlace, Upstream

PLUGINS = {
    "caddy": caddy.plugin,
    "memory": memory.plugin,
    "nginx": nginx.plugin,
    "traefik": traefik.plugin,
}
URL = {"admin_url": "http://127.0.0.1:2019"}
WRONG = [
    ("nginx", {"listen_http": ["28443 ssl"]}, "/proxy/listen_http/0"),
    ("nginx", {"listen_https": ["80;}"]}, "/proxy/listen_https/0"),
    ("nginx", {"listen_http": ["80", "70000"]}, "/proxy/listen_http/1"),
    ("nginx", {"listen_http": [":80"]}, "/proxy/listen_http/0"),
    ("nginx", {"listen_http": ["999.0.2.1:80"]}, "/proxy/listen_http/0"),
    ("nginx", {"listen_http": "80"}, "/proxy/listen_http"),
    ("nginx", {"folder": "managed"}, "/proxy/folder"),
    ("nginx", {"folder": "/var/{env.HOME}"}, "/proxy/folder"),
    ("nginx", {"pid_file": "run/nginx.pid"}, "/proxy/pid_file"),
    ("nginx", {"executable": "sbin/nginx -x"}, "/proxy/executable"),
    ("nginx", {"https_port": "443"}, "/proxy/https_port"),
    ("nginx", {"https_port": 0}, "/proxy/https_port"),
    ("nginx", {"http_port": True}, "/proxy/http_port"),
    ("nginx", {"probe_address": "a b"}, "/proxy/probe_address"),
    ("nginx", {"challenge_upstream": "127.0.0.1"}, "/proxy/challenge_upstream"),
    ("nginx", {"many_hosts": -1}, "/proxy/many_hosts"),
    ("caddy", {**URL, "certificates_port": 0}, "/proxy/certificates_port"),
    ("nginx", {"admin_url": "http://127.0.0.1:1"}, "/proxy/admin_url"),
    ("caddy", {}, "/proxy/admin_url"),
    ("caddy", {"admin_url": "127.0.0.1:2019"}, "/proxy/admin_url"),
    ("caddy", {**URL, "listen_http": ["80"]}, "/proxy/listen_http/0"),
    ("caddy", {**URL, "listen_http": [":80 x"]}, "/proxy/listen_http/0"),
    ("caddy", {**URL, "base": []}, "/proxy/base"),
    ("caddy", {**URL, "base": {"apps": {"http": []}}}, "/proxy/base"),
    ("caddy", {**URL, "base": {"apps": {"tls": {"automation": {"policies": {}}}}}}, "/proxy/base"),
    ("caddy", {**URL, "base": {"admin": None}}, "/proxy/base"),
    ("caddy", {**URL, "adminurl": "x"}, "/proxy/adminurl"),
    ("memory", {"listen_http": ["80"]}, "/proxy/listen_http"),
    ("traefik", {"provider": "docker"}, "/proxy/provider"),
    ("traefik", {"dynamic_folder": "dynamic"}, "/proxy/dynamic_folder"),
    ("traefik", {"dynamic_folder": "/a/{{ env `X` }}"}, "/proxy/dynamic_folder"),
    ("traefik", {"mounted_at": "/a b"}, "/proxy/mounted_at"),
    ("traefik", {"entry_point_http": "web`) ||"}, "/proxy/entry_point_http"),
    ("traefik", {"entry_point_https": ""}, "/proxy/entry_point_https"),
    ("traefik", {"api_url": "127.0.0.1:8080"}, "/proxy/api_url"),
    ("traefik", {"shared": "yes"}, "/proxy/shared"),
    ("traefik", {"patience": 0}, "/proxy/patience"),
]


@pytest.mark.parametrize(("kind", "given", "pointer"), WRONG)
def test_what_is_wrong_is_named(kind, given, pointer):
    with pytest.raises(Invalid) as caught:
        parse(PLUGINS[kind].configuration, given, "/proxy")
    assert [one.pointer for one in caught.value.problems] == [pointer]


@pytest.mark.parametrize(("kind", "given", "pointer"), WRONG)
def test_a_stored_one_is_refused_by_its_key_or_used_without_it(kind, given, pointer):
    key = pointer.split("/")[2]
    schema = PLUGINS[kind].configuration
    if key == "adminurl" or (kind, key) in {("nginx", "admin_url"), ("memory", "listen_http")}:
        assert load(schema, given) is not None, "what another version knew is left alone"
        return
    with pytest.raises(Refused, match=key) as caught:
        load(schema, given)
    assert caught.value.code in {"setting_invalid", "setting_missing"}


@pytest.mark.parametrize(
    "text", ["80", "65535", "*:80", "192.0.2.1:80", "[2001:db8::1]:8443", "0.0.0.0:80"]
)
def test_what_nginx_may_listen_on(text):
    assert nginx_settings.is_listen(text)


@pytest.mark.parametrize("text", [":80", "127.0.0.1:80", "[::1]:80", "localhost:8080"])
def test_what_caddy_may_listen_on(text):
    assert caddy_settings.is_listen(text)


def test_everything_that_the_guide_names_is_taken(tmp_path):
    common: dict[str, Any] = {"folder": str(tmp_path), "http_port": 8080, "https_port": 8443}
    common |= {"probe_address": "192.0.2.7", "challenge_upstream": "127.0.0.1:8080"}
    more: dict[str, Any] = {
        "executable": "nginx",
        "pid_file": "/run/x.pid",
        "main": "/etc/nginx/nginx.conf",
    }
    place = ProxyPlace(str(tmp_path), Upstream("127.0.0.1", 8080))
    made = nginx.connect(parse(nginx_settings.NginxConfiguration, {**common, **more}), place)
    assert "listen" in made.render([]).files["00-nameplate.conf"].decode()
    more = {**URL, "ask_url": "http://127.0.0.1:8080/edge/ask", "base": {"logging": {}}}
    document = json.loads(
        caddy.connect(parse(caddy_settings.CaddyConfiguration, {**common, **more}), place)
        .render([])
        .files["caddy.json"]
    )
    assert document["admin"] == {"listen": "127.0.0.1:2019"}
    assert document["logging"] == {}
    assert parse(memory.plugin.configuration, common) == ProxyConfiguration(**common)


@pytest.mark.parametrize(
    ("admin", "expected"),
    [
        (None, {"listen": "127.0.0.1:2019"}),
        ({"listen": ":2019"}, {"listen": ":2019"}),
        ({"listen": "localhost:2020"}, {"listen": "127.0.0.1:2019"}),
        ({"listen": "unix//run/caddy.sock"}, {"listen": "127.0.0.1:2019"}),
        ({"listen": 2019}, {"listen": "127.0.0.1:2019"}),
        ({"listen": "127.0.0.2:2019"}, {"listen": "127.0.0.1:2019"}),
        ({"listen": "udp/:2019"}, {"listen": "127.0.0.1:2019"}),
        ({"listen": "0.0.0.0:2019"}, {"listen": "0.0.0.0:2019"}),
        ({"listen": "localhost:2019"}, {"listen": "localhost:2019"}),
        ({"listen": "edge.internal:2019"}, {"listen": "edge.internal:2019"}),
        ({"disabled": True}, {"listen": "127.0.0.1:2019"}),
        (
            {"origins": ["a:1"], "enforce_origin": True},
            {"listen": "127.0.0.1:2019", "origins": ["a:1", "127.0.0.1:2019"]},
        ),
    ],
)
def test_the_admin_api_stays_where_it_is_found(admin, expected):
    base = {} if admin is None else {"admin": admin}
    before = json.dumps(base)
    assert caddy_settings.reachable(base, URL["admin_url"]) == {"admin": expected}
    assert json.dumps(base) == before, "the operator's own document is not changed"
    assert caddy_settings.reachable(None, "http://[::1]:7")["admin"] == {"listen": "[::1]:7"}


@pytest.mark.parametrize(
    "admin",
    [
        None,
        {},
        {"disabled": True},
        {"listen": "127.0.0.1:2"},
        {"listen": "127.0.0.2:PORT"},
        {"listen": "[::1]:PORT"},
        {"listen": "udp/127.0.0.1:PORT"},
        {"listen": "localhost:PORT"},
        {"listen": ":PORT"},
        {"enforce_origin": True},
    ],
)
def test_a_base_cuts_nobody_off_a_real_caddy(tmp_path, admin):
    with servers.Caddy(tmp_path) as server:
        url = f"http://127.0.0.1:{server.admin_port}"
        base: dict[str, Any] = {"storage": server.base["storage"]}
        given = {
            "admin_url": url,
            "listen_http": [f"127.0.0.1:{server.http_port}"],
            "listen_https": [f"127.0.0.1:{server.https_port}"],
            "base": base,
        }
        if admin is not None:
            own = {**admin, "config": {"persist": False}}
            own = json.loads(json.dumps(own).replace("PORT", str(server.admin_port)))
            base["admin"] = own
        config = parse(caddy_settings.CaddyConfiguration, given)
        place = ProxyPlace(str(tmp_path / "managed"), Upstream("127.0.0.1", free_port()))
        adapter = caddy.connect(config, place)
        for _ in range(2):
            adapter.apply(adapter.render([]))
        api = Api(url)
        assert "nameplate_http" in api.request("GET", "/config/").json()["apps"]["http"]["servers"]
        api.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a:1/edge/ask", "http://a:1/edge/ask?secret=s%2F3"),
        ("http://a:1/edge/ask?x=y", "http://a:1/edge/ask?x=y&secret=s%2F3"),
        ("http://a:1/edge/ask?secret=own", "http://a:1/edge/ask?secret=own"),
        ("http://a:1/elsewhere", "http://a:1/elsewhere"),
    ],
)
def test_caddy_asks_with_the_secret(tmp_path: Path, url: str, expected: str) -> None:
    place = ProxyPlace(str(tmp_path), Upstream("127.0.0.1", 8080), Secret("s/3"))
    config = parse(caddy_settings.CaddyConfiguration, {**URL, "ask_url": url})
    document = json.loads(caddy.connect(config, place).render([]).files["caddy.json"])
    permission = document["apps"]["tls"]["automation"]["on_demand"]["permission"]
    assert permission["endpoint"] == expected
