"""The edge answers while others do to the API whatever they can."""

import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nameplate.usecases.operations import schema
from tests.e2e.installation import Installation
from tests.servers.process import free_port, listens

RATE, SECONDS = 200, 5
LOOSE = 1.0
"""Seconds that the slowest of a hundred may take here, where others use the machine too."""
PLAN = "/v1/domains/nobody.example/records:plan"
BODIES = [
    b'["' + b'\\"' * 16_000,
    b"[" * 40 + b'"\\"' * 300_000,
    b"[" + b"[]," * 5_000_000 + b"[]]",
    b'{"records":[' + b",".join([b'{"type":"A","name":"a"}'] * 100_000) + b"]}",
]


def test_the_edge_answers_while_the_api_is_attacked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edge_port = free_port()
    (tmp_path / "home").mkdir()
    schema.upgrade(f"sqlite:///{tmp_path / 'home' / 'nameplate.db'}")
    world = Installation(tmp_path, {"NAMEPLATE_EDGE_PORT": str(edge_port)}, workers=1)
    stopping = threading.Event()
    threads = [
        threading.Thread(target=_again, args=(work, stopping), daemon=True)
        for work in (
            lambda: _post(world.port, f"Bearer {world.token.reveal()}", stopping),
            lambda: _post(world.port, "x", stopping),
            lambda: _endless_head(world.port, stopping),
            lambda: _endless_head(edge_port, stopping),
            lambda: _slow(world.port, stopping),
            lambda: _slow(edge_port, stopping),
        )
    ]
    try:
        assert listens(edge_port)
        for thread in threads:
            thread.start()
        times, answers = _paced(edge_port)
    finally:
        stopping.set()
        for thread in threads:
            thread.join(20)
        assert world.ask("GET", "/edge/ask?domain=a.example")[0] == 404, "it has its own port"
        world.stop()
    p99 = sorted(times)[len(times) * 99 // 100]
    with capsys.disabled():
        print(f"\nask under attack: {len(times)} answers, p99 {p99 * 1000:.1f} ms")
    assert answers <= {404, 429, 503}, "429: one source asks for too many unknown names"
    assert p99 < LOOSE


def _paced(port: int) -> tuple[list[float], set[int]]:
    """Ask so many times a second, each at its time, and return what each took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    times, answers = [], set()
    started = time.monotonic()
    for number in range(RATE * SECONDS):
        due = started + number / RATE
        time.sleep(max(0.0, due - time.monotonic()))
        begun = time.monotonic()
        connection.request("GET", "/edge/ask?domain=shop.example.com")
        response = connection.getresponse()
        response.read()
        answers.add(response.status)
        times.append(time.monotonic() - begun)
    connection.close()
    return times, answers


def _again(work: Callable[[], None], stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            work()
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)


def _post(port: int, authorization: str, stopping: threading.Event) -> None:
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    for body in random.sample(BODIES, len(BODIES)):
        if stopping.is_set():
            return
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("POST", PLAN, body, headers)
            answer = connection.getresponse()
            assert json.loads(answer.read())["code"], answer.status
        finally:
            connection.close()


def _endless_head(port: int, stopping: threading.Event) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        while not stopping.is_set():
            connection.sendall(b"x" * 65_536)


def _slow(port: int, stopping: threading.Event) -> None:
    silent = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(150)]
    for one in silent:
        one.sendall(b"GET / HTTP/1.1\r\n")
    stopping.wait(3)
    for one in silent:
        one.close()
