import gzip
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.servers.hostile import HostileServer, request_head

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.core.egress import EgressPolicy
from nameplate.ports.fetcher import Fetched, HttpOutcome

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.1/32"),))
HOST = "shop.example.org"


def fetcher(
    port: int,
    resolve: Callable[[str], tuple[str, ...]] = lambda _: ("127.0.0.1",),
    *,
    policy: EgressPolicy = LOOPBACK,
    seconds: float = 2.0,
    tls_port: int = 1,
    same_site: Callable[[str, str], bool] = str.__eq__,
) -> SafeFetcher:
    return SafeFetcher(
        policy,
        resolve,
        same_site=same_site,
        ports={"http": port, "https": tls_port},
        deadline=timedelta(seconds=seconds),
    )


def fetch(answer: Callable[[socket.socket], None], **more: Any) -> Fetched:
    def serve(connection):
        request_head(connection)
        answer(connection)

    with HostileServer(serve) as server:
        return fetcher(server.port, **more).fetch(HOST, "/.well-known/file")


def says(*parts: bytes):
    def answer(connection):
        for part in parts:
            connection.sendall(part)

    return answer


Answer = Callable[[socket.socket], None]


def in_turn(answers: Iterable[Answer]) -> Answer:
    remaining = iter(answers)

    def answer(connection):
        turn = next(remaining)
        turn(connection)

    return answer


def redirect(target: str, status=302):
    return says(f"HTTP/1.1 {status} X\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())


def test_fetches_a_small_file_and_says_who_answered():
    heads = []

    def serve(connection):
        heads.append(request_head(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Edge: me\r\n\r\nhello")

    with HostileServer(serve) as server:
        got = fetcher(server.port).fetch(HOST, "/.well-known/file")
    assert (got.category, got.status, got.body) == (HttpOutcome.ANSWERED, 200, b"hello")
    assert got.address == "127.0.0.1"
    assert got.final_url == "http://shop.example.org/.well-known/file"
    assert got.hops[0].headers["x-edge"] == "me"
    assert "Host: shop.example.org\r\n" in heads[0]
    assert "Accept-Encoding: identity\r\n" in heads[0]
    assert "cookie" not in heads[0].lower()
    assert "authorization" not in heads[0].lower()


def test_any_status_is_an_answer_but_only_success_has_a_body():
    got = fetch(says(b"HTTP/1.1 404 No\r\nContent-Length: 6\r\n\r\nsecret"))
    assert (got.category, got.status, got.body) == (HttpOutcome.ANSWERED, 404, b"")


@pytest.mark.parametrize(
    "address", ["127.0.0.2", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "nonsense"]
)
def test_private_addresses_are_refused_before_any_connection(address):
    with HostileServer(lambda _: None) as server:
        got = fetcher(server.port, lambda _: (address,)).fetch(HOST, "/")
        assert server.connections == 0
    assert got.category is HttpOutcome.ADDRESS_REFUSED


def test_one_refused_address_refuses_all():
    with HostileServer(lambda _: None) as server:
        got = fetcher(server.port, lambda _: ("127.0.0.1", "10.0.0.1")).fetch(HOST, "/")
        assert server.connections == 0
    assert got.category is HttpOutcome.ADDRESS_REFUSED


def test_loopback_is_refused_unless_allowed():
    got = fetch(says(b""), policy=EgressPolicy())
    assert got.category is HttpOutcome.ADDRESS_REFUSED


def test_rebinding_between_hops_keeps_the_vetted_address():
    answers = iter([("127.0.0.1",), ("169.254.169.254",)])
    served = in_turn([redirect("/second"), says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")])
    got = fetch(served, resolve=lambda _: next(answers))
    assert (got.category, got.body) == (HttpOutcome.ANSWERED, b"ok")
    assert [hop.address for hop in got.hops] == ["127.0.0.1", "127.0.0.1"]


def test_redirected_host_is_vetted_like_the_first():
    names = {HOST: ("127.0.0.1",), "in.example.org": ("169.254.169.254",)}
    got = fetch(
        redirect("http://in.example.org/latest/meta-data"),
        resolve=names.__getitem__,
        same_site=lambda _a, _b: True,
    )
    assert got.category is HttpOutcome.ADDRESS_REFUSED
    assert got.final_url == "http://in.example.org/latest/meta-data"
    assert got.address == ""


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://[::1]/",
        "http://[fe80::1%25eth0]/",
        "file:///etc/passwd",
        "gopher://shop.example.org/",
        "javascript:alert(1)",
        "http://shop.example.org:22/",
        "http://shop.example.org:443/",
        "https://shop.example.org:8443/",
        "http://user:password@shop.example.org/",
        "http://shop.example.org@evil.example/",
        "//evil.example/file",
        "http://evil.example/",
        "http://good\\@shop.example.org/",
        "http://shop.example.org\\@evil.example/",
        "http://sh%6fp.example.org/",
        "http://shop.example.org\t:80/",
        "http://shop.example.org:8O/",
        "http://localhost/",
        "/" + "a" * 2000,
        "",
    ],
)
def test_redirects_elsewhere_are_refused(target):
    got = fetch(redirect(target), same_site=lambda _one, other: "evil" not in other)
    assert got.category is HttpOutcome.REDIRECT_REFUSED


@pytest.mark.parametrize("status", [300, 303, 304, 305])
def test_other_redirect_statuses_are_not_followed(status):
    got = fetch(redirect("/elsewhere", status))
    assert (got.category, got.status, len(got.hops)) == (HttpOutcome.ANSWERED, status, 1)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_within_the_site_are_followed(status):
    served = in_turn(
        [
            redirect("http://WWW.Example.org/new?x=1#part", status),
            says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ]
    )
    got = fetch(
        served,
        same_site=lambda a, b: a.endswith("example.org") and b.endswith("example.org"),
    )
    assert (got.body, got.final_url) == (b"ok", "http://www.example.org/new?x=1")


def test_a_loop_ends():
    got = fetch(redirect("/.well-known/file"))
    assert (got.category, len(got.hops)) == (HttpOutcome.TOO_MANY_REDIRECTS, 1)


def test_five_redirects_are_enough():
    got = fetch(in_turn(redirect(f"/{number}") for number in range(100)))
    assert (got.category, len(got.hops)) == (HttpOutcome.TOO_MANY_REDIRECTS, 6)


def drip(connection: socket.socket):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.1)


def drip_headers(connection: socket.socket):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        connection.sendall(b"X: y\r\n")
        time.sleep(0.1)


@pytest.mark.parametrize("answer", [drip, drip_headers, lambda _: time.sleep(3)])
def test_the_deadline_bounds_slow_answers(answer):
    started = time.monotonic()
    got = fetch(answer, seconds=0.6)
    assert got.category is HttpOutcome.TIMEOUT
    assert time.monotonic() - started < 1.5


def endless(head: bytes, more: bytes):
    def answer(connection):
        connection.sendall(head)
        while True:
            connection.sendall(more)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        endless(b"HTTP/1.1 200 OK\r\n", b"Set-Cookie: a=b\r\n" * 1000),
        endless(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1000),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 2000),
        says(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5600 + b"Content-Length: 2\r\n\r\nok"),
    ],
)
def test_the_budget_bounds_big_answers(answer):
    assert fetch(answer).category is HttpOutcome.TOO_LARGE


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "br", "deflate"])
def test_compressed_bodies_are_refused_unread(coding):
    bomb = gzip.compress(bytes(50 * 2**20))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n\r\n".encode()
    assert fetch(says(head, bomb)).category is HttpOutcome.ENCODED


