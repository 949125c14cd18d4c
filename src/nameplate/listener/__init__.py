"""Where HTTP comes in: sockets, servers with bounded connections, and heads of a bounded size."""

import gc
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

from nameplate.core.errors import Refused
from nameplate.listener.limits import ConnectionLimits, protocol

__all__ = ["ConnectionLimits", "ServerThread", "bounded", "listen", "server", "shorten_pauses"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_BACKLOG = 2048
_TURN = 0.0005
"""Seconds after which a thread that computes gives way to the event loop, instead of 0.005."""
_COLLECTING = 10_000, 20, 20
"""New objects before the collector looks at them, and how often before it looks at older ones."""


def listen(host: str, port: int) -> socket.socket:
    """Take a port before anything else starts. Raises `Refused` when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise Refused(
            "port_unusable",
            f"Cannot listen on {host} port {port}: {error.strerror}. Use another port with `--port`.",
        ) from None


def server(
    app: ASGIApp | str,
    limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 - frozen
    *,
    parser: str = "auto",
    **options: Any,  # noqa: ANN401 - uvicorn's own
) -> uvicorn.Server:
    """Return uvicorn with bounded connections and without WebSockets."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=protocol(limits, parser=parser),
            ws="none",
            h11_max_incomplete_event_size=limits.head,
            log_level="error",  # a warning for each malformed request is somebody else's to write
            access_log=False,
            server_header=False,
            **options,
        )
    )


def bounded(app: ASGIApp, limits: ConnectionLimits = ConnectionLimits()) -> ASGIApp:  # noqa: B008 - frozen
    """Return an application that answers 431 to a head of too many or too long fields.

    A head that arrives in one piece is complete before its connection can count it.
    """

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_too_large(scope, limits):
            headers = [(b"content-length", b"0"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 431, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        await app(scope, receive, send)

    return checked


def _is_too_large(scope: Scope, limits: ConnectionLimits) -> bool:
    headers = scope["headers"]
    if len(headers) > limits.headers:
        return True
    size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    for name, value in headers:
        size += len(name) + len(value)
    return size > limits.head


class ServerThread:
    """A server with a thread and an event loop of its own: what others compute delays it little."""

    def __init__(self, app: ASGIApp, listener: socket.socket, *, name: str) -> None:
        """Take the application, which has no start and end of its own, and where it listens."""
        self._server = server(bounded(app), lifespan="off")
        self._listener = listener
        self._thread = threading.Thread(target=self._run, name=name)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what has come, and end."""
        self._server.should_exit = True
        self._thread.join()

    def _run(self) -> None:
        with self._listener:
            self._server.run(sockets=[self._listener])


def shorten_pauses() -> None:
    """See to it that neither the garbage collector nor another thread keeps requests waiting.

    A full collection looks at every object of every module, and nobody is answered meanwhile: what
    is there by now stays anyway, so it is left out. Of what a request makes little is in a cycle, so
    the collector looks once in some requests instead of several times in each. A thread that loads hosts or does a worker's
    step would otherwise hold the interpreter ten times as long whenever the event loop wants it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTING)
    sys.setswitchinterval(_TURN)
