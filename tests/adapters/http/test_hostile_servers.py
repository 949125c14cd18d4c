"""Servers that want to keep the safe fetcher busy or full: each ends within 10 s and 1 MiB.

Memory is what Python allocated at most, the server's own share included; transfer is what the kernel
of this side acknowledged.
"""

import contextlib
import gzip
import socket
import ssl
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from tests.servers.hostile import HostileServer, request_head

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.core.egress import EgressPolicy
from nameplate.ports.fetcher import Fetched, HttpOutcome

Answer = Callable[[socket.socket], None]

SECONDS = 10.0
SLACK = 1.0
"""For starting a thread and hanging up, on a busy machine."""
MIB = 1024 * 1024
FEWEST = 30
HOST = "shop.example.org"
LARGE = bytes(65_536)
BOMB = gzip.compress(gzip.compress(bytes(8 * MIB)))
LOCATION = b"/" + b"a" * MIB
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
_ACKNOWLEDGED = 120
"""Where `tcpi_bytes_acked` stands in Linux's `struct tcp_info`."""


def says(*parts: bytes) -> Answer:
    """Answer every request with these bytes and hang up."""

    def answer(connection: socket.socket) -> None:
        request_head(connection)
        for part in parts:
            connection.sendall(part)

    return answer


def endless(head: bytes, more: bytes, *, every: float = 0.0) -> Answer:
    """Answer with a head, and then with the same again and again."""

    def answer(connection: socket.socket) -> None:
        request_head(connection)
        connection.sendall(head)
        while True:
            connection.sendall(more)
            if every:
                time.sleep(every)

    return answer


def drips(head: bytes, more: bytes) -> Answer:
    return endless(head, more, every=0.2)


def silent(connection: socket.socket) -> None:
    """Take the request and say nothing until the other side hangs up."""
    while connection.recv(4096):
        pass


def begins(head: bytes) -> Answer:
    """Send a beginning and nothing more."""

    def answer(connection: socket.socket) -> None:
        request_head(connection)
        connection.sendall(head)
        silent(connection)

    return answer


def slow_redirects(connection: socket.socket) -> None:
    """Redirect for ever, each time just before anybody loses patience."""
    path = request_head(connection).split(" ")[1]
    time.sleep(2.5)
    connection.sendall(f"HTTP/1.1 302 X\r\nLocation: {path}x\r\n\r\n".encode())


def redirects(connection: socket.socket) -> None:
    path = request_head(connection).split(" ")[1]
    connection.sendall(f"HTTP/1.1 302 X\r\nLocation: {path}x\r\n\r\n".encode())


