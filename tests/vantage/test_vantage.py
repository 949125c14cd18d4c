"""Vantages: signed look-ups are answered, whatever else comes is refused without asking the DNS."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.servers.process import free_port, listens
from tests.servers.scripted_dns import replies
from tests.vantage.vantage_rig import SECRET, VantageServer, asking

from nameplate.adapters.http.client import Api, Reply
from nameplate.adapters.vantage.http import HttpVantages
from nameplate.core import vantage_messages as messages
from nameplate.core.quorum import needed
from nameplate.core.secret import Secret
from nameplate.core.vantage_messages import VantageRequest

NAME, TEXT = "proof.example.com", "published"
TABLE = {(NAME, "TXT"): [f'"{TEXT}"']}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.fixture
def vantage(stack: ExitStack) -> VantageServer:
    return VantageServer(stack, replies(TABLE))


def question(
    name: str = NAME, rdtype: str = "TXT", *, nonce: str = "0" * 32, to: str = "fra", age: int = 0
) -> bytes:
    return VantageRequest(to, name, rdtype, nonce, int(time.time()) - age).body()


def send(
    vantage: VantageServer, body: bytes, signature: str | None = None, *, path: str = messages.PATH
) -> Reply:
    signed = messages.sign_request(SECRET, body) if signature is None else signature
    headers = {messages.HEADER: signed} if signed else {}
    return Api(vantage.url).request("POST", path, content=body, headers=headers)


def test_a_signed_question_is_answered_by_what_the_servers_say(vantage: VantageServer) -> None:
    reply = send(vantage, question())
    assert reply.status == 200
    (answer,) = json.loads(reply.body)["answers"]
    assert (answer["kind"], answer["values"]) == ("data", [TEXT])
    expected = messages.sign_answer(SECRET, "0" * 32, reply.body)
    assert reply.headers[messages.HEADER] == expected


OTHERS = {
    "unsigned": (401, question(), ""),
    "signed with another secret": (
        401, question(), messages.sign_request(Secret("x" * 40), question()),
    ),
    "signed as an answer": (401, question(), messages.sign_answer(SECRET, "0" * 32, question())),
    "changed on the way": (
        401, question("other.com"), messages.sign_request(SECRET, question("victim.com")),
    ),
    "not ASCII": (401, question(), "\xe9" * 64),
    "for another vantage": (403, question(to="nyc"), None),
    "too old": (403, question(age=120), None),
    "from the future": (403, question(age=-86_400), None),
    "no JSON": (422, b"{", None),
    "deep JSON": (422, b"[" * 2000, None),
    "another shape": (422, b'{"vantage": "fra"}', None),
    "a type of no use": (422, question(rdtype="ANY"), None),
    "a transfer": (422, question(rdtype="AXFR"), None),
    "no name": (422, question(""), None),
    "a name that is too long": (422, question("a." * 200), None),
    "a nonce that is none": (422, question(nonce="1"), None),
    "too long": (413, b" " * 3000, None),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS)
def test_whatever_else_comes_is_refused_without_a_look(vantage: VantageServer, case: str) -> None:
    status, body, signature = OTHERS[case]
    reply = send(vantage, body, signature) if signature != "\xe9" * 64 else _raw(vantage, body)
    assert (reply.status, reply.body) == (status, b"")
    assert vantage.dns.queries == []


def _raw(vantage: VantageServer, body: bytes) -> Reply:
    headers = {messages.HEADER: "%E9" * 21}
    return Api(vantage.url).request("POST", messages.PATH, content=body, headers=headers)


def test_other_paths_do_not_exist(vantage: VantageServer) -> None:
    assert send(vantage, question(), path="/").status == 404
    assert Api(vantage.url).request("GET", messages.PATH).status == 404
    assert vantage.dns.queries == []


def test_a_recorded_question_is_answered_once(vantage: VantageServer) -> None:
    body = question()
    assert send(vantage, body).status == 200
    assert send(vantage, body).status == 409
    assert send(vantage, question(nonce="1" * 32)).status == 200


def test_questions_beyond_the_bound_are_refused(vantage: VantageServer) -> None:
    vantage.app._busy = 32
    assert send(vantage, question()).status == 503
    assert vantage.dns.queries == []


def test_a_wrong_secret_or_clock_says_so(stack: ExitStack) -> None:
    late = VantageServer(stack, replies(TABLE), name="late", late=timedelta(minutes=5))
    other = VantageServer(stack, replies(TABLE), name="other", secret=Secret("y" * 40))
    looks = asking([late, other]).look(NAME, "TXT")
    assert [(one.found, one.detail) for one in looks] == [
        (None, "refused the question with HTTP status 403"),
        (None, "refused the question with HTTP status 401"),
    ]


class _Relay:
    """Somebody on the way who answers with what a vantage said to another question."""

    def __init__(self, body: bytes, signature: str) -> None:
        self._body, self._signature = body, signature

    async def __call__(self, _scope: object, _receive: object, send: object) -> None:
        headers = [(messages.HEADER.encode(), self._signature.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})  # type: ignore[operator]  # as ASGI has it
        await send({"type": "http.response.body", "body": self._body})  # type: ignore[operator]  # the same


@pytest.mark.parametrize("change", ["another question's", "changed", "unsigned"])
def test_an_answer_that_is_not_signed_for_this_question_is_not_believed(
    stack: ExitStack, vantage: VantageServer, change: str
) -> None:
    from nameplate.listener import ServerThread, listen

    reply = send(vantage, question())
    body, signature = reply.body, reply.headers[messages.HEADER]
    if change == "changed":
        body = body.replace(TEXT.encode(), b"forged!!!")
    if change == "unsigned":
        signature = "0" * 64
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    relay = ServerThread(_Relay(body, signature), listener, name="relay")
    relay.start()
    stack.callback(relay.stop)
    (look,) = HttpVantages({"fra": url}, SECRET, lambda: datetime.now(UTC)).look(NAME, "TXT")
    assert (look.found, look.detail) == (None, "the signature of its answer does not hold")


def test_private_names_are_not_told(vantage: VantageServer) -> None:
    vantages = asking([vantage])
    assert vantages.look("secret.corp.example", "TXT") == ()
    assert vantage.dns.queries == []


def test_a_vantage_that_is_away_is_left_alone_for_a_while(vantage: VantageServer) -> None:
    vantages = asking([vantage], dead=1)
    for _ in range(3):
        vantages.look(NAME, "TXT")
    _, dead = vantages.look(NAME, "TXT")
    assert dead.detail == "has not answered recently"


def test_the_quorum_is_that_of_the_authorities() -> None:
    assert [needed(number) for number in range(9)] == [0, 1, 1, 2, 3, 4, 4, 5, 6]


def test_the_command_serves_without_a_database_and_ends(tmp_path: Path, stack: ExitStack) -> None:
    server = VantageServer(stack, replies(TABLE))  # for its name server
    port = free_port()
    told = {
        "HOME": str(tmp_path / "home"),
        "VANTAGE_NAME": "nyc",
        "VANTAGE_SECRET": SECRET.reveal(),
        "VANTAGE_PORT": str(port),
        "DNS_SERVERS": json.dumps({"com": [f"127.0.0.1:{server.dns.port}"]}),
    }
    environment = {f"NAMEPLATE_{name}": text for name, text in told.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "nameplate", "vantage"],
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 20
        while not listens(port) and time.monotonic() < until:
            time.sleep(0.1)
        vantages = HttpVantages(
            {"nyc": f"http://127.0.0.1:{port}"}, SECRET, lambda: datetime.now(UTC)
        )
        (look,) = vantages.look(NAME, "TXT")
        assert look.found is not None, look
        assert look.found.answers[0].values == (TEXT,)
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert "nyc" in said
    assert SECRET.reveal() not in said
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("missing", ["VANTAGE_NAME", "VANTAGE_SECRET", "short"])
def test_a_vantage_without_its_settings_is_refused(tmp_path: Path, missing: str) -> None:
    told = {"HOME": str(tmp_path), "VANTAGE_NAME": "nyc", "VANTAGE_SECRET": SECRET.reveal()}
    told.pop(missing, None)
    if missing == "short":
        told["VANTAGE_SECRET"] = "short"
    environment = {f"NAMEPLATE_{name}": text for name, text in told.items()}
    done = subprocess.run(
        [sys.executable, "-m", "nameplate", "vantage"],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "vantage_" in done.stderr
    assert "Traceback" not in done.stderr
