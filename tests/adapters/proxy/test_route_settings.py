"""`proxy_config` at real proxies: the same words mean the same at nginx, Caddy and Traefik."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.servers.process import free_port
from tests.servers.traefik import Traefik

from nameplate.core.route_settings import Hsts, RouteSettings, Sticky, Timeouts
from nameplate.ports.proxy import Route, RouteRefused, Upstream
from nameplate.testing.proxy import self_signed

HOST = "settings.example.test"


@pytest.fixture(params=["nginx", "caddy", "traefik"])
def server(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def serve(server: Any, upstream: Upstream, path: str = "/", **settings: Any) -> Route:
    route = Route(
        "bnd_1", HOST, path, upstream, force_https=False, settings=RouteSettings(**settings)
    )
    server.adapter.apply(server.adapter.render([route]))
    return route


def ask(
    server: Any, path: str = "/", body: bytes | None = None, **headers: str
) -> tuple[int, Any, str]:
    """Return status, document and cookie of an answer over plain HTTP; again when none came."""
    for pause in (0.05, 0.3, None):
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=10)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            method = "GET" if body is None else "POST"
            connection.request(method, path, body, {"Host": HOST, **sent})
            response = connection.getresponse()
            text = response.read()
            told = json.loads(text) if text.startswith(b"{") else {}
            return response.status, told, response.headers.get("Set-Cookie", "")
        except http.client.RemoteDisconnected:
            if pause is None:
                raise
            time.sleep(pause)
        finally:
            connection.close()
    raise AssertionError


def test_the_application_sees_paths_without_the_prefix(server: Any, origins: Any) -> None:
    serve(server, origins[0].upstream, "/shop/v1.0", strip_path=True)
    seen = {
        path: ask(server, f"/shop/v1.0{path}")[1]["path"]
        for path in ("", "/", "/a", "/a/b?c=d&e=/shop/v1.0", "/shop/v1.0", "/a%20b")
    }
    assert seen == {path: path if path.startswith("/") else "/" for path in seen}
    serve(server, origins[0].upstream, "/shop")
    assert ask(server, "/shop/a")[1]["path"] == "/shop/a"


def test_only_some_networks_are_served(server: Any, origins: Any) -> None:
    serve(server, origins[0].upstream, allow_ips=("192.0.2.0/24", "2001:db8::/32"))
    assert ask(server, X_Forwarded_For="192.0.2.1", X_Real_IP="192.0.2.1")[0] == 403
    serve(server, origins[0].upstream, allow_ips=("192.0.2.0/24", "127.0.0.1"))
    assert ask(server)[0] == 200


@pytest.fixture(params=["nginx", "caddy", "traefik"])
def behind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Give a proxy that an edge on this machine asks; Traefik's operator trusts it at the entry points."""
    if request.param != "traefik":
        yield request.getfixturevalue(request.param)
        return
    ports = free_port(), free_port(), free_port()
    named = dict(zip(("web", "websecure", "traefik"), ports, strict=True))
    trusting = {"forwardedHeaders": {"trustedIPs": ["127.0.0.0/8"]}}
    points = {one: {"address": f"127.0.0.1:{port}", **trusting} for one, port in named.items()}
    with Traefik(tmp_path, ports=ports, static={"entryPoints": points}) as server:
        yield server


def test_behind_an_edge_the_visitor_counts_whom_it_names(behind: Any, origins: Any) -> None:
    settings = RouteSettings(allow_ips=("192.0.2.0/24", "2001:db8::/32"))
    route = Route(
        "bnd_1", HOST, "/", origins[0].upstream, force_https=False, settings=settings,
        edges=("127.0.0.0/8", "2400:cb00::/32"),
    )  # fmt: skip
    behind.adapter.apply(behind.adapter.render([route]))
    for named, expected in (
        ("192.0.2.7", 200),
        ("198.51.100.1, 192.0.2.7", 200),
        ("198.51.100.1,2001:db8::7", 200),
        ("198.51.100.1", 403),
        ("192.0.2.7, 198.51.100.1", 403),  # the first is what the visitor claims
        ("192.0.2.7, 127.0.0.1", 403),
        ("192.0.2.7x", 403),
    ):
        assert ask(behind, X_Forwarded_For=named)[0] == expected, named
    assert ask(behind)[0] == 403, "an edge that names nobody"