def resets(head: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        request_head(connection)
        connection.sendall(head)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return answer


PLAIN: Mapping[str, Answer] = {
    "endless headers": endless(OK, b"Set-Cookie: a=b\r\n" * 4000),
    "one endless header": endless(OK + b"X: ", LARGE.replace(b"\0", b"x")),
    "an endless folded header": endless(OK + b"X: y\r\n", b" y\r\n" * 10_000),
    "endless interim answers": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "an endless body": endless(OK + b"\r\n", LARGE),
    "an endless body of a stated length": endless(
        OK + b"Content-Length: 9999999999\r\n\r\n", LARGE
    ),
    "endless chunks of one byte": endless(CHUNKED, b"1\r\nx\r\n" * 10_000),
    "a chunk of 16 EiB": endless(CHUNKED + b"FFFFFFFFFFFFFFFF\r\n", LARGE),
    "a chunk whose size never ends": endless(CHUNKED, b"0" * 65_536),
    "an endless chunk extension": endless(CHUNKED + b"1;", b"x=y;" * 10_000),
    "endless trailers": endless(CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n" * 10_000),
    "endless empty lines first": endless(b"", b"\r\n" * 30_000),
    "endless noise": endless(b"", bytes(range(256)) * 256),
    "a compressed bomb": says(OK + b"Content-Encoding: gzip\r\n\r\n", BOMB),
    "a bomb in a bomb": says(OK + b"Content-Encoding: gzip, gzip\r\n\r\n", BOMB),
    "a compressed transfer": says(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", BOMB),
    "a redirect to itself": says(b"HTTP/1.1 302 X\r\nLocation: /\r\n\r\n"),
    "redirects without end": redirects,
    "a redirect of 1 MiB": says(b"HTTP/1.1 302 X\r\nLocation: ", LOCATION, b"\r\n\r\n"),
    "a redirect with an endless body": endless(b"HTTP/1.1 302 X\r\nLocation: /x\r\n\r\n", LARGE),
    "HTTP/0.9": endless(b"", b"hello " * 10_000),
    "HTTP/2": says(b"\0\0\x12\4\0\0\0\0\0" + bytes(18)),
    "another protocol": says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", LARGE),
    "fewer bytes than stated": says(OK + b"Content-Length: 100\r\n\r\nshort"),
    "more bytes than stated": endless(OK + b"Content-Length: 2\r\n\r\nok", LARGE),
    "a negative length": says(OK + b"Content-Length: -1\r\n\r\n"),
    "a length of 10,000 digits": says(OK + b"Content-Length: " + b"9" * 10_000 + b"\r\n\r\n"),
    "two lengths": says(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "a length and chunks": endless(
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1000
    ),
    "a NUL in a header": says(OK + b"X: a\0b\r\n\r\n"),
    "a status of many digits": says(b"HTTP/1.1 " + b"2" * 50_000 + b" OK\r\n\r\n"),
    "a reset": resets(b""),
    "a reset in the body": resets(OK + b"Content-Length: 100\r\n\r\nx"),
}
SLOW: Mapping[str, Answer] = {
    "silence": silent,
    "a status line in drips": drips(b"H", b"T"),
    "headers in drips": drips(OK, b"X: y\r\n"),
    "a body in drips": drips(OK + b"\r\n", b"x"),
    "chunks in drips": drips(CHUNKED, b"1\r\nx\r\n"),
    "interim answers in drips": drips(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "a body that never comes": begins(OK + b"Content-Length: 10\r\n\r\n"),
    "a chunk that never comes": begins(CHUNKED + b"A\r\n"),
    "slow redirects": slow_redirects,
}


def _records(more: bytes, *, every: float = 0.0) -> Answer:
    """Answer a ClientHello with the beginning of a record, and then with the same for ever."""

    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        while True:
            connection.sendall(more)
            if every:
                time.sleep(every)

    return answer


def _byte_by_byte(connection: socket.socket) -> None:
    """Answer without end in records that are mostly overhead."""
    request_head(connection)
    connection.sendall(OK + b"\r\n")
    while True:
        connection.sendall(b"x")


def _over(context: ssl.SSLContext, answer: Answer) -> Answer:
    def secured(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            answer(wrapped)

    return secured


def _renegotiating(bundle: Path) -> Answer:
    """Begin the handshake anew after every message (TLS 1.2)."""

    def answer(connection: socket.socket) -> None:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.use_certificate_file(str(bundle))
        context.use_privatekey_file(str(bundle))
        connection.setblocking(True)
        secure = SSL.Connection(context, connection)
        secure.set_accept_state()
        with contextlib.suppress(SSL.Error):
            secure.do_handshake()
            secure.recv(4096)
            while secure.renegotiate():
                secure.do_handshake()
                secure.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    return answer


@dataclass(frozen=True)
class Certificates:
    """A usual certificate, and one whose chain is far too long."""

    usual: ssl.SSLContext
    large: ssl.SSLContext
    tickets: ssl.SSLContext
    """500 of them after the handshake."""
    many: ssl.SSLContext
    """20,000 of them: several MiB that no program ever sees."""
    bundle: Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    key = ec.generate_private_key(ec.SECP256R1())
    folder = tmp_path_factory.mktemp("tls")

    def bundle(name: str, more: int, links: int) -> Path:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
        names = [x509.DNSName(f"n{number}.example.org") for number in range(more)]
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = folder / name
        path.write_bytes(private + made * links)
        return path

    def context(path: Path) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(path)
        return made

    usual = bundle("usual.pem", 1, 1)
    tickets, many = context(usual), context(usual)
    tickets.num_tickets, many.num_tickets = 500, 20_000
    large = context(bundle("large.pem", 5000, 20))
    return Certificates(context(usual), large, tickets, many, usual)


def secured(certificates: Certificates) -> dict[str, Answer]:
    """Return the hostile servers behind TLS that end at once."""
    usual = certificates.usual
    huge = b"\x16\x03\x03\x40\x00" + b"\x0b\xff\xff\xff" + bytes(16_380)
    return {
        "certificates of 2 MiB": _over(certificates.large, says(OK + b"\r\n")),
        "500 session tickets": _over(certificates.tickets, endless(OK + b"\r\n", LARGE)),
        "20,000 session tickets": _over(certificates.many, says(OK + b"\r\n")),
        "records of one byte": _over(usual, _byte_by_byte),
        "new handshakes for ever": _renegotiating(certificates.bundle),
        "an endless body by TLS": _over(usual, endless(OK + b"\r\n", LARGE)),
        "a handshake message of 16 MiB": _records(huge),
        "endless warnings": _records(b"\x15\x03\x03\x00\x02\x01\x5a" * 1000),
        "endless empty records": _records(b"\x16\x03\x03\x00\x00" * 1000),
        "plain HTTP": says(b"HTTP/1.1 400 X\r\n\r\n"),
    }


def secured_slow(certificates: Certificates) -> dict[str, Answer]:
    """Return those that take their time."""
    return {
        "a handshake that never begins": silent,
        "a handshake in drips": _records(b"\x16", every=0.2),
        "silence after the handshake": _over(certificates.usual, silent),
        "a body in drips by TLS": _over(certificates.usual, drips(OK + b"\r\n", b"x")),
    }


@dataclass(frozen=True)
class Ended:
    """How a fetch ended, and what it took."""

    name: str
    got: Fetched
    seconds: float
    peak: int
    transferred: int


def meet(name: str, answer: Answer, *, tls: bool, **options: Any) -> Ended:
    """Fetch from one hostile server with the limits of production."""
    met: list[socket.socket] = []
    taken: list[int] = []

    def note(raw: socket.socket) -> None:
        info = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        taken.append(struct.unpack_from("=Q", info, _ACKNOWLEDGED)[0])
        raw.close()

    def counted(connection: socket.socket) -> None:
        raw = connection.dup()
        try:
            answer(connection)
        finally:
            lingers, _ = struct.unpack("ii", raw.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
            if lingers or over.is_set():  # a reset is sent when nobody has it open any more
                note(raw)
            else:
                met.append(raw)
                with contextlib.suppress(OSError):
                    raw.shutdown(socket.SHUT_WR)
            served.set()

    served, over = threading.Event(), threading.Event()
    with HostileServer(counted) as server:
        fetcher = SafeFetcher(
            EgressPolicy(allow=(ip_network("127.0.0.1/32"),)),
            lambda _name: ("127.0.0.1",),
            ports={"http": server.port, "https": server.port},
        )
        if tracemalloc.is_tracing():
            tracemalloc.reset_peak()
        before, started = tracemalloc.get_traced_memory()[0], time.monotonic()
        got = fetcher.fetch(HOST, "/", scheme="https" if tls else "http", **options)
        seconds = time.monotonic() - started
        peak = tracemalloc.get_traced_memory()[1] - before
        served.wait(2)
        over.set()
        while met:
            note(met.pop())
    return Ended(name, got, seconds, peak, sum(taken))


def check(one: Ended, max_body: int) -> None:
    """Insist on the limits, and that what was cut off is no success."""
    what = (one.name, one.got.category, one.seconds, one.peak, one.transferred)
    assert one.seconds < SECONDS + SLACK, what
    assert one.peak <= MIB, what
    assert one.transferred <= MIB, what
    assert len(one.got.body) <= max_body, what


def campaign(certificates: Certificates, max_body: int = 1024, **options: Any) -> list[Ended]:
    """Meet every server: those that end by themselves one after the other, the slow ones together."""
    quick = [(*one, False) for one in PLAIN.items()]
    quick += [(*one, True) for one in secured(certificates).items()]
    slow = [(*one, False) for one in SLOW.items()]
    slow += [(*one, True) for one in secured_slow(certificates).items()]
    options["max_body"] = max_body
    tracemalloc.start()
    try:
        ended = [meet(name, answer, tls=tls, **options) for name, answer, tls in quick]
    finally:
        tracemalloc.stop()
    with ThreadPoolExecutor(len(slow)) as threads:
        under_way = [
            threads.submit(meet, name, answer, tls=tls, **options) for name, answer, tls in slow
        ]
        ended += [one.result() for one in under_way]
    for one in ended:
        check(one, max_body)
    return ended


def told(ended: list[Ended]) -> str:
    slowest = max(ended, key=lambda one: one.seconds)
    most = max(ended, key=lambda one: one.transferred)
    biggest = max(ended, key=lambda one: one.peak)
    return (
        f"\n{len(ended)} hostile servers: the slowest {slowest.seconds:.1f} s ({slowest.name}), the most "
        f"bytes {most.transferred} ({most.name}), the most memory {biggest.peak} ({biggest.name})"
    )


def test_the_meters_count() -> None:
    """What is taken of an honest server is seen: the limits can fail."""
    answer = says(OK + b"Content-Length: 262144\r\n\r\n", LARGE, LARGE, LARGE, LARGE)
    tracemalloc.start()
    try:
        ended = meet("honest", answer, tls=False, max_body=262_144)
    finally:
        tracemalloc.stop()
    assert len(ended.got.body) == 262_144
    assert ended.transferred >= 262_144
    assert ended.peak >= 262_144
    with pytest.raises(AssertionError):
        check(ended, 1024)


def test_every_hostile_server_is_left_in_time(
    certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = campaign(certificates)
    with capsys.disabled():
        print(told(ended))
    assert len({one.name for one in ended}) >= FEWEST
    honest = {"more bytes than stated"}
    taken = {one.name for one in ended if one.got.category is HttpOutcome.ANSWERED} - honest
    assert not taken, taken
    slow = {*SLOW, *secured_slow(certificates)}
    assert {one.got.category for one in ended if one.name in slow} <= {
        HttpOutcome.TIMEOUT, HttpOutcome.TLS_FAILED, HttpOutcome.MALFORMED,
    }  # fmt: skip


@pytest.mark.torture
@pytest.mark.parametrize("more", [{}, {"truncate": True}, {"truncate": True, "any_status": True}])
@pytest.mark.parametrize("max_body", [1, 64 * 1024, 256 * 1024])
def test_every_hostile_server_is_left_in_time_whatever_is_asked_of_it(
    certificates: Certificates,
    capsys: pytest.CaptureFixture[str],
    max_body: int,
    more: dict[str, bool],
) -> None:
    ended = campaign(certificates, max_body, **more)
    with capsys.disabled():
        print(told(ended))
