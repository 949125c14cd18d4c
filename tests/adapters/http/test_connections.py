"""Connections that are kept, to more than one server, and answers that never end."""

import socket
import time
from pathlib import Path

import pytest
from tests.servers.domain_connect import certified
from tests.servers.hostile import HostileServer, request_head

from nameplate.adapters.http.client import Api
from nameplate.adapters.http.connections import Connections, Lost, NotSent, Origin
from nameplate.core.errors import Unavailable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def serves(connection: socket.socket) -> None:
    """Answer every request of a connection."""
    while connection.recv(65536):
        connection.sendall(OK)


def _connections(**limits: float) -> Connections:
    given = {"connecting": 5.0, "reading": 5.0, "largest": 1000, **limits}
    return Connections(None, **given)  # type: ignore[arg-type]  # bytes are whole


def test_each_server_has_connections_of_its_own() -> None:
    with HostileServer(serves) as one, HostileServer(serves) as other:
        connections = _connections()
        for server in (one, other, one, other, other, one):
            origin, target = Origin.of(f"http://127.0.0.1:{server.port}/a?b=c")
            assert connections.request(origin, "GET", target, {}).body == b"ok"
        connections.close()
        assert (one.connections, other.connections) == (1, 1)


def drips(connection: socket.socket) -> None:
    """Send a byte now and then, each well within the wait for it."""
    request_head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
    for _ in range(900):
        connection.sendall(b"x")
        time.sleep(0.02)


def test_a_server_that_drips_keeps_nobody_for_good() -> None:
    with HostileServer(drips) as server:
        origin, target = Origin.of(f"http://127.0.0.1:{server.port}/")
        started = time.monotonic()
        with pytest.raises(Lost, match="too slow"):
            _connections(reading=0.1).request(origin, "GET", target, {})
        assert time.monotonic() - started < 10  # instead of 18


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/"])
def test_without_a_connection_nothing_is_sent(url: str) -> None:
    origin, target = Origin.of(url)
    with pytest.raises(NotSent):
        _connections().request(origin, "GET", target, {})


@pytest.mark.parametrize(
    "url", ["ftp://a/", "//a/", "a", "", "http:///x", "http://[::1/", "http://a:b/"]
)
def test_what_is_no_address_of_a_web_server(url: str) -> None:
    with pytest.raises(ValueError):  # of whatever kind
        Origin.of(url)


def test_only_who_is_trusted_is_talked_to(tmp_path: Path) -> None:
    ours, trusting = certified(tmp_path, "localhost")
    with HostileServer(serves, tls=ours) as server:
        url = f"https://localhost:{server.port}"
        assert Api(url, verify=trusting).request("GET", "/").body == b"ok"
        for stranger in (Api(url), Api(f"https://127.0.0.1:{server.port}", verify=trusting)):
            with pytest.raises(Unavailable, match="SSLCertVerificationError") as raised:
                stranger.request("GET", "/")
            assert raised.value.code == "provider_unreachable"


def repeats(connection: socket.socket) -> None:
    head = request_head(connection)
    assert head.startswith("GET /v1/a%20b%C3%A9?q=1%262 HTTP/1.1\r\n"), head
    connection.sendall(b"HTTP/1.1 200 OK\r\nLink: a\r\nLINK: b\r\nContent-Length: 0\r\n\r\n")


def test_paths_are_escaped_and_repeated_fields_joined() -> None:
    with HostileServer(repeats) as server:
        api = Api(f"http://127.0.0.1:{server.port}/v1/")
        assert api.request("GET", "/a bé", params={"q": "1&2"}).headers["link"] == "a, b"
        api.close()
