"""The responder of tls-alpn-01 before real and hostile clients."""

import contextlib
import gc
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from nameplate import listener
from nameplate.core import challenge_certificates, keys
from nameplate.core.challenge_certificates import PROTOCOL
from nameplate.core.client_hello import ClientHello
from nameplate.listener import alpn

KEY = keys.new_key()
NAME, WORD = "shop.example.com", "token.thumbprint"


class Responder:
    """A running one, which knows one name."""

    def __init__(self) -> None:
        self.asked: list[ClientHello] = []
        self.listening = listener.listen("127.0.0.1", 0)
        self.at = self.listening.getsockname()
        self.server = alpn.ChallengeServer(self.answer, self.listening)

    def answer(self, hello: ClientHello) -> bytes | None:
        self.asked.append(hello)
        if hello.name != NAME:
            return None
        made = challenge_certificates.make(NAME, WORD, KEY, datetime.now(UTC))
        return KEY.reveal().encode() + made


@pytest.fixture
def responder() -> Iterator[Responder]:
    made = Responder()
    made.server.start()
    yield made
    made.server.stop()


def presented(
    responder: Responder, name: str | None, *protocols: str, newest: bool = True
) -> tuple[bytes, str | None]:
    """Shake hands, and return the certificate and what is spoken then."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if not newest:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if protocols:
        context.set_alpn_protocols(list(protocols))
    with (
        socket.create_connection(responder.at, 5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        found = secure.getpeercert(binary_form=True) or b"", secure.selected_alpn_protocol()
        assert secure.recv(10) == b""  # nothing is said afterwards
        return found


@pytest.mark.parametrize("newest", [True, False])
def test_it_presents_the_proof_and_closes(responder: Responder, newest: bool) -> None:
    der, spoken = presented(responder, NAME, PROTOCOL, newest=newest)
    assert spoken == PROTOCOL
    assert challenge_certificates.proves(der, NAME, WORD)


@pytest.mark.parametrize(
    ("name", "protocols", "asked"),
    [
        (NAME, (), 0),
        (NAME, ("h2", "http/1.1"), 0),
        (None, (PROTOCOL,), 0),
        ("other.example.com", (PROTOCOL,), 1),
    ],
)
def test_who_asks_for_anything_else_is_hung_up_on(
    responder: Responder, name: str | None, protocols: tuple[str, ...], asked: int
) -> None:
    with pytest.raises(OSError):
        presented(responder, name, *protocols)
    assert len(responder.asked) == asked


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\xff\xff" + b"x" * 70000,
        b"\x16\x03\x01\x00\x10" + b"\x01\x00\x00\x0c" + b"\xff" * 12,
        b"\x16\x03\x01\x40\x00" + b"\x00" * 16384,
        b"\x80\x2e\x01\x00\x02",
    ],
)
def test_what_is_no_handshake_ends_at_once(responder: Responder, said: bytes) -> None:
    started = time.monotonic()
    with socket.create_connection(responder.at, 5) as raw, contextlib.suppress(OSError):
        raw.sendall(said)
        while raw.recv(4096):
            pass
    assert time.monotonic() - started < 2
    assert not responder.asked
    assert presented(responder, NAME, PROTOCOL)[1] == PROTOCOL


def test_who_says_nothing_is_hung_up_on_in_time(
    responder: Responder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alpn, "SECONDS", 0.5)
    with (
        socket.create_connection(responder.at, 5) as silent,
        socket.create_connection(responder.at, 5) as slow,
    ):
        slow.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert presented(responder, NAME, PROTOCOL)[1] == PROTOCOL
        for one in (silent, slow):
            with contextlib.suppress(ConnectionResetError):
                assert one.recv(10) == b""


def test_a_crowd_of_strangers_does_not_keep_the_authority_out(
    responder: Responder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than are answered at a time; they go when their time is over."""
    monkeypatch.setattr(alpn, "SECONDS", 1.0)
    with contextlib.ExitStack() as crowd:
        for _ in range(alpn.MAX_CONNECTIONS + 20):
            crowd.enter_context(socket.create_connection(responder.at, 5))
        time.sleep(1.5)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: presented(responder, NAME, PROTOCOL)[1], range(32)))
    assert found == [PROTOCOL] * 32


def test_it_stops_while_somebody_is_connected() -> None:
    """At any moment of a connection's first turns; a socket left open would be reported."""
    gc.collect()
    gc.freeze()  # what other tests have left is not looked through 40 times
    for turn in range(40):
        responder = Responder()
        responder.server.start()
        with socket.create_connection(responder.at, 5), socket.create_connection(responder.at, 5):
            time.sleep(turn % 8 * 0.0003)
            started = time.monotonic()
            responder.server.stop()
        assert time.monotonic() - started < 2
        del responder
        gc.collect()
    gc.unfreeze()
