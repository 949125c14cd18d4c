"""The transport to an authority over real sockets: what is kept alive, and what is not believed."""

import gc
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nameplate.adapters.ca.transport import MAX_ANSWER, AcmeTransport
from nameplate.core.errors import Unavailable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nrePlay-nOnce: n1\r\n\r\nok"


@contextmanager
def serving(*replies: bytes, then_close: bool = False) -> Iterator[tuple[str, list[int]]]:
    """Answer one request after the other with `replies`; yield the URL and how many each connection sent."""
    served: list[int] = []
    waiting = list(replies)
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while waiting:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            served.append(0)
            with connection:
                while waiting and _request(connection):
                    reply = waiting.pop(0)
                    served[-1] += 1
                    connection.sendall(reply)
                    if then_close or b"Connection: close" in reply:
                        break

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/dir?a=b", served
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _request(connection: socket.socket) -> bool:
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        part = connection.recv(4096)
        if not part:
            return False
        received += part
    assert received.startswith(b"GET /dir?a=b HTTP/1.1\r\n")
    return True


def test_one_connection_serves_many_requests() -> None:
    with serving(OK, OK, OK) as (url, served):
        transport = AcmeTransport(None)
        answers = [transport.send("GET", url) for _ in range(3)]
        assert served == [3]
    assert {answer.body for answer in answers} == {b"ok"}
    assert answers[0].headers["Replay-Nonce"] == "n1"


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    with serving(OK, OK, then_close=True) as (url, served):
        transport = AcmeTransport(None)
        transport.send("GET", url)
        time.sleep(0.1)  # the end of the connection arrives
        assert transport.send("GET", url).body == b"ok"
        assert served == [1, 1]


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
    ],
)
def test_answers_without_a_length(reply: bytes) -> None:
    with serving(reply, OK) as (url, _):
        transport = AcmeTransport(None)
        assert [transport.send("GET", url).body for _ in range(2)] == [b"ok", b"ok"]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok", "ca_unreachable"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok", "ca_unreachable"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", "ca_unreachable"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "ca_unreachable"),
        (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * (MAX_ANSWER + 1),
            "ca_answer_malformed",
        ),
    ],
    ids=["cut", "cut chunk", "long header", "other protocol", "endless"],
)
def test_answers_that_are_not_believed(reply: bytes, code: str) -> None:
    with serving(reply, OK, then_close=True) as (url, _):
        transport = AcmeTransport(None)
        with pytest.raises(Unavailable) as caught:
            transport.send("GET", url)
        assert caught.value.code == code
        assert transport.send("GET", url).body == b"ok"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999/", "http://[::1/", "http:///x", "http://a b/", "x"]
)
def test_urls_that_lead_nowhere(url: str) -> None:
    with pytest.raises(Unavailable) as caught:
        AcmeTransport(None).send("GET", url)
    assert caught.value.code == "ca_unreachable"


def test_idle_connections_are_closed_with_their_transport() -> None:
    with serving(OK, OK) as (url, _), warnings.catch_warnings():
        warnings.simplefilter("error")
        transport = AcmeTransport(None)
        transport.send("GET", url)
        ((_, idle),) = transport._connections._idle
        opened = idle._stream.get_extra_info("socket")
        assert idle.is_idle
        assert opened.fileno() >= 0
        del transport
        gc.collect()
        assert opened.fileno() < 0
