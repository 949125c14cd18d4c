"""A server that stops ends the answers that last, and waits for the others."""

import asyncio
import socket
import time
from typing import Any

from nameplate import listener
from nameplate.listener.limits import STOP


def test_an_answer_that_lasts_ends_with_the_server() -> None:
    async def lasting(scope: Any, receive: Any, send: Any) -> None:
        over = asyncio.Event()
        scope[STOP] = over.set
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun\n", "more_body": True})
        await over.wait()
        await send({"type": "http.response.body", "body": b"ended\n"})

    taken = listener.listen("127.0.0.1", 0)
    server = listener.ServerThread(lasting, taken, name="lasting")
    server.start()
    with socket.create_connection(taken.getsockname(), timeout=20) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        told = b""
        while b"begun" not in told:
            told += client.recv(1000)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 15
        while more := client.recv(1000):
            told += more
    assert b"ended" in told
