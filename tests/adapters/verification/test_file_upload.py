import socket
from collections.abc import Callable
from ipaddress import ip_network

import pytest
from tests.servers.hostile import HostileServer, request_head

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.adapters.verification.file_upload import PATH, FileUpload
from nameplate.core.egress import EgressPolicy
from nameplate.ports.proxy import EDGE_HEADER
from nameplate.ports.verification import Proof, Verdict

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.1/32"),))
NAME = "shop.example.org"
TOKEN = "k7" * 20


def look(answer: Callable[[str], bytes], *, edge: str = "") -> tuple[Proof, list[str]]:
    """Check once against a server that answers each request head."""
    heads: list[str] = []

    def serve(connection: socket.socket) -> None:
        heads.append(request_head(connection))
        connection.sendall(answer(heads[-1]))

    with HostileServer(serve) as server:
        fetcher = SafeFetcher(
            LOOPBACK, lambda _: ("127.0.0.1",), ports={"http": server.port, "https": 1}
        )
        networks = (ip_network(edge),) if edge else ()
        return FileUpload(fetcher, networks).check(NAME, TOKEN), heads


def page(body: bytes, status: int = 200, headers: str = "") -> Callable[[str], bytes]:
    head = f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return lambda _: head.encode() + body


def test_the_instruction_has_a_fixed_path():
    fetcher = SafeFetcher(LOOPBACK, lambda _: ())
    told = FileUpload(fetcher).instruct(NAME, TOKEN)
    assert told.get("url") == f"http://{NAME}/.well-known/nameplate-verification.txt"
    assert (told.kind, told.get("path"), told.expected) == ("file", PATH, TOKEN)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b" \n\n"])
def test_the_file_is_in_place(end):
    proof, heads = look(page(TOKEN.encode() + end))
    assert (proof.verdict, proof.reason) == (Verdict.MATCH, "file_match")
    assert TOKEN not in "".join(heads), "a site that echoes the request would match"
    assert TOKEN not in "".join(proof.observed)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" " + TOKEN.encode(),
        TOKEN.upper().encode(),
        TOKEN[:-1].encode(),
        TOKEN.encode() + b"x",
        b"<html>" + TOKEN.encode() + b"</html>",
        b"\xef\xbb\xbf" + TOKEN.encode(),
        "k7\u200b".encode() * 20,
    ],
)
def test_only_the_whole_content_matches(body):
    proof, _ = look(page(body))
    assert (proof.verdict, proof.reason) == (Verdict.MISMATCH, "file_mismatch")


def test_a_site_that_echoes_the_request_does_not_match():
    proof, _ = look(lambda head: page(head.encode())(head))
    assert proof.verdict is Verdict.MISMATCH


@pytest.mark.parametrize(
    ("answer", "verdict", "reason"),
    [
        (page(TOKEN.encode(), 404), Verdict.ABSENT, "file_not_found"),
        (page(TOKEN.encode(), 403), Verdict.ABSENT, "file_not_found"),
        (page(TOKEN.encode(), 500), Verdict.INCONCLUSIVE, "file_status"),
        (page(b"x" * 2000), Verdict.MISMATCH, "file_too_large"),
        (page(b"x", headers="Content-Encoding: gzip\r\n"), Verdict.MISMATCH, "file_encoded"),
        (
            page(b"", 302, "Location: http://evil.example/\r\n"),
            Verdict.INCONCLUSIVE,
            "file_redirect_refused",
        ),
        (lambda _: b"nonsense", Verdict.INCONCLUSIVE, "file_malformed"),
    ],
)
def test_each_failure_has_its_reason(answer, verdict, reason):
    proof, _ = look(answer)
    assert (proof.verdict, proof.reason) == (verdict, reason)
    assert "nonsense" not in proof.message + "".join(proof.observed)


def test_the_platforms_own_network_proves_nothing():
    proof, _ = look(page(TOKEN.encode()), edge="127.0.0.0/8")
    assert (proof.verdict, proof.reason) == (Verdict.INCONCLUSIVE, "answered_by_platform")


def test_the_platforms_own_header_proves_nothing_on_any_hop():
    proof, _ = look(page(TOKEN.encode(), headers=f"{EDGE_HEADER}: 1\r\n"))
    assert proof.reason == "answered_by_platform"

    def redirected(head: str) -> bytes:
        if head.startswith(f"GET {PATH}"):
            return page(b"", 302, f"Location: /x\r\n{EDGE_HEADER}: 1\r\n")(head)
        return page(TOKEN.encode())(head)

    proof, heads = look(redirected)
    assert (proof.reason, len(heads)) == ("answered_by_platform", 2)


@pytest.mark.parametrize(
    ("addresses", "reason"),
    [((), "file_no_address"), (("10.0.0.1",), "file_address_refused")],
)
def test_names_that_cannot_be_fetched(addresses, reason):
    proof = FileUpload(SafeFetcher(LOOPBACK, lambda _: addresses)).check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.INCONCLUSIVE, reason)
    assert "10.0.0.1" not in proof.message + "".join(proof.observed)
