"""Connections that send too much, too slowly or not at all end, with either parser."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.types import Receive, Scope, Send
from tests.servers.process import free_port, listens

from nameplate.listener import ConnectionLimits, bounded, server

SHORT = ConnectionLimits(
    head_seconds=0.6, body_seconds=0.6, rest_seconds=0.6, write_seconds=0.6, connections=20
)
PARSERS = pytest.mark.parametrize("parser", ["h11", "httptools"])


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once at /now, with a lot at /much, and else when the body has been read."""
    size = 0
    while scope["path"] not in {"/now", "/much"}:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        if not message.get("more_body", False):
            break
    body = b"x" * 50_000_000 if scope["path"] == "/much" else b"%d" % size
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving(parser: str, limits: ConnectionLimits = SHORT) -> Iterator[int]:
    port = free_port()
    made = server(bounded(app, limits), limits, parser=parser, port=port, lifespan="off")
    thread = threading.Thread(target=made.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not listens(port) and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield port
    finally:
        made.should_exit = made.force_exit = True
        thread.join(20)


def call(port: int, data: bytes, *, repeat: bytes = b"", pause: float = 0.0) -> tuple[bytes, int]:
    """Send, go on sending until hung up, and return the answer with how much was sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        sent = len(data)
        try:
            connection.sendall(data)
            while repeat and sent < 200_000_000:
                connection.sendall(repeat)
                sent += len(repeat)
                time.sleep(pause)
        except OSError:
            pass
        return received(connection), sent


def received(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while part := connection.recv(65536):
            answer += part
    except ConnectionError:
        pass
    return answer


@PARSERS
def test_usual_requests_are_answered(parser: str) -> None:
    post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000
    get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with serving(parser) as port:
        answer, _ = call(port, post + get + last)
    assert answer.count(b"HTTP/1.1 200") == 3
    assert b"70000" in answer


@PARSERS
@pytest.mark.parametrize(
    "begun",
    [
        b"GET / HTTP/1.1\r\nX-Long: ",
        b"GET /",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n",
    ],
    ids=["field", "address", "fields"],
)
def test_an_endless_head_is_cut_off(parser: str, begun: bytes) -> None:
    more = b"X: y\r\n" * 1000 if begun.endswith(b"y\r\n") else b"x" * 6000
    with serving(parser, ConnectionLimits(head_seconds=60)) as port:
        answer, sent = call(port, begun, repeat=more)
    assert sent < 20_000_000  # what the sockets hold
    assert b" 200 " not in answer


@PARSERS
@pytest.mark.parametrize(
    "fields", [b"X: y\r\n" * 101, b"X: " + b"y" * 66_000 + b"\r\n"], ids=["many", "long"]
)
def test_a_whole_head_that_is_too_large_is_refused(parser: str, fields: bytes) -> None:
    with serving(parser) as port:
        answer, _ = call(port, b"GET / HTTP/1.1\r\nConnection: close\r\n" + fields + b"\r\n")
    assert answer.split(b" ", 2)[1] in {b"400", b"431"} or not answer


@PARSERS
@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX: "], ids=["none", "some"])
def test_a_slow_head_has_its_time(parser: str, begun: bytes) -> None:
    with serving(parser) as port:
        started = time.monotonic()
        call(port, begun, repeat=b"x" if begun else b"", pause=0.1)
    assert time.monotonic() - started < 8


@PARSERS
def test_a_slow_body_ends(parser: str) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
    with serving(parser) as port:
        started = time.monotonic()
        call(port, head, repeat=b"x", pause=0.05)
    assert time.monotonic() - started < 8


@PARSERS
def test_a_body_that_is_slow_but_comes_is_read(parser: str) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 90000\r\n\r\n"
    with serving(parser) as port, socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(head)
        for _ in range(9):
            time.sleep(0.2)
            connection.sendall(b"x" * 10_000)
        assert received(connection).endswith(b"90000")


@PARSERS
@pytest.mark.parametrize("coding", [b"Content-Length: 900000000", b"Transfer-Encoding: chunked"])
def test_what_follows_an_answer_is_not_read_for_long(parser: str, coding: bytes) -> None:
    head = b"POST /now HTTP/1.1\r\nHost: a\r\n" + coding + b"\r\n\r\n"
    more = b"1\r\nx\r\n" if b"chunked" in coding else b"x"
    with serving(parser) as port:
        started = time.monotonic()
        call(port, head, repeat=more, pause=0.02)
    assert time.monotonic() - started < 8


@PARSERS
def test_who_does_not_take_the_answer_is_cut_off(parser: str) -> None:
    with serving(parser) as port, socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(b"GET /much HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(4)
        assert len(received(connection)) < 50_000_000


@PARSERS
def test_many_silent_connections_keep_nobody_out(parser: str) -> None:
    with serving(parser, ConnectionLimits(connections=20)) as port:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
        answer, _ = call(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        closed = 0
        for one in silent:
            one.settimeout(0.05)
            try:
                closed += one.recv(1) == b""
            except ConnectionError:
                closed += 1
            except TimeoutError:
                pass
            one.close()
    assert closed >= 40
