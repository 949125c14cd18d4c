"""An ACME server that answers whatever a test wants, over real HTTP on loopback."""

import json
import threading
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

CUT = 0
"""The status of a reply that is never sent: the connection closes instead."""
URN = "urn:ietf:params:acme:error:"


@dataclass
class Reply:
    status: int = 200
    body: bytes | dict[str, Any] | list[Any] = b""
    headers: Mapping[str, str] | None = None
    nonce: bool = True


def problem(kind: str, status: int = 403, **more: Any) -> Reply:
    headers = more.pop("headers", None)
    return Reply(status, {"type": URN + kind, "detail": f"about {kind}", **more}, headers)


class HostileAuthority:
    """Answers POSTs by `replies[path]`, called with the payload; counts nonces given and used."""

    def __init__(self, **directory: Any) -> None:
        self.replies: dict[str, Callable[[dict[str, Any]], Reply]] = {}
        self.requests: list[tuple[str, str]] = []
        self.used_nonces: list[str] = []
        self._given = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                if self.path == "/dir":
                    self.answer(Reply(200, outer.directory))
                else:
                    self.answer(outer.replies.get(self.path, _nothing)({}))

            def do_HEAD(self) -> None:
                outer.requests.append(("HEAD", self.path))
                self.answer(Reply())

            def do_POST(self) -> None:
                outer.requests.append(("POST", self.path))
                signed = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.used_nonces.append(json.loads(_decode(signed["protected"]))["nonce"])
                payload = json.loads(_decode(signed["payload"]) or b"{}")
                self.answer(outer.replies.get(self.path, _nothing)(payload))

            def answer(self, reply: Reply) -> None:
                if reply.nonce:
                    outer._given += 1
                _write(self, reply, f"nonce{outer._given:04}aaa" if reply.nonce else "")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self.directory = {
            **{name: f"{self.base}/{name}" for name in ("newNonce", "newAccount", "newOrder")},
            **directory,
        }
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _write(handler: BaseHTTPRequestHandler, reply: Reply, nonce: str) -> None:
    if reply.status == CUT:
        handler.close_connection = True
        return
    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
    handler.send_response(reply.status)
    headers = {**(reply.headers or {}), "Content-Length": str(len(body))}
    if nonce:
        headers["Replay-Nonce"] = nonce
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def _nothing(_: dict[str, Any]) -> Reply:
    return Reply(404)


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
