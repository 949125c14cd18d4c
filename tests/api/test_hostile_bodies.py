"""A body costs what its size says, and nothing before it is known who sends it."""

import time
import tracemalloc
from typing import Any

import anyio
import pytest
from starlette.types import Message
from tests.api.client import Api

from nameplate.api import strictjson
from nameplate.core.errors import Invalid

UNENDED = [
    b'["' + b'\\"' * 500_000,
    b"[" * 33 + b'"\\"' * 330_000,
    b'"' * 1_000_001 + b"[" * 33,
    b"[" * 33 + b'"' + b"\\" * 1_000_001,
]


@pytest.mark.parametrize("body", UNENDED, ids=range(len(UNENDED)))
def test_strings_without_an_end_take_linear_time(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(Invalid):
        strictjson.read(body)
    assert time.process_time() - started < 2


def test_memory_is_bounded_by_containers() -> None:
    tracemalloc.start()
    with pytest.raises(Invalid, match="objects and arrays"):
        strictjson.read(b"[" + b"[]," * 5_000_000 + b"[]]")
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


def test_depth_is_bounded_whatever_strings_hold() -> None:
    strictjson.read(b'["' + b"[" * 100 + b'\\"]"]')
    strictjson.read(b"[" * 32 + b"]" * 32)
    with pytest.raises(Invalid, match="at most 32 levels"):
        strictjson.read(b'["\\\\",' + b"[" * 32 + b"]" * 33)


def test_a_zone_fits() -> None:
    record = b'{"type":"A","name":"a","value":"192.0.2.1","ttl":300}'
    body = b'{"records":[' + b",".join([record] * 100_000) + b"]}"
    assert len(strictjson.read(body)["records"]) == 100_000


@pytest.mark.parametrize("authorization", [None, b"x", b"Bearer np_0123456789abcdef_x"])
def test_nobody_reads_the_body_of_somebody_unknown(api: Api, authorization: bytes | None) -> None:
    status, read = _streamed(api, authorization, 16 * 1024 * 1024)
    assert (status, read) == (401, 0)


def test_a_tiny_body_is_read_so_that_the_answer_arrives(api: Api) -> None:
    status, read = _streamed(api, b"x", 3000)
    assert status == 401
    assert 3000 <= read < 20_000


def test_a_tiny_body_that_does_not_come_is_not_waited_for(api: Api) -> None:
    started = time.monotonic()
    status, _ = _streamed(api, b"x", 3000, stalls=True)
    assert status == 401
    assert time.monotonic() - started < 10


def test_a_body_that_breaks_off_does_nothing(api: Api) -> None:
    status, _ = _streamed(api, f"Bearer {api.token}".encode(), 3000, breaks=True)
    assert status == 400


def _streamed(
    api: Api,
    authorization: bytes | None,
    announced: int,
    *,
    stalls: bool = False,
    breaks: bool = False,
) -> tuple[int, int]:
    """Return the status, and how many octets of the body were asked for."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % announced)]
    if authorization is not None:
        headers.append((b"authorization", authorization))
    path = "/v1/domains/example.com/records:plan"
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": headers, "client": ("127.0.0.1", 0),
        "server": ("localhost", 80), "state": {},
    }  # fmt: skip
    read = 0
    statuses: list[int] = []

    async def receive() -> Message:
        nonlocal read
        if stalls:
            await anyio.sleep_forever()
        if breaks:
            return {"type": "http.disconnect"}
        read += 1000
        return {"type": "http.request", "body": b"[" * 1000, "more_body": read < announced}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def run() -> None:
        await api.transport._app(scope, receive, send)

    anyio.run(run)
    return statuses[0], read
