import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.servers.hostile import HostileServer, request_head

from nameplate.adapters.http.client import Api, Reply, retry_after
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.secret import Secret


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peers: set[int]

    def answer(self):
        self.peers.add(self.client_address[1])
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        seen = {"path": self.path, "headers": dict(self.headers), "body": body}
        data = json.dumps(seen).encode()
        self.send_response(302 if self.path.endswith("/moved") else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Set-Cookie", "session=1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = answer  # noqa: N815  # the library's names

    def log_message(self, *args):
        """Keep the test's output clean."""


@pytest.fixture
def echo() -> Iterator[ThreadingHTTPServer]:
    Echo.peers = set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def api(echo) -> Iterator[Api]:
    client = Api(
        f"http://127.0.0.1:{echo.server_port}/v1", headers={"Authorization": Secret("Bearer s3")}
    )
    yield client
    client.close()


def test_a_request_carries_the_credential_below_the_base_address(api):
    reply = api.request(
        "PATCH", "/zones", json={"a": 1}, params={"page": "2"}, headers={"X-A": "b"}
    )
    seen = reply.json()
    assert (reply.status, seen["path"], seen["body"]) == (200, "/v1/zones?page=2", '{"a":1}')
    assert seen["headers"]["Authorization"] == "Bearer s3"
    assert seen["headers"]["X-A"] == "b"
    assert "s3" not in repr(vars(api))


def test_connections_are_kept_but_cookies_and_redirects_are_not_followed(api):
    assert api.request("GET", "/moved").status == 302
    seen = api.request("GET", "/again").json()
    assert "cookie" not in {name.lower() for name in seen["headers"]}
    assert len(Echo.peers) == 1


def test_threads_share_it(api):
    with ThreadPoolExecutor(8) as pool:
        paths = [f"/n{number}" for number in range(64)]
        replies = pool.map(lambda path: api.request("GET", path).json()["path"], paths)
        assert list(replies) == [f"/v1{path}" for path in paths]


def test_an_absolute_address_is_refused(api):
    with pytest.raises(ValueError, match="relative"):
        api.request("GET", "http://evil.example/")


def test_nothing_sent():
    with pytest.raises(Unavailable) as raised:
        Api("http://127.0.0.1:1").request("GET", "/")
    assert raised.value.code == "provider_unreachable"


def hangs_up(connection):
    request_head(connection)


def lies(connection):
    request_head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")


def silent(connection):
    request_head(connection)
    connection.recv(1)


def too_long(connection):
    request_head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000)


def compressed(connection):
    request_head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab")


@pytest.mark.parametrize("answer", [hangs_up, lies, silent, too_long, compressed])
def test_a_lost_answer_says_so(answer: Callable[[socket.socket], None]):
    with HostileServer(answer) as server:
        api = Api(f"http://127.0.0.1:{server.port}", timeout=0.5, max_body=1000)
        with pytest.raises(Unavailable) as raised:
            api.request("POST", "/", content=b"x")
        api.close()
    assert raised.value.code == "answer_lost"


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX: y", "ké", "pad ", "a\x00", "tab\t"])
def test_a_credential_that_http_cannot_carry_is_not_printed(api, value):
    with pytest.raises(Refused) as raised:
        api.request("GET", "/", headers={"X-Key": Secret(value)})
    assert raised.value.code == "credential_malformed"
    assert value not in str(raised.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_what_is_not_json(body):
    with pytest.raises(Unavailable) as raised:
        Reply(200, {}, body).json()
    assert raised.value.code == "answer_malformed"


NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "30"}, timedelta(seconds=30)),
        ({"retry-after": "0"}, timedelta(0)),
        ({"retry-after": "1" + "0" * 400}, timedelta(days=1)),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sun, 01 Nov 2026 12:01:00 GMT"}, timedelta(minutes=1)),
        ({"retry-after": "Sun, 01 Nov 2026 11:00:00 GMT"}, timedelta(0)),
        ({"retry-after": "Sun, 01 Nov 9999 11:00:00 GMT"}, timedelta(days=1)),
    ],
)
def test_retry_after(headers, wait):
    assert retry_after(Reply(429, headers, b""), NOW) == wait


def test_retry_after_counts_from_the_clock_of_the_server():
    headers = {
        "retry-after": "Sun, 01 Nov 2026 12:01:00 GMT",
        "date": "Sun, 01 Nov 2026 12:00:30 GMT",
    }
    assert retry_after(Reply(429, headers, b"")) == timedelta(seconds=30)
