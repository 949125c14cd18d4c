"""The ASGI application: API, web page, edge and, unless it is told not to, a worker, in one process.

`nameplate serve` runs it with bounded connections; so does a server that is told
`--factory nameplate.asgi:create`, but for the bounds of its own listener.
"""

import asyncio
import sys
import threading
from functools import partial
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from nameplate import bootstrap, edge, edge_process, listener, logs, web
from nameplate.api import app as api
from nameplate.core import keys
from nameplate.edge.agents import AgentDesk, beside_agents
from nameplate.listener.alpn import ChallengeServer
from nameplate.settings import Settings
from nameplate.usecases.certificates import tls_alpn
from nameplate.usecases.operations.processes import Heartbeat
from nameplate.worker.loop import Worker


class EdgeServer(Protocol):
    """What serves the edge's own port: a thread of this process, or a process of its own."""

    def start(self) -> None:
        """Begin to answer; returns at once."""

    def stop(self) -> None:
        """Answer what has come, and end."""


class Service:
    """What runs beside the requests: the edge and the worker."""

    def __init__(self, settings: Settings, edge_server: EdgeServer | None = None) -> None:
        """Connect everything; nothing runs yet. `edge_server` is where the edge is, if not here."""
        self.sessions, ring = bootstrap.ready(settings)
        self.tools = bootstrap.tools(settings, ring, self.sessions)
        page = web.beside(web.Console(), api.create(self.sessions, self.tools))
        self.api = beside_agents(AgentDesk(self.sessions, self.tools), page)
        self._edge: edge.Edge | None = None
        if edge_server is None:
            self._edge = edge_process.made(settings, self.sessions, self.tools)
            if settings.edge_port is not None:
                app = edge_process.alone(self._edge, self.sessions, self.tools)
                taken = listener.listen(*settings.edge_address)
                edge_server = listener.ServerThread(app, taken, name="nameplate-edge-server")
        self._edge_server = edge_server
        self._worker = (
            Worker(self.sessions, self.tools, threads=settings.worker_threads)
            if settings.serve_worker
            else None
        )
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._alpn = None
        if settings.tls_alpn_port is not None:
            at = listener.listen(settings.tls_alpn_host or settings.host, settings.tls_alpn_port)
            answer = partial(tls_alpn.answer, self.sessions, self.tools, keys.new_key())
            self._alpn = ChallengeServer(answer, at)

    @property
    def app(self) -> ASGIApp:
        """What answers at the API's port: the edge too, unless it has a port of its own."""
        if self._edge is None or self._edge_server is not None:
            return self.api
        return edge.beside(self._edge.app, self.api)

    def start(self) -> None:
        """Start the edge's feed, its server and the worker."""
        if self._edge is not None:
            self._edge.start()
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
        if self._edge is not None:
            self._edge.stop()
        self.sessions.dispose()


def create(settings: Settings | None = None, edge_server: EdgeServer | None = None) -> ASGIApp:
    """Return the application.

    Without settings they come from the environment, and log lines go to standard error. The edge's
    own port, where the settings name one, is served by a thread here unless `edge_server` does it.
    """
    if settings is None:
        logs.to(sys.stderr)
    service = Service(settings or Settings.read(), edge_server)
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
            listener.shorten_pauses()
        await asyncio.to_thread(service.stop if stopping else service.start)
        await send({"type": f"{message['type']}.complete"})
        if stopping:
            return
