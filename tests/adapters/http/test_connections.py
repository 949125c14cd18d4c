"""Connections that are kept, to more than one server, and answers that never end."""

import socket
import time
from pathlib import Path

import pytest
from tests.servers.domain_connect import certified
from tests.servers.hostile import HostileServer, request_head

from nameplate.adapters.http.client import Api
from nameplate.adapters.http.connections import Connections, Origin
from nameplate.adapters.http.exchange import Lost, NotSent
from nameplate.core.errors import Refused, Unavailable

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


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
SLOW = {
    "head": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "interim": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (HEAD, b"x"),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
}


@pytest.mark.parametrize("where", SLOW)
def test_a_server_that_drips_keeps_nobody_for_good(where: str) -> None:
    def drips(connection: socket.socket) -> None:
        request_head(connection)
        begin, drop = SLOW[where]
        connection.sendall(begin)
        for _ in range(150):  # each well within the wait for one step
            connection.sendall(drop)
            time.sleep(0.05)

    with HostileServer(drips) as server:
        origin, target = Origin.of(f"http://127.0.0.1:{server.port}/")
        started = time.monotonic()
        with pytest.raises(Lost):
            _connections(reading=0.2).request(origin, "GET", target, {})
        assert 1.5 < time.monotonic() - started < 5  # 10 waits, and not 7.5 s


def test_an_interim_answer_is_never_taken_for_the_next_one() -> None:
    asked = 0

    def hints(connection: socket.socket) -> None:
        nonlocal asked
        while b"\r\n\r\n" in connection.recv(65536):
            asked += 1
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            time.sleep(0.2)
            connection.sendall(OK.replace(b"ok", b"n%d" % asked))

    with HostileServer(hints) as server:
        origin, target = Origin.of(f"http://127.0.0.1:{server.port}/")
        connections = _connections()
        bodies = [connections.request(origin, "PATCH", target, {}, b"{}").body for _ in range(2)]
        connections.close()
        assert bodies == [b"n1", b"n2"]


def test_an_answer_in_another_protocol_is_not_believed() -> None:
    def switches(connection: socket.socket) -> None:
        request_head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello")

    with HostileServer(switches) as server:
        origin, target = Origin.of(f"http://127.0.0.1:{server.port}/")
        with pytest.raises(Lost):
            _connections().request(origin, "GET", target, {})


@pytest.mark.parametrize("fields", [b"X: y\r\n" * 20_000, b"X: " + b"y" * 70_000 + b"\r\n"])
def test_a_head_may_have_64_kib(fields: bytes) -> None:
    def boasts(connection: socket.socket) -> None:
        request_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + fields + b"\r\n")

    with HostileServer(boasts) as server:
        origin, target = Origin.of(f"http://127.0.0.1:{server.port}/")
        with pytest.raises(Lost):
            _connections().request(origin, "GET", target, {})


def test_a_refusal_in_the_middle_of_a_long_request_is_heard() -> None:
    def refuses(connection: socket.socket) -> None:
        request_head(connection)
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.2)

    with HostileServer(refuses) as server:
        api = Api(f"http://127.0.0.1:{server.port}")
        reply = api.request("PATCH", "/", content=b"x" * 16_000_000)
        assert (reply.status, reply.body) == (413, b"no")
        api.close()


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 2\r\nContent-Length: 5\r\n",
        b"Content-Length: nonsense\r\n",
        b"Content-Length: \xb2\r\n",  # a digit of Unicode
        b"Content-Length: -1\r\n",
        b"no colon\r\nContent-Length: 5\r\n",
    ],
)
def test_a_confused_answer_is_not_believed(fields: bytes) -> None:
    def confused(connection: socket.socket) -> None:
        request_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\nhello")

    with HostileServer(confused) as server:
        origin, target = Origin.of(f"http://127.0.0.1:{server.port}/")
        with pytest.raises(Lost):
            _connections().request(origin, "GET", target, {})


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/"])
def test_without_a_connection_nothing_is_sent(url: str) -> None:
    origin, target = Origin.of(url)
    with pytest.raises(NotSent):
        _connections().request(origin, "GET", target, {})


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a/", "//a/", "a", "", "http:///x", "http://[::1/", "http://a:b/"),
        *(
            "http://a:99999/",
            "http://user:sekret@a/",
            "http://user@a/",
            "https://sekret\u2100\x1bc/",
            "http://a b/",
        ),
    ],
)
def test_what_is_no_address_of_a_web_server(url: str) -> None:
    with pytest.raises(
        ValueError, match=r"^(expected an absolute http or https URL|.*URL with a user)"
    ) as refused:
        Origin.of(url)
    assert "sekret" not in str(refused.value)
    with pytest.raises(Refused, match="URL of the API"):
        Api(url)


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("http://a", ("http", "a", 80), "/"),
        ("https://a?b=c", ("https", "a", 443), "/?b=c"),
        ("https://A.example:8443/x?y", ("https", "a.example", 8443), "/x?y"),
        ("http://[2001:db8::53]/x", ("http", "2001:db8::53", 80), "/x"),
    ],
)
def test_the_parts_of_an_address(url: str, origin: tuple[str, str, int], target: str) -> None:
    assert Origin.of(url) == (origin, target)


def test_only_who_is_trusted_is_talked_to(tmp_path: Path) -> None:
    ours, trusting = certified(tmp_path, "localhost")
    with HostileServer(serves, tls=ours) as server:
        url = f"https://localhost:{server.port}"
        assert Api(url, verify=trusting).request("GET", "/").body == b"ok"
        for stranger in (Api(url), Api(f"https://127.0.0.1:{server.port}", verify=trusting)):
            with pytest.raises(Unavailable, match="SSLCertVerificationError") as raised:
                stranger.request("GET", "/")
            assert raised.value.code == "provider_unreachable"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://\u00e4..b/", "/"),
        ("http://127.0.0.1:{port}/", "/\u00e4"),
        ("http://127.0.0.1:{port}/", "/a b"),
    ],
)
def test_what_cannot_be_written_is_not_sent(url: str, target: str) -> None:
    with HostileServer(serves) as server:
        origin, _ = Origin.of(url.format(port=server.port))
        with pytest.raises(NotSent):
            _connections().request(origin, "POST", target, {}, b"x")


def repeats(connection: socket.socket) -> None:
    head = request_head(connection)
    assert head.startswith("POST /v1/a%20b%C3%A9?q=1%262 HTTP/1.1\r\n"), head
    names = [line.partition(":")[0].lower() for line in head.splitlines()[1:] if line]
    assert len(names) == len(set(names)), head
    connection.sendall(b"HTTP/1.1 200 OK\r\nLink: a\r\nLINK: b\r\nContent-Length: 0\r\n\r\n")


def test_paths_are_escaped_and_fields_have_one_value() -> None:
    with HostileServer(repeats) as server:
        api = Api(f"http://127.0.0.1:{server.port}/v1/")
        given = {"Accept": "application/json", "CONTENT-TYPE": "text/plain"}
        reply = api.request("POST", "/a bé", json={}, params={"q": "1&2"}, headers=given)
        assert reply.headers["link"] == "a, b"
        api.close()
