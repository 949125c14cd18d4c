"""Answers to http-01 challenges on this machine: the proxy asks here, and the agent asks the API.

The page for applications that are down comes from here too, without a question to the API.
"""

import re
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from nameplate.core import maintenance
from nameplate.core.errors import NameplateError, Refused

PATH = "/.well-known/acme-challenge/"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,255}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")
_AT_ONCE = 16
"""Questions at one time: the whole Internet may ask, and each costs a request to the API."""
_SECONDS = 10.0

Ask = Callable[[str, str], str | None]
"""Returns the answer to a challenge of a host, None when there is none. Raises `NameplateError`."""


class Responder:
    """A server on the loopback interface, with a thread of its own."""

    def __init__(self, host: str, port: int, ask: Ask) -> None:
        """Listen. Raises Refused `port_unusable`."""
        try:
            self._server = _Server((host, port), ask)
        except OSError as error:
            raise Refused(
                "port_unusable",
                f"Cannot listen on {host} port {port}: {error.strerror}. Use another port with "
                "`NAMEPLATE_AGENT_PORT`.",
            ) from None
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="nameplate-responder", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], ask: Ask) -> None:
        self.ask = ask
        self.room = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's
        """Answer in a thread, or hang up where too many are asked already."""
        if not self.room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's
        """Answer, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's
        """Say nothing: whoever asks may hang up at any time."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SECONDS
    server_version, sys_version = "nameplate", ""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        host = self.headers.get("Host", "").partition(":")[0]
        if path == maintenance.PATH:
            again = {"Retry-After": maintenance.RETRY_AFTER}
            self._say(maintenance.STATUS, maintenance.PAGE, maintenance.MEDIA_TYPE, again)
            return
        token = path.removeprefix(PATH)
        if not (path.startswith(PATH) and _TOKEN.fullmatch(token) and _HOST.fullmatch(host)):
            self._say(HTTPStatus.NOT_FOUND, "not found")
            return
        try:
            found = self.server.ask(host.lower(), token)
        except NameplateError:
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, "")
            return
        status = HTTPStatus.NOT_FOUND if found is None else HTTPStatus.OK
        self._say(status, "not found" if found is None else found)

    def _say(
        self,
        status: int,
        text: str,
        media_type: str = "text/plain",
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{media_type}; charset=utf-8")
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write no line for each request."""
