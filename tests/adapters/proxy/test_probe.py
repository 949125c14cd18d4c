import asyncio
import hashlib
import socket
import threading
import time
from dataclasses import replace

import pytest

from nameplate.adapters.proxy import probe as probing
from nameplate.adapters.proxy.probe import HttpProber, probe, probe_many
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget
from nameplate.ports.proxy import Route
from nameplate.testing.proxy import self_signed


class Raw:
    """A server that sends `pieces`, with `pause` seconds between them, and closes unless told to hang."""

    def __init__(self, *pieces, pause=0.0, hang=False):
        self.pieces, self.pause, self.hang = pieces, pause, hang
        self.received = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        with connection:
            try:
                self.received = connection.recv(65536)
                for piece in self.pieces:
                    connection.sendall(piece)
                    self._done.wait(self.pause)
                if self.hang:
                    self._done.wait(10)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._done.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


def look(server, **more):
    return probe("127.0.0.1", server.port, "a.test", "/x?y", scheme="http", timeout=2, **more)


@pytest.fixture
def served(nginx, origins):
    pair, serial = self_signed("a.example.test")
    route = Route("b1", "a.example.test", "/", origins[0].upstream, pair)
    nginx.adapter.apply(nginx.adapter.render([route]))
    return ProbeTarget("127.0.0.1", nginx.https_port, "a.example.test", expected_serial=serial)


def test_a_loop_that_is_held_up_finds_nobody_slow():
    """What answers in time is seen to, by a process that does not get to run meanwhile."""

    async def busy(server):
        target = ProbeTarget("127.0.0.1", server.port, "a.test", scheme="http")
        looking = asyncio.create_task(probing.look(target, timeout=0.5))
        await asyncio.sleep(0.1)
        time.sleep(0.6)  # noqa: ASYNC251 - this holds it up
        return await looking

    with Raw(b"HTTP/1.1 200 OK\r\n", b"Content-Length: 0\r\n\r\n", pause=0.3) as server:
        assert asyncio.run(busy(server)).status == 200


def test_a_loop_that_is_held_up_for_long_ends_all_the_same():
    async def busy(server):
        target = ProbeTarget("127.0.0.1", server.port, "a.test", scheme="http")
        looking = asyncio.create_task(probing.look(target, timeout=0.3))
        while not looking.done():
            await asyncio.sleep(0)
            time.sleep(0.1)  # noqa: ASYNC251 - as above
        return await looking

    with Raw(hang=True) as server:
        seen = asyncio.run(busy(server))
    assert seen.failure is Failure.TIMEOUT
    assert seen.seconds < 1.5


def test_sees_certificate_and_answer(served):
    seen = HttpProber().look(served)
    assert (seen.failure, seen.status, seen.connected) == (None, 200, True)
    assert seen.serial == served.expected_serial
    assert len(seen.fingerprint or "") == 64
    assert seen.answered
    assert 0 < seen.seconds < 5


def test_a_serial_is_compared_as_a_number(served):
    text = served.expected_serial.upper()
    text = "00:" + ":".join(text[i : i + 2] for i in range(0, len(text), 2))
    assert HttpProber().look(replace(served, expected_serial=text)).serial_matches
    other = HttpProber().look(replace(served, expected_serial="1"))
    assert other.status == 200
    assert not other.serial_matches
    assert not other.answered


def test_a_name_without_certificate_fails_the_handshake(served):
    seen = HttpProber().look(replace(served, hostname="unknown.example.test"))
    assert (seen.failure, seen.connected, seen.status) == (Failure.TLS_FAILED, True, None)
    assert "unknown.example.test" in seen.message
    assert not seen.answered


def test_many_at_once_keep_their_order(served):
    targets = [replace(served, hostname=f"{letter}.example.test") for letter in "abcab"] * 20
    seen = probe_many(targets, concurrency=30)
    assert [finding.target for finding in seen] == targets
    assert [finding.status for finding in seen] == [200, None, None, 200, None] * 20