def test_whoever_is_no_edge_counts_by_the_connection(server: Any, origins: Any) -> None:
    for allowed, expected in ((("192.0.2.0/24",), 403), (("127.0.0.1",), 200)):
        route = Route(
            "bnd_1", HOST, "/", origins[0].upstream, force_https=False,
            settings=RouteSettings(allow_ips=allowed), edges=("198.51.100.0/24",),
        )  # fmt: skip
        server.adapter.apply(server.adapter.render([route]))
        seen = ask(server, X_Forwarded_For="192.0.2.7")[0]
        # Traefik drops what others claim, and then knows nobody.
        assert seen == (403 if isinstance(server, Traefik) else expected)


def test_bodies_that_are_too_large(server: Any, origins: Any) -> None:
    serve(server, origins[0].upstream, max_body_bytes=1000)
    assert ask(server, body=b"x" * 1000)[0] == 200
    assert ask(server, body=b"x" * 1001)[0] == 413
    serve(server, origins[0].upstream)
    assert ask(server, body=b"x" * 3_000_000)[0] == 200


def test_an_application_that_does_not_answer(server: Any, origins: Any) -> None:
    serve(server, origins[0].upstream, timeouts=Timeouts(connect=2, response=1))
    with origins[0].holding():
        began = time.monotonic()
        assert ask(server, "/slow")[0] in {503, 504}
        assert time.monotonic() - began < 5
    assert ask(server)[0] == 200


def test_visitors_stay_with_their_target(server: Any, origins: Any) -> None:
    settings = RouteSettings(sticky=Sticky(cookie="shop_target"))
    routes = [
        Route(f"bnd_{n}", HOST, "/", one.upstream, force_https=False, weight=50, settings=settings)
        for n, one in enumerate(origins)
    ]
    server.adapter.apply(server.adapter.render(routes))
    cookies: dict[str, str] = {}
    for _ in range(60):
        _, told, cookie = ask(server)
        assert cookie.startswith("shop_target=")
        cookies.setdefault(told["marker"], cookie.partition(";")[0])
    assert cookies.keys() == {"one", "two"}
    for marker, cookie in cookies.items():
        assert {ask(server, Cookie=cookie)[1]["marker"] for _ in range(20)} == {marker}
    forged = {ask(server, Cookie="shop_target=127.0.0.1:1")[1]["marker"] for _ in range(40)}
    assert forged == {"one", "two"}


def test_what_hsts_says(server: Any, origins: Any) -> None:
    pair, _ = self_signed(HOST)
    for hsts, expected in (
        (None, "max-age=31536000"),
        (Hsts(max_age=300), "max-age=300"),
        (
            Hsts(include_subdomains=True, preload=True),
            "max-age=31536000; includeSubDomains; preload",
        ),
    ):
        settings = RouteSettings(hsts=hsts)
        route = Route("bnd_1", HOST, "/", origins[0].upstream, pair, settings=settings)
        server.adapter.apply(server.adapter.render([route]))
        assert server.look("https", HOST).hsts == expected


