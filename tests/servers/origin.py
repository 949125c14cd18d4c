"""A tiny application that tells what request it got."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from nameplate.ports.proxy import Upstream


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment for head and body: no wait for a delayed acknowledgement

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self):
        origin: Any = self.server
        if self.path == "/slow":
            origin.arrived.set()
            origin.released.wait(30)
        document = {
            "marker": origin.marker,
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
        }
        body = json.dumps(document).encode()
        self.send_response(origin.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Origin", str(origin.server_address[1]))
        for name, value in origin.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, marker: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.marker = marker
        self.status = 200
        self.arrived, self.released = threading.Event(), threading.Event()
        self.headers: dict[str, str] = {}


class Origin:
    """Echoes path and headers as JSON, with a marker; its port is in the header X-Origin."""

    def __init__(self, marker: str = "origin") -> None:
        self._server = _Server(marker)
        self.port: int = self._server.server_address[1]
        self.upstream = Upstream("127.0.0.1", self.port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def answer(self, status: int = 200, **headers: str) -> None:
        """Answer with this status and these headers from now on."""
        self._server.status = status
        self._server.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    @contextmanager
    def holding(self) -> Iterator[threading.Event]:
        """Hold requests for `/slow` until the block ends; the event tells that one has arrived."""
        self._server.arrived.clear()
        self._server.released.clear()
        try:
            yield self._server.arrived
        finally:
            self._server.released.set()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
