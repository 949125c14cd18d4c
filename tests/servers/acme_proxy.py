"""An HTTPS proxy between an ACME client and Pebble that knows the endpoints and counts what arrives.

Pebble makes its URLs from the Host header, which is passed on: so all of them lead through the proxy.
What goes wrong is a function that is given each exchange at one endpoint.
"""

import contextlib
import http.client
import re
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.servers.pebble import Pebble

ENDPOINTS: Mapping[str, str] = {
    "/dir": "directory",
    "/nonce-plz": "newNonce",
    "/sign-me-up": "newAccount",
    "/order-plz": "newOrder",
    "/authZ/": "authorization",
    "/chalZ/": "challenge",
    "/my-order/": "order",
    "/finalize-order/": "finalize",
    "/certZ/": "certificate",
    "/draft-ietf-acme-ari": "renewalInfo",
    "/revoke-cert": "revokeCert",
    "/rollover-account-key": "keyChange",
}
"""Where Pebble has what, by the beginning of the path."""
_HOPS = {"connection", "content-length", "transfer-encoding", "keep-alive"}


@dataclass
class Answer:
    """An HTTP answer on its way to the client."""

    status: int
    headers: dict[str, str]
    body: bytes


class Cut(Exception):
    """The connection ends here, without an answer."""


@dataclass
class Exchange:
    """One request, and how it can be passed on."""

    endpoint: str
    method: str
    path: str
    number: int
    """How many came to this endpoint before while something went wrong there."""
    pass_on: Callable[[], Answer]
    nonce: Callable[[], str]
    """A fresh nonce of Pebble's."""


Trouble = Callable[[Exchange], Answer]


@dataclass
class Arrived:
    """What Pebble was asked through one proxy and said yes to."""

    orders: int = 0
    lost_orders: int = 0
    """Of these: those of which the client was not told as Pebble told it."""
    finalized: Counter[str] = field(default_factory=Counter)
    """By order."""
    accounts: int = 0
    """That are new."""
    revoked: int = 0
    tokens: set[str] = field(default_factory=set)
    """Of the challenges that were shown."""
    asked: Counter[str] = field(default_factory=Counter)
    """Requests at each endpoint, passed on or not."""


class AcmeProxy:
    """One listener in front of a Pebble, with one trouble at one endpoint while `is_active`."""

    def __init__(self, pebble: Pebble, endpoint: str = "", trouble: Trouble | None = None) -> None:
        self.endpoint, self.trouble = endpoint, trouble
        self.is_active = trouble is not None
        self.arrived = Arrived()
        self.met = 0
        """How often the trouble was met."""
        self._lock = threading.Lock()
        self._trust = ssl.create_default_context(cafile=str(pebble.ca_bundle))
        self._upstream = pebble.api_port
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.owner = self  # type: ignore[attr-defined]  # for the handler
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*pebble.api_pair)
        self.port: int = self._server.server_address[1]
        # Not at the accept: one client that says nothing would keep all others waiting.
        self._server.socket = tls.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,))

    @property
    def directory_url(self) -> str:
        """Where the client begins."""
        return f"https://127.0.0.1:{self.port}/dir"

    def heal(self) -> None:
        """Pass everything on as it is from now on."""
        self.is_active = False

    def handle(self, exchange: Exchange) -> Answer:
        """Answer one request, with the trouble where that belongs."""
        told: list[Answer] = []

        def pass_on() -> Answer:
            answer = exchange.pass_on()
            told.append(Answer(answer.status, dict(answer.headers), answer.body))
            return answer

        seen = Exchange(
            exchange.endpoint, exchange.method, exchange.path, self.met, pass_on, exchange.nonce
        )
        answer = None
        try:
            if self.is_active and exchange.endpoint == self.endpoint and self.trouble is not None:
                with self._lock:
                    self.met += 1
                answer = self.trouble(seen)
            else:
                answer = pass_on()
            return answer
        finally:
            self._count(exchange, told[0] if told else None, answer)

    def _count(self, exchange: Exchange, told: Answer | None, shown: Answer | None) -> None:
        with self._lock:
            arrived = self.arrived
            arrived.asked[exchange.endpoint] += 1
            if told is None or not 200 <= told.status < 300:
                return
            match exchange.endpoint:
                case "newOrder":
                    arrived.orders += 1
                    kept = shown is not None and shown.headers.get("Location")
                    known = told.headers.get("Location")
                    whole = shown is not None and shown.body == told.body
                    arrived.lost_orders += not (kept == known and whole)
                case "authorization":
                    arrived.tokens.update(re.findall(r'"token": ?"([^"]+)"', told.body.decode()))
                case "newAccount":
                    arrived.accounts += told.status == 201
                case "finalize":
                    arrived.finalized[exchange.path.rpartition("/")[2]] += 1
                case "revokeCert":
                    arrived.revoked += 1

    def connect(self) -> http.client.HTTPSConnection:
        """Return a connection to Pebble."""
        return http.client.HTTPSConnection(
            "127.0.0.1", self._upstream, context=self._trust, timeout=30
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self._upstream: http.client.HTTPSConnection | None = None

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        if self._upstream is not None:
            self._upstream.close()

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client hanging up
            super().handle()

    def _answer(self) -> None:
        owner: AcmeProxy = self.server.owner  # type: ignore[attr-defined]  # set by AcmeProxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        endpoint = next((n for start, n in ENDPOINTS.items() if self.path.startswith(start)), "")
        exchange = Exchange(
            endpoint,
            self.command,
            self.path,
            0,
            pass_on=lambda: self._pass_on(owner, self.command, self.path, body),
            nonce=lambda: self._pass_on(owner, "HEAD", "/nonce-plz", b"").headers["Replay-Nonce"],
        )
        try:
            answer = owner.handle(exchange)
        except Cut:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _HOPS:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = _answer  # noqa: N815 - the names that http.server looks for

    def _pass_on(self, owner: AcmeProxy, method: str, path: str, body: bytes) -> Answer:
        if self._upstream is None:
            self._upstream = owner.connect()
        kept: dict[str, Any] = {
            name: self.headers[name]
            for name in ("Host", "Content-Type", "User-Agent", "Accept-Language")
            if name in self.headers
        }
        self._upstream.request(method, path, body or None, kept)
        reply = self._upstream.getresponse()
        headers = {name.title(): value for name, value in reply.getheaders()}
        return Answer(reply.status, headers, reply.read())

    def log_message(self, *args: object) -> None:
        pass
