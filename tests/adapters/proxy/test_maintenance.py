"""Hosts whose application is down, at real proxies: a page that says when to come again."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.servers import caddy, nginx, traefik
from tests.servers.process import free_port

from nameplate.agent.responder import Responder
from nameplate.core import maintenance
from nameplate.core.route_settings import RouteSettings, Timeouts
from nameplate.ports.proxy import EDGE_HEADER, Route, Upstream
from nameplate.testing.proxy import self_signed

HOST = "down.example.test"
_SERVERS: dict[str, Any] = {"nginx": nginx.Nginx, "caddy": caddy.Caddy, "traefik": traefik.Traefik}


@pytest.fixture(scope="module", params=_SERVERS)
def server(request: pytest.FixtureRequest, passable: Path) -> Iterator[Any]:
    responder = Responder("127.0.0.1", 0, lambda _host, _token: None)
    responder.start()
    folder = passable / request.param
    folder.mkdir()
    try:
        own = Upstream("127.0.0.1", responder.port)
        more = {"proxy": {"unavailable_page": True}} if request.param == "traefik" else {}
        with _SERVERS[request.param](folder, own, **more) as running:
            yield running
    finally:
        responder.stop()


def ask(
    server: Any, method: str = "GET", path: str = "/"
) -> tuple[int, http.client.HTTPMessage, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=10)
    try:
        connection.request(method, path, headers={"Host": HOST})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def route(upstream: Upstream, **more: Any) -> Route:
    return Route("bnd_1", HOST, "/", upstream, force_https=False, **more)


def serve(server: Any, *routes: Route) -> None:
    server.adapter.apply(server.adapter.render(routes))


@contextmanager
def failing() -> Iterator[Upstream]:
    """Run an application that says itself that it fails."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path[1:]))
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"own")

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield Upstream("127.0.0.1", running.server_address[1])
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def test_a_host_whose_application_is_down(server: Any, origins: Any) -> None:
    """Refused and silent connections alike; when the application is back, it is served at once."""
    pair, _ = self_signed(HOST)
    gone = route(Upstream("127.0.0.1", free_port()), key_pair=pair)
    patience = RouteSettings(timeouts=Timeouts(connect=1, response=1))
    silent = route(origins[0].upstream, settings=patience)
    serve(server, gone)
    for method in ("GET", "POST"):
        _assert_page(*ask(server, method, "/a?b=c"))
    assert server.look("https", HOST).status == maintenance.STATUS
    serve(server, silent)
    with origins[0].holding():
        _assert_page(*ask(server, path="/slow"))
    assert ask(server)[0] == 200


def _assert_page(status: int, headers: http.client.HTTPMessage, body: str) -> None:
    assert status == maintenance.STATUS
    assert body.strip() == maintenance.PAGE.strip()
    assert headers.get_all("Retry-After") == [maintenance.RETRY_AFTER]
    assert headers.get_all(EDGE_HEADER) == ["1"]
    assert headers["Content-Type"].startswith("text/html")


def test_what_an_application_says_of_itself(server: Any) -> None:
    """Traefik cannot tell its own 502 and 504 from those of an application."""
    with failing() as upstream:
        serve(server, route(upstream))
        for status in (500, 502, 503, 504):
            seen, headers, body = ask(server, path=f"/{status}")
            if isinstance(server, traefik.Traefik) and status in {502, 504}:
                _assert_page(seen, headers, body)
            else:
                assert (seen, body, headers["Retry-After"]) == (status, "own", None)
