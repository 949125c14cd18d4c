"""One request to an ASGI application, without a server."""

import asyncio
from typing import Any

from nameplate.edge.app import ASGIApp, Message


def get(
    app: ASGIApp,
    path: str,
    query: bytes = b"",
    *,
    method: str = "GET",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> tuple[int, bytes, dict[bytes, bytes]]:
    """Return status, body and headers."""
    scope = {
        "type": "http",
        "path": path,
        "method": method,
        "query_string": query,
        "headers": list(headers),
    }
    start, body = converse(app, scope, [])
    return start["status"], body["body"], dict(start["headers"])


def converse(app: ASGIApp, scope: dict[str, Any], received: list[Message]) -> list[Message]:
    """Return what the application sends when it receives these messages."""
    sent: list[Message] = []
    incoming = iter(received)

    async def receive() -> Message:
        return next(incoming)

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        await app(scope, receive, send)

    asyncio.run(run())
    return sent
