"""What goes through each real proxy beside plain requests: WebSocket, HTTP/2 and gRPC, large uploads."""

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.proxy.upgraded import OpenSocket, echoing

from nameplate.core.route_settings import RouteSettings
from nameplate.ports.proxy import Route, Upstream
from nameplate.testing.proxy import self_signed

HOST = "protocols.example.test"
MEGABYTE = 2**20
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING, _END_STREAM, _END_HEADERS = 0, 1, 4, 6, 1, 4


@pytest.fixture(params=["nginx", "caddy", "traefik"])
def server(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def serve(server: Any, upstream: Upstream, **settings: Any) -> None:
    pair, _ = self_signed(HOST)
    route = Route(
        "bnd_1", HOST, "/", upstream, pair, force_https=False, settings=RouteSettings(**settings)
    )
    server.adapter.apply(server.adapter.render([route]))


def test_a_websocket_passes(server: Any) -> None:
    with echoing() as upstream:
        serve(server, upstream)
        with OpenSocket(server, HOST) as opened:
            assert opened.head.startswith(b"HTTP/1.1 101 ")
            assert opened.is_alive


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return one frame of HTTP/2 (RFC 9113 section 4.1)."""
    return (
        struct.pack(">I", len(payload))[1:]
        + bytes([kind, flags])
        + struct.pack(">I", stream)
        + payload
    )


def fields(*pairs: tuple[str, str]) -> bytes:
    """Return header fields without indexing and without Huffman's code (RFC 7541 section 6.2.2)."""
    told = b""
    for name, value in pairs:
        told += bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    return told


def frames(connection: Any) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield kind, flags, stream and payload of what comes, and answer settings and pings."""
    kept = b""
    while True:
        while len(kept) < 9 or len(kept) < 9 + int.from_bytes(kept[:3], "big"):
            got = connection.recv(65536)
            if not got:
                return
            kept += got
        length = int.from_bytes(kept[:3], "big")
        kind, flags, stream = kept[3], kept[4], int.from_bytes(kept[5:9], "big") & 0x7FFFFFFF
        payload, kept = kept[9 : 9 + length], kept[9 + length :]
        if kind in {_SETTINGS, _PING} and not flags & 1:
            connection.sendall(frame(kind, 1, 0, payload if kind == _PING else b""))
        yield kind, flags, stream, payload


def asked(server: Any, *more: tuple[str, str], method: str = "GET", body: bytes = b"") -> list[Any]:
    """Return the frames of an answer over HTTP/2."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", server.https_port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as connection,
    ):
        assert connection.selected_alpn_protocol() == "h2"
        head = fields(
            (":method", method), (":scheme", "https"), (":authority", HOST), (":path", "/a"), *more
        )
        ends = _END_HEADERS if body else _END_HEADERS | _END_STREAM
        connection.sendall(_PREFACE + frame(_SETTINGS, 0, 0) + frame(_HEADERS, ends, 1, head))
        if body:
            connection.sendall(frame(_DATA, _END_STREAM, 1, body))
        found = []
        for one in frames(connection):
            if one[2] == 1:
                found.append(one)
                if one[1] & _END_STREAM or one[0] not in {_DATA, _HEADERS}:
                    break
        return found


def test_visitors_speak_http_2(server: Any, origins: Any) -> None:
    serve(server, origins[0].upstream)
    found = asked(server)
    assert found[0][0] == _HEADERS
    assert 0x88 in found[0][3][:4], "the indexed field `:status: 200`"
    assert b'"path": "/a"' in b"".join(payload for kind, _, _, payload in found if kind == _DATA)


@contextmanager
def grpc(answers: list[bytes]) -> Iterator[Upstream]:
    """Run an application that speaks HTTP/2 without TLS, echoes one message, and ends with trailers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def one(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                kept = b""
                while len(kept) < len(_PREFACE):
                    kept += connection.recv(len(_PREFACE) - len(kept))
                connection.sendall(frame(_SETTINGS, 0, 0))
                said: dict[int, bytes] = {}
                for kind, flags, stream, payload in frames(connection):
                    if kind == _HEADERS:
                        said[stream] = b""
                    elif kind == _DATA:
                        said[stream] += payload
                    if stream and flags & _END_STREAM and kind in {_HEADERS, _DATA}:
                        answers.append(said[stream])
                        head = b"\x88" + fields(("content-type", "application/grpc"))
                        trailers = fields(("grpc-status", "0"))
                        connection.sendall(
                            frame(_HEADERS, _END_HEADERS, stream, head)
                            + frame(_DATA, 0, stream, said[stream])
                            + frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, trailers)
                        )

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=one, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield Upstream("127.0.0.1", listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("name", ["caddy", "traefik"])
def test_grpc_passes_with_its_trailers(name: str, request: pytest.FixtureRequest) -> None:
    """Nginx speaks HTTP/1.1 with applications, and refuses `h2c`."""
    server = request.getfixturevalue(name)
    message, answers = b"\x00\x00\x00\x00\x05hello", list[bytes]()
    with grpc(answers) as upstream:
        serve(server, upstream, upstream_protocol="h2c")
        found = asked(
            server,
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            method="POST",
            body=message,
        )
    assert answers == [message]
    assert b"".join(payload for kind, _, _, payload in found if kind == _DATA) == message
    heads = [payload for kind, _, _, payload in found if kind == _HEADERS]
    assert len(heads) == 2, "fields, and trailers at the end"
    assert found[-1][1] & _END_STREAM


@contextmanager
def swallowing(octets: list[int]) -> Iterator[Upstream]:
    """Run an application that counts the octets of one body."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def one() -> None:
            connection, _ = listening.accept()
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536)
                head, _, body = head.partition(b"\r\n\r\n")
                lines = dict(row.lower().split(b": ", 1) for row in head.split(b"\r\n")[1:])
                expected, count = int(lines[b"content-length"]), len(body)
                while count < expected:
                    count += len(connection.recv(MEGABYTE))
                octets.append(count)
                connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=one)
        thread.start()
        yield Upstream("127.0.0.1", listening.getsockname()[1])
        thread.join()


def memory(pid: int) -> int:
    """Return the proportional set size of a process and those below it, in octets."""
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        waiting += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024


@pytest.mark.parametrize("megabytes", [96, pytest.param(2048, marks=pytest.mark.torture)])
def test_a_large_upload_streams_in_constant_memory(server: Any, megabytes: int) -> None:
    octets: list[int] = []
    size, chunk = megabytes * MEGABYTE, bytes(MEGABYTE)
    with swallowing(octets) as upstream:
        serve(server, upstream)
        before = most = memory(server.server.pid)
        with socket.create_connection(("127.0.0.1", server.http_port), timeout=120) as connection:
            head = f"POST /up HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n"
            connection.sendall(head.encode())
            for number in range(megabytes):
                connection.sendall(chunk)
                if number % 16 == 0:
                    most = max(most, memory(server.server.pid))
            assert connection.recv(64).startswith(b"HTTP/1.1 204")
    assert octets == [size]
    assert most - before < 48 * MEGABYTE, (before, most)
