"""An HTTP server in front of another one that answers some requests itself, as a test asks."""

import contextlib
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_PER_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What the gate answers instead of the server."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Rule = Callable[[str, str], Reply | float | None]
"""Takes method and path; returns an answer, seconds to wait before the server is asked, or None."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def _pass(self) -> None:
        gate: Gate = self.server.gate  # type: ignore[attr-defined]  # set by the gate
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        decided = gate.rule(self.command, self.path)
        if isinstance(decided, Reply):
            self._send(
                decided.status,
                {"Content-Type": "application/problem+json", **decided.headers},
                b"" if decided.document is None else json.dumps(decided.document).encode(),
            )
            return
        if decided:
            time.sleep(decided)
        try:
            self._send(*gate.ask(self.command, self.path, dict(self.headers), body))
        except OSError:  # the server is gone: so is the answer
            self.close_connection = True

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _PER_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _pass  # noqa: N815 - the names that http.server looks for

    def log_message(self, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that hang up in the middle are what these tests are about."""


class Gate:
    """Passes everything on to `port` of this machine while `rule` says nothing else."""

    def __init__(self, port: int, tls: tuple[Path, Path, Path] | None = None) -> None:
        """Listen on a free port; `tls` is certificate, key and the root that the server's has."""
        self.rule: Rule = lambda _method, _path: None
        self._target = port
        self._client: ssl.SSLContext | None = None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.gate = self  # type: ignore[attr-defined]  # for the handler
        if tls is not None:
            certificate, key, root = tls
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self._client = ssl.create_default_context(cafile=str(root))
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def open(self) -> None:
        """Pass everything on."""
        self.rule = lambda _method, _path: None

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Ask the server, and return status, headers and body."""
        connection: http.client.HTTPConnection
        if self._client is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._target, timeout=60)
        else:
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self._target, timeout=60, context=self._client
            )
        with contextlib.closing(connection):
            connection.request(method, path, body or None, dict(headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