def test_what_the_application_is_told_of_a_visitor(server: Any, origins: Any) -> None:
    """Whatever a client claims about itself is gone; Host is what the visitor asked for."""
    serve(server, origins[0].upstream)
    forged: dict[str, Any] = {
        "X_Forwarded_For": "1.2.3.4", "X_Forwarded_Host": "evil.test", "X_Forwarded_Proto": "https",
        "X_Real_IP": "1.2.3.4", "Forwarded": "for=1.2.3.4;host=evil.test",
    }  # fmt: skip
    told = ask(server, **forged)[1]["headers"]
    assert {name: told.get(name, "") for name in (
        "host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded",
    )} == {
        "host": HOST, "x-forwarded-for": "127.0.0.1", "x-forwarded-host": HOST,
        "x-forwarded-proto": "http", "x-real-ip": "127.0.0.1", "forwarded": "",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_who_may_say_where_a_visitor_comes_from(
    name: str, request: pytest.FixtureRequest, origins: Any
) -> None:
    """Only whoever is trusted, and only that: host and scheme are those of the connection."""
    server = request.getfixturevalue(name)
    forged: dict[str, Any] = {
        "X_Forwarded_For": "192.0.2.7, 198.51.100.9", "X_Forwarded_Host": "evil.test",
        "X_Forwarded_Proto": "https", "X_Real_IP": "1.2.3.4", "Forwarded": "for=1.2.3.4",
    }  # fmt: skip
    for networks, expected in (
        (("127.0.0.0/8", "2001:db8::/32"), "192.0.2.7, 198.51.100.9, 127.0.0.1"),
        (("192.0.2.0/24", "2001:db8::1"), "127.0.0.1"),
    ):
        serve(server, origins[0].upstream, trusted_proxies=networks)
        told = ask(server, **forged)[1]["headers"]
        assert told["x-forwarded-for"] == expected
        assert (told["host"], told["x-forwarded-host"]) == (HOST, HOST)
        assert (told["x-forwarded-proto"], told["x-real-ip"]) == ("http", "127.0.0.1")
        assert not told.get("forwarded")
        assert ask(server)[1]["headers"]["x-forwarded-for"] == "127.0.0.1"


def test_traefik_trusts_nobody_for_one_host(traefik: Any, origins: Any) -> None:
    with pytest.raises(RouteRefused) as caught:
        serve(traefik, origins[0].upstream, trusted_proxies=("127.0.0.0/8",))
    assert caught.value.code == "setting_unsupported"


@contextmanager
def raw(answer: bytes, released: threading.Event) -> Iterator[tuple[Upstream, list[bytes]]]:
    """Run an application that sends a beginning, and its end when it is released."""
    seen: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def loop() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                seen.append(connection.recv(65536))
                if answer:
                    connection.sendall(answer)
                released.wait(10)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield Upstream("127.0.0.1", listening.getsockname()[1]), seen
    finally:
        released.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_events_arrive_as_they_are_sent(server: Any) -> None:
    begun = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: 1\n\n"
    with raw(begun, threading.Event()) as (upstream, _):
        serve(server, upstream)
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=5)
        connection.request("GET", "/", headers={"Host": HOST})
        assert connection.getresponse().read1(9) == b"data: 1\n\n"
        connection.close()


@pytest.mark.parametrize("name", ["caddy", "traefik"])
def test_http_2_without_tls(name: str, request: pytest.FixtureRequest) -> None:
    released = threading.Event()
    released.set()
    with raw(b"", released) as (upstream, seen):
        server = request.getfixturevalue(name)
        serve(server, upstream, upstream_protocol="h2c")
        assert ask(server)[0] >= 500
    assert seen[0].startswith(b"PRI * HTTP/2.0\r\n")


@pytest.mark.parametrize(
    "settings",
    [
        {"allow_ips": ("all; deny",)},
        {"allow_ips": ("127.0.0.1/8",)},
        {"allow_ips": ("{{.}}",)},
        {"allow_ips": ("fe80::1%eth0",)},
        {"trusted_proxies": ("0.0.0.0/0; } server {",)},
        {"trusted_proxies": ("default",)},
        {"trusted_proxies": ("127.0.0.1-127.0.0.9",)},
        {"sticky": Sticky(cookie="a;b")},
        {"sticky": Sticky(cookie="A-B")},
        {"sticky": Sticky(cookie="a}\nserver {")},
        {"max_body_bytes": -1},
        {"max_body_bytes": "1k; allow all"},
        {"timeouts": Timeouts(connect=0)},
        {"hsts": Hsts(max_age=-1)},
        {"upstream_protocol": "https"},
    ],
)
def test_hostile_settings_reach_no_proxy(server: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(RouteRefused) as caught:
        serve(server, Upstream("127.0.0.1", 80), **settings)
    assert caught.value.code == "route_settings_invalid"
