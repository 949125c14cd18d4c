"""The ASGI application: API, edge and, unless it is told not to, a worker, in one process.

uvicorn --factory nameplate.asgi:create
"""

import asyncio
import gc
import sys
import threading

from starlette.types import ASGIApp, Receive, Scope, Send

from nameplate import bootstrap, edge, logs
from nameplate.api import app as api
from nameplate.settings import Settings
from nameplate.worker.loop import Worker

_TURN = 0.0005
"""Seconds after which a thread that computes gives way to the event loop, instead of 0.005."""


class Service:
    """What runs beside the requests: the edge's feed and the worker."""

    def __init__(self, settings: Settings) -> None:
        """Connect everything; nothing runs yet."""
        self.sessions = bootstrap.sessions(settings)
        self.tools = bootstrap.tools(settings, bootstrap.keyring(settings))
        self.edge = edge.create(self.sessions, secret=settings.edge_secret)
        self.api = api.create(self.sessions, self.tools)
        self._worker = (
            Worker(self.sessions, self.tools, threads=settings.worker_threads)
            if settings.serve_worker
            else None
        )
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the edge's feed and the worker."""
        self.edge.start()
        if self._worker is not None:
            self._thread = threading.Thread(target=self._worker.run, name="nameplate-worker")
            self._thread.start()

    def stop(self) -> None:
        """Stop both; the steps under way are given ten seconds."""
        if self._worker is not None and self._thread is not None:
            self._worker.stop()
            self._thread.join()
        self.edge.stop()
        self.sessions.dispose()


def create(settings: Settings | None = None) -> ASGIApp:
    """Return the application.

    Without settings they come from the environment, and log lines go to standard error.
    """
    if settings is None:
        logs.to(sys.stderr)
    service = Service(settings or Settings.read())

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(service, receive, send)
        else:
            await service.api(scope, receive, send)

    return edge.beside(service.edge.app, application)


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
