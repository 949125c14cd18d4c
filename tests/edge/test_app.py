"""What proxies are answered, whatever bytes they send."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.asgi import converse, get
from tests.servers.process import free_port, listens

from nameplate.core.secret import Secret
from nameplate.edge.app import ASK_UNTIL, ROUTE_UNTIL, App, ASGIApp, Message, beside
from nameplate.edge.snapshot import Snapshot
from nameplate.usecases.serving.hosts import ServedHost


class Fixed:
    """A source whose age a test sets; None: never loaded."""

    def __init__(self, age: float | None = 0.0) -> None:
        self.age = age
        self.snapshot = Snapshot.of(
            [
                ServedHost(
                    "shop.acme.com", "/api", 1, "app_1", "10.0.0.1:80", active=True, permitted=True
                )
            ]
        )

    def within(self, seconds: float) -> Snapshot | None:
        return self.snapshot if self.age is not None and self.age <= seconds else None


ASK, ROUTE = "/edge/ask", "/edge/route"
APP = App(Fixed())


def test_ask() -> None:
    assert get(APP, ASK, b"domain=shop.acme.com") == (200, b"", {b"content-length": b"0"})
    assert get(APP, ASK, b"domain=other.acme.com") == (404, b"", {b"content-length": b"0"})


def test_route() -> None:
    status, body, headers = get(APP, ROUTE, b"host=Shop.acme.com:443&path=/api/x")
    assert status == 200
    assert headers == {
        b"content-length": b"%d" % len(body),
        b"content-type": b"application/json",
    }
    assert json.loads(body) == {
        "host": "shop.acme.com",
        "path": "/api",
        "application": "app_1",
        "upstream": "10.0.0.1:80",
        "targets": [{"application": "app_1", "upstream": "10.0.0.1:80", "weight": 100}],
    }
    assert get(APP, ROUTE, b"host=shop.acme.com")[:2] == (404, b"")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (b"domain=shop%2eacme%2Ecom", 200),
        (b"x=1&domain=shop.acme.com&y", 200),
        (b"d%6fmain=shop.acme.com", 200),
        (b"", 400),
        (b"domain", 404),
        (b"domain=", 404),
        (b"DOMAIN=shop.acme.com", 400),
        (b"domain=shop.acme.com&domain=shop.acme.com", 400),
        (b"domain=other.com&d%6fmain=shop.acme.com", 400),
        (b"domain=shop.acme.com;domain=shop.acme.com", 404),
        (b"domain=shop.acme.com%00", 404),
        (b"domain=shop.acme.com%0d%0aX:y", 404),
        (b"domain=shop.acme.com+", 404),
        (b"domain=+shop.acme.com", 404),
        (b"domain=%", 404),
        (b"domain=%zz%e", 404),
        (b"domain=%ff%fe", 404),
        (b"domain=\xff\x00\n", 404),
        (b"domain=%252e", 404),
        (b"domain=%E2%84%AAhop.acme.com", 404),
        (b"domain=shop%EF%BC%8Eacme.com", 404),
        (b"domain=*.acme.com", 404),
        (b"domain=shop.acme.com%2f..%2f", 404),
        (b"domain={env.SECRET}", 404),
        (b"domain=" + b"a" * 8000, 404),
        (b"domain=shop.acme.com&" + b"x" * 10_000, 404),
        (b"&" * 8192, 400),
        (b"=&=&%=%", 400),
    ],
)
def test_hostile_queries(query: bytes, status: int) -> None:
    assert get(APP, ASK, query)[:2] == (status, b"")
    as_route = get(APP, ROUTE, query.replace(b"omain", b"").replace(b"d=", b"host="))
    assert as_route[0] in {400, 404}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (b"host=shop.acme.com&path=%2Fapi%2fx", 200),
        (b"path=/api&x&host=SHOP.acme.com.:443", 200),
        (b"h%6Fst=shop%2Eacme.com&p%61th=/api", 200),
        (b"host=shop.acme.com&path=/api=/x", 404),
        (b"host=shop.acme.com&path=", 404),
        (b"host=shop.acme.com&PATH=/api", 404),
        (b"host=shop.acme.com&path=/api&p%61th=/api", 400),
        (b"host=shop.acme.com&host=&host=shop.acme.com&path=/api", 400),
        (b"host=shop.acme.com&host=other.com&path=/api", 400),
        (b"path=/api", 400),
        (b"domain=shop.acme.com&path=/api", 400),
    ],
)
def test_parameters_of_route(query: bytes, status: int) -> None:
    assert get(APP, ROUTE, query)[0] == status


def test_every_answer_is_whole() -> None:
    paths = ["/", "/a", "/" + "b" * 200, '/q"\\ü']
    hosts = [
        ServedHost(
            "x" * size + ".com", path, 1, f"app_{size}", "[::1]:80", active=True, permitted=True
        )
        for size in range(1, 60)
        for path in paths
    ]
    source = Fixed()
    source.snapshot = Snapshot.of(hosts)
    app = App(source)
    for host in hosts * 2:  # the second time with what the first has made
        query = b"host=%b&path=%b" % (host.hostname.encode(), host.path.encode("latin-1"))
        status, body, headers = get(app, ROUTE, query)
        assert (status, headers[b"content-length"]) == (200, b"%d" % len(body))
        assert json.loads(body) == {
            "host": host.hostname,
            "path": host.path,
            "application": host.application,
            "upstream": host.upstream,
            "targets": [
                {"application": host.application, "upstream": host.upstream, "weight": 100}
            ],
        }


@given(st.binary(max_size=300), st.sampled_from([b"", b"domain=", b"host=", b"host=a&path="]))
def test_nothing_raises_and_nothing_is_a_yes(query: bytes, prefix: bytes) -> None:
    for path in (ASK, ROUTE):
        assert get(APP, path, prefix + query)[0] in {400, 404}


@pytest.mark.parametrize("path", ["/edge/", "/edge", "/edge/ask/", "/edge/ASK", "/", "", "/edge/x"])
def test_other_paths(path: str) -> None:
    assert get(APP, path, b"domain=shop.acme.com")[:2] == (404, b"")


def test_methods() -> None:
    query = b"host=shop.acme.com&path=/api"
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "\x00"):
        status, body, headers = get(APP, ROUTE, query, method=method)
        assert (status, body, headers[b"allow"]) == (405, b"", b"GET, HEAD")
    full = get(APP, ROUTE, query)
    assert get(APP, ROUTE, query, method="HEAD") == (200, b"", full[2])


def test_ask_fails_closed_and_route_lives_on() -> None:
    source = Fixed(None)
    app = App(source)

    def answers() -> tuple[int, int, int]:
        yes, no = get(app, ASK, b"domain=shop.acme.com"), get(app, ASK, b"domain=x.com")
        return yes[0], no[0], get(app, ROUTE, b"host=shop.acme.com&path=/api")[0]

    assert answers() == (503, 503, 503)
    source.age = ASK_UNTIL
    assert answers() == (200, 404, 200)
    source.age = ASK_UNTIL + 0.1
    assert answers() == (503, 503, 200)
    source.age = ROUTE_UNTIL + 0.1
    assert answers() == (503, 503, 503)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 403),
        (((b"x-nameplate-edge-secret", b"s3cret"),), 200),
        (((b"x-nameplate-edge-secret", b"s3cre"),), 403),
        (((b"x-nameplate-edge-secret", b"\xff"),), 403),
        (((b"x-nameplate-edge-secret", b"s3cret"), (b"x-nameplate-edge-secret", b"x")), 403),
        (((b"authorization", b"s3cret"),), 403),
    ],
)
def test_the_secret(headers: tuple[tuple[bytes, bytes], ...], status: int) -> None:
    app = App(Fixed(), Secret("s3cret"))
    assert get(app, ASK, b"domain=shop.acme.com", headers=headers)[:2] == (status, b"")


def test_it_can_stand_alone() -> None:
    messages: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = converse(APP, {"type": "lifespan"}, messages)
    assert [m["type"] for m in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert converse(APP, {"type": "websocket"}, [])[0]["type"] == "websocket.close"


def test_beside_an_api_under_a_real_server() -> None:
    seen = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI):
        seen.append("start")
        yield
        seen.append("end")

    api = FastAPI(lifespan=lifespan)
    api.get("/v1/x")(lambda: {"x": 1})
    with _serving(beside(APP, api)) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        answers = []
        for method, path in (
            ("GET", "/edge/ask?domain=shop.acme.com"),
            ("GET", "/v1/x"),
            ("HEAD", "/edge/route?host=shop.acme.com&path=/api"),
            ("GET", "/edge/route?host=shop.acme.com&path=/api"),
            ("POST", "/edge/ask?domain=shop.acme.com"),
            ("GET", "/edgeways"),
        ):
            connection.request(method, path, body=b"x" * 10 if method == "POST" else None)
            response = connection.getresponse()
            answers.append((response.status, len(response.read())))
        connection.close()
    assert [status for status, _ in answers] == [200, 200, 200, 200, 405, 404]
    assert [size for _, size in answers[:4]] == [0, len('{"x":1}'), 0, 159]
    assert seen == ["start", "end"]


@contextmanager
def _serving(app: ASGIApp) -> Iterator[int]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not listens(port) and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (b"", 403),
        (b"&secret=s3cret", 200),
        (b"&secret=s3cre", 403),
        (b"&secret=", 403),
        (b"&secret=s3cret&secret=s3cret", 403),
        (b"&s%65cret=s3%63ret", 200),
    ],
)
def test_the_secret_in_the_address(query: bytes, status: int) -> None:
    app = App(Fixed(), Secret("s3cret"))
    assert get(app, ASK, b"domain=shop.acme.com" + query)[0] == status
    assert get(app, ROUTE, b"host=shop.acme.com&path=/api" + query)[0] == status
    wrong = ((b"x-nameplate-edge-secret", b"x"),)
    assert get(app, ASK, b"domain=shop.acme.com" + query, headers=wrong)[0] == 403


def test_where_hosts_lead_is_told_to_nobody_without_the_secret() -> None:
    app = App(Fixed(), Secret("s3cret"), is_ask_open=True)
    assert get(app, ASK, b"domain=shop.acme.com")[0] == 200
    assert get(app, ROUTE, b"host=shop.acme.com&path=/api")[:2] == (403, b"")
    assert get(app, ROUTE, b"host=shop.acme.com&path=/api&secret=s3cret")[0] == 200
