"""Calling an ASGI application in this process, without a socket."""

from collections.abc import Mapping
from urllib.parse import unquote

import anyio
from starlette.types import ASGIApp, Message


class InProcess:
    """A transport to an application: one request, one answer."""

    def __init__(self, app: ASGIApp, host: str = "localhost") -> None:

        self._app = app
        self._host = host

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request and return status, headers (lower-case names, one line for each) and body."""
        return anyio.run(self._send, method, path, headers, body or b"")

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        plain, _, query = path.partition("?")
        sent = {"host": self._host, **{name.lower(): value for name, value in headers.items()}}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(plain),
            "raw_path": plain.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in sent.items()],
            "client": ("127.0.0.1", 0),
            "server": (self._host, 80),
            "state": {},
        }
        status = 0
        found: dict[str, str] = {}
        chunks: list[bytes] = []
        requested = False

        async def receive() -> Message:
            nonlocal requested
            if requested:
                return {"type": "http.disconnect"}
            requested = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                for name, value in message["headers"]:
                    key, text = name.decode().lower(), value.decode()
                    found[key] = f"{found[key]}\n{text}" if key in found else text
            else:
                chunks.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return status, found, b"".join(chunks)