@pytest.mark.parametrize(
    "answer",
    [
        says(b"hello, this is HTTP/0.9"),
        says(b"\x00\x01\x02\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        says(b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n"),
        says(b""),
    ],
)
def test_what_is_not_http_is_malformed(answer):
    assert fetch(answer).category is HttpOutcome.MALFORMED


def test_a_longer_body_than_declared_is_cut_at_the_declaration():
    got = fetch(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\nevil"))
    assert got.body == b"ok"


def test_a_reset_connection_is_unreachable_or_malformed():
    def answer(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    assert fetch(answer).category in {HttpOutcome.UNREACHABLE, HttpOutcome.MALFORMED}


def test_nobody_there():
    assert fetcher(1).fetch(HOST, "/").category is HttpOutcome.UNREACHABLE
    assert fetcher(1, lambda _: ()).fetch(HOST, "/").category is HttpOutcome.NO_ADDRESS


def test_the_second_address_is_tried_when_the_first_is_broken():
    policy = EgressPolicy(allow=(ip_network("127.0.0.0/8"),))
    got = fetch(
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        resolve=lambda _: ("127.0.0.9", "127.0.0.1"),
        policy=policy,
    )
    assert (got.body, got.address) == (b"ok", "127.0.0.1")


def test_settings_from_the_environment_are_ignored(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).body == b"ok"


@pytest.fixture(scope="module")
def expired_certificate(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wrong.example")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2020, 2, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "bundle.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_an_expired_certificate_of_another_name_is_good_enough(expired_certificate):
    seen = []
    expired_certificate.sni_callback = lambda _socket, name, _context: seen.append(name)

    def serve(connection):
        request_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with HostileServer(serve, tls=expired_certificate) as server:
        got = fetcher(1, tls_port=server.port).fetch(HOST, "/", scheme="https")
    assert got.body == b"ok"
    assert seen == [HOST]


def test_a_tls_handshake_that_never_ends():
    def serve(connection):
        for _ in range(50):
            connection.sendall(b"\x16\x03\x03\x40\x00"[:1])
            time.sleep(0.1)

    started = time.monotonic()
    with HostileServer(serve) as server:
        got = fetcher(1, tls_port=server.port, seconds=0.6).fetch(HOST, "/", scheme="https")
    assert got.category in {HttpOutcome.TIMEOUT, HttpOutcome.TLS_FAILED}
    assert time.monotonic() - started < 1.5


def test_what_is_not_tls():
    with HostileServer(says(b"HTTP/1.1 400 Bad\r\n\r\n")) as server:
        got = fetcher(1, tls_port=server.port).fetch(HOST, "/", scheme="https")
    assert got.category is HttpOutcome.TLS_FAILED


def test_looking_for_the_address_takes_of_the_same_time() -> None:
    def never(_host: str) -> tuple[str, ...]:
        time.sleep(6)
        return ("127.0.0.1",)

    started = time.monotonic()
    found = fetcher(1, never, seconds=0.5).fetch(HOST, "/.well-known/file")
    assert found.category is HttpOutcome.TIMEOUT
    assert time.monotonic() - started < 4


def test_what_the_resolver_raises_is_raised() -> None:
    def broken(_host: str) -> tuple[str, ...]:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        fetcher(1, broken).fetch(HOST, "/.well-known/file")
