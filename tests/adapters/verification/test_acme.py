"""Both forms of ACME's challenges, with the keys that are made for them."""

import hashlib
import socket
from ipaddress import ip_network

import pytest
from josepy.b64 import b64decode, b64encode
from tests.servers.hostile import HostileServer, request_head

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.adapters.verification import acme_key
from nameplate.adapters.verification.acme_dns import AcmeDns
from nameplate.adapters.verification.acme_http import AcmeHttp
from nameplate.core.egress import EgressPolicy
from nameplate.ports.proxy import EDGE_HEADER
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.ports.verification import Proof, ProofScope, Verdict

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.1/32"),))
NAME = "shop.example.org"
TOKEN, OTHER = "k7" * 20, "z9" * 20


def look(serve, token: str = TOKEN, edge: str = "") -> tuple[Proof, list[str]]:
    heads: list[str] = []

    def answer(connection: socket.socket) -> None:
        heads.append(request_head(connection))
        connection.sendall(serve(heads[-1].split()[1]))

    with HostileServer(answer) as server:
        ports = {"http": server.port, "https": 1}
        fetcher = SafeFetcher(LOOPBACK, lambda _: ("127.0.0.1",), ports=ports)
        networks = (ip_network(edge),) if edge else ()
        return AcmeHttp(fetcher, networks).check(NAME, token), heads


def body(text: str, headers: str = "", status: int = 200) -> bytes:
    return f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(text)}\r\n\r\n{text}".encode()


def test_the_thumbprint_is_that_of_a_key():
    answer = acme_key.answer(TOKEN)
    known = b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")  # RFC 8037 appendix A
    assert acme_key.thumbprint(known) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    token, _, thumbprint = answer.key_authorization.partition(".")
    assert (token, len(thumbprint), len(token)) == (answer.token, 43, 32)
    assert (
        answer.digest
        == b64encode(hashlib.sha256(answer.key_authorization.encode()).digest()).decode()
    )
    assert TOKEN not in answer.key_authorization


def test_every_claim_has_a_key_of_its_own():
    """A server that answers every challenge with its own thumbprint proves nothing for others."""
    first, second = acme_key.answer(TOKEN), acme_key.answer(OTHER)
    assert first == acme_key.answer(TOKEN)
    assert first.key_authorization.split(".")[1] != second.key_authorization.split(".")[1]

    def stateless(path: str) -> bytes:
        return body(f"{path.rpartition('/')[2]}.{second.key_authorization.split('.')[1]}")

    proof, _ = look(stateless)
    assert (proof.verdict, proof.reason) == (Verdict.MISMATCH, "file_mismatch")
    proof, _ = look(stateless, OTHER)
    assert proof.verdict is Verdict.MATCH


def test_the_file_by_http():
    told = AcmeHttp(SafeFetcher(LOOPBACK, lambda _: ())).instruct(NAME, TOKEN)
    answer = acme_key.answer(TOKEN)
    assert told.get("url") == f"http://{NAME}/.well-known/acme-challenge/{answer.token}"
    assert told.expected == answer.key_authorization
    proof, heads = look(lambda _: body(f"{told.expected}\n"))
    assert (proof.verdict, proof.reason) == (Verdict.MATCH, "file_match")
    assert told.expected.split(".")[1] not in "".join(heads)
    assert TOKEN not in "".join(heads)


@pytest.mark.parametrize(
    "text",
    [
        acme_key.answer(OTHER).key_authorization,
        acme_key.answer(TOKEN).token,
        acme_key.answer(TOKEN).key_authorization.upper(),
        acme_key.answer(TOKEN).key_authorization[:-1],
        acme_key.answer(TOKEN).key_authorization + "x",
        TOKEN,
    ],
)
def test_nothing_else_by_http(text):
    assert look(lambda _: body(text))[0].verdict is Verdict.MISMATCH


def test_a_site_that_echoes_its_path():
    assert look(lambda path: body(path.rpartition("/")[2]))[0].verdict is Verdict.MISMATCH
    assert look(body)[0].verdict is Verdict.MISMATCH


def test_nothing_there_by_http():
    proof, heads = look(lambda _: body("", status=404))
    assert (proof.verdict, proof.reason, len(heads)) == (Verdict.ABSENT, "file_not_found", 1)


@pytest.mark.parametrize("hop", ["answer", "redirect", "network"])
def test_the_platforms_own_answer_proves_nothing(hop):
    right = acme_key.answer(TOKEN).key_authorization
    mark = f"{EDGE_HEADER}: 1\r\n"

    def serve(path: str) -> bytes:
        if hop == "redirect" and path != "/x":
            return body("", f"{mark}Location: /x\r\n", 302)
        return body(right, mark if hop == "answer" else "")

    proof, _ = look(serve, edge="127.0.0.0/8" if hop == "network" else "")
    assert (proof.verdict, proof.reason) == (Verdict.INCONCLUSIVE, "answered_by_platform")


def test_the_record():
    method = AcmeDns(None)  # type: ignore[arg-type]  # nobody is asked
    record = method.record(NAME, TOKEN)
    assert (record.rdtype, record.name) == ("TXT", f"_acme-challenge.{NAME}")
    assert record.value == acme_key.answer(TOKEN).digest
    other = acme_key.answer(OTHER).digest
    for values, verdict in (
        ((record.value,), Verdict.MATCH),
        ((other, record.value), Verdict.MATCH),
        ((other,), Verdict.MISMATCH),
        ((record.value.lower(),), Verdict.MISMATCH),
        ((acme_key.answer(TOKEN).key_authorization,), Verdict.MISMATCH),
        ((TOKEN,), Verdict.MISMATCH),
    ):
        found = LookupResult("example.org", (Answer(AnswerKind.DATA, "ns1", values),))
        assert method.judge(NAME, TOKEN, found).verdict is verdict, values


def test_how_far_they_reach():
    assert (AcmeHttp.scope, AcmeDns.scope) == (ProofScope.EXACT, ProofScope.SUBTREE)