def test_sends_one_plain_request():
    with Raw(b"HTTP/1.1 204 No Content\r\n\r\n") as server:
        seen = look(server)
    assert server.received.startswith(b"GET /x?y HTTP/1.1\r\nHost: a.test\r\n")
    assert (seen.status, seen.failure) == (204, None)


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello extra",), b"hello"),
        ((b"HTTP/1.1 200 OK\r\n\r\nhello",), b"hello"),
        (
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
            b"hello",
        ),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhello",), b"hello"),
        ((b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * 40), b"x" * 65536),
    ],
)
def test_reads_a_bounded_body(pieces, body):
    with Raw(*pieces) as server:
        seen = look(server)
    assert (seen.status, seen.failure) == (200, None)
    assert seen.body_sha256 == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("pieces", "failure"),
    [
        ((b"SSH-2.0-OpenSSH\r\n\r\n",), Failure.MALFORMED),
        ((b"HTTP/1.1 abc\r\n\r\n",), Failure.MALFORMED),
        ((b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",), Failure.MALFORMED),
        ((b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",), Failure.MALFORMED),
        ((b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,), Failure.MALFORMED),
        ((b"HTTP/1.1 200 OK\r\n",), Failure.CLOSED),
        ((), Failure.CLOSED),
    ],
)
def test_tells_what_was_wrong_without_repeating_the_answer(pieces, failure):
    with Raw(*pieces) as server:
        seen = look(server)
    assert (seen.failure, seen.status) == (failure, None)
    assert "OpenSSH" not in seen.message


def test_a_dripping_server_meets_the_deadline():
    with Raw(*[b"H"] * 100, pause=0.1) as server:
        start = time.monotonic()
        seen = probe("127.0.0.1", server.port, "a.test", scheme="http", timeout=0.4)
    assert seen.failure is Failure.TIMEOUT
    assert time.monotonic() - start < 2


def test_an_endless_body_after_a_complete_head_is_an_answer():
    with Raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata", hang=True
    ) as server:
        seen = probe("127.0.0.1", server.port, "a.test", scheme="http", timeout=0.4)
    assert (seen.status, seen.failure) == (200, None)


def test_a_handshake_that_never_ends_meets_the_deadline():
    with Raw(hang=True) as server:
        seen = probe("127.0.0.1", server.port, "a.test", timeout=0.4)
    assert (seen.failure, seen.connected) == (Failure.TIMEOUT, True)


def test_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    seen = probe("127.0.0.1", port, "a.test", timeout=2)
    assert (seen.failure, seen.connected) == (Failure.CONNECTION_FAILED, False)


def test_the_address_policy_is_asked_before_anything_is_sent():
    asked = set()

    def forbid(address):
        asked.add(str(address))
        return False

    with Raw() as server:
        seen = look(server, allowed=forbid)
        assert server.received == b""
    assert seen.failure is Failure.ADDRESS_REFUSED
    assert asked == {"127.0.0.1"}


@pytest.mark.parametrize(
    "target",
    [
        ProbeTarget("127.0.0.1", 0, "a.test\r\nX: y", scheme="http"),
        ProbeTarget("127.0.0.1", 0, "a.test", "/ HTTP/1.1\r\nX: y", "http"),
        ProbeTarget("127.0.0.1", 0, "a b.test", scheme="http"),
        ProbeTarget("127.0.0.1", 0, "a.test", "/ä", "http"),
    ],
)
def test_text_that_would_be_another_header_is_not_sent(target):
    with Raw() as server:
        seen = HttpProber(timeout=2).look(replace(target, port=server.port))
    assert seen.failure is Failure.MALFORMED
    assert server.received == b""


def test_an_unanswered_finding_is_not_an_answer():
    target = ProbeTarget("192.0.2.1", 443, "a.test")
    assert not ProbeResult(target).answered
    assert not ProbeResult(target, status=502).answered
    assert ProbeResult(target, status=404).answered
