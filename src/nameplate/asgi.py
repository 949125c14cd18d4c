"""The ASGI application: API, edge and, unless it is told not to, a worker, in one process.

`nameplate serve` runs it with bounded connections; so does a server that is told
`--factory nameplate.asgi:create`, but for the bounds of its own listener.
"""

import asyncio
import gc
import socket
import sys
import threading
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from nameplate import bootstrap, edge, listener, logs
from nameplate.api import app as api
from nameplate.core import keys
from nameplate.listener.alpn import ChallengeServer
from nameplate.settings import Settings
from nameplate.usecases.certificates import tls_alpn
from nameplate.usecases.operations.processes import Heartbeat
from nameplate.worker.loop import Worker

_TURN = 0.0005
"""Seconds after which a thread that computes gives way to the event loop, instead of 0.005."""


class Service:
    """What runs beside the requests: the edge's feed and the worker."""

    def __init__(self, settings: Settings, edge_socket: socket.socket | None = None) -> None:
        """Connect everything; nothing runs yet. `edge_socket` is the edge's own, if it has one."""
        self.sessions, ring = bootstrap.ready(settings)
        self.tools = bootstrap.tools(settings, ring)
        secret = bootstrap.edge_secret(settings)
        self.edge = edge.create(
            self.sessions,
            secret=secret,
            is_ask_open=settings.edge_secret is None,
            configurations=edge.Documents(self.sessions, self.tools, secret),
        )
        self.api = edge.beside_agents(
            edge.AgentDesk(self.sessions, self.tools), api.create(self.sessions, self.tools)
        )
        self._worker = (
            Worker(self.sessions, self.tools, threads=settings.worker_threads)
            if settings.serve_worker
            else None
        )
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        if edge_socket is None and settings.edge_port is not None:
            edge_socket = listener.listen(*settings.edge_address)
        self._edge_server = (
            listener.ServerThread(
                edge.beside(self.edge.app, api.challenges(self.sessions, self.tools)),
                edge_socket,
                name="nameplate-edge-server",
            )
            if edge_socket is not None
            else None
        )

        self._alpn = None
        if settings.tls_alpn_port is not None:
            at = listener.listen(settings.tls_alpn_host or settings.host, settings.tls_alpn_port)
            answer = partial(tls_alpn.answer, self.sessions, self.tools, keys.new_key())
            self._alpn = ChallengeServer(answer, at)

    @property
    def app(self) -> ASGIApp:
        """What answers at the API's port: the edge too, unless it has a port of its own."""
        return self.api if self._edge_server else edge.beside(self.edge.app, self.api)

    def start(self) -> None:
        """Start the edge's feed, its server and the worker."""
        self.edge.start()
        if self._edge_server is not None:
            self._edge_server.start()
        if self._alpn is not None:
            self._alpn.start()
        if self._worker is not None:
            self._thread = threading.Thread(target=self._worker.run, name="nameplate-worker")
        else:
            heart = Heartbeat(self.sessions, self.tools.keyring)
            self._thread = threading.Thread(
                target=heart.run, args=(self._stopping,), name="nameplate-heart"
            )
        self._thread.start()

    def stop(self) -> None:
        """Stop them; the steps under way are given ten seconds."""
        if self._edge_server is not None:
            self._edge_server.stop()
        if self._alpn is not None:
            self._alpn.stop()
        self._stopping.set()
        if self._worker is not None:
            self._worker.stop()
        if self._thread is not None:
            self._thread.join()
        self.edge.stop()
        self.sessions.dispose()


def create(settings: Settings | None = None, edge_socket: socket.socket | None = None) -> ASGIApp:
    """Return the application.

    Without settings they come from the environment, and log lines go to standard error. The edge's
    own port, where the settings name one, is taken here unless its socket is given.
    """
    if settings is None:
        logs.to(sys.stderr)
    service = Service(settings or Settings.read(), edge_socket)
    app = listener.bounded(service.app)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(service, receive, send)
        else:
            await app(scope, receive, send)

    return application


async def _lifespan(service: Service, receive: Receive, send: Send) -> None:
    """Start and stop with the server (ASGI lifespan protocol)."""
    while True:
        message = await receive()
        stopping = message["type"] == "lifespan.shutdown"
        if not stopping:
            _shorten_pauses()
        await asyncio.to_thread(service.stop if stopping else service.start)
        await send({"type": f"{message['type']}.complete"})
        if stopping:
            return


def _shorten_pauses() -> None:
    """See to it that neither the garbage collector nor another thread keeps requests waiting.

    A full collection looks at every object of every module, and nobody is answered meanwhile: what
    is there by now stays anyway, so it is left out. A thread that loads hosts or does a worker's
    step would otherwise hold the interpreter ten times as long whenever the event loop wants it.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(_TURN)
