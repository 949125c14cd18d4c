"""The process that serves the edge's own port: `python -m nameplate.edge_process DESCRIPTOR`.

`nameplate serve` starts and watches it. It has neither the API nor a worker, so that nothing that they
compute keeps a proxy waiting, and its settings are those of the environment.
"""

import contextlib
import gc
import sys

from starlette.types import ASGIApp

from nameplate import bootstrap, edge, listener, logs
from nameplate.db import Sessions
from nameplate.listener import child
from nameplate.settings import Settings
from nameplate.usecases.tools import Tools


def made(settings: Settings, sessions: Sessions, tools: Tools) -> edge.Edge:
    """Return the edge that the settings ask for."""
    secret = bootstrap.edge_secret(settings)
    return edge.create(
        sessions,
        secret=secret,
        is_ask_open=settings.edge_secret is None,
        configurations=edge.Documents(sessions, tools, secret),
    )


def alone(answering: edge.Edge, sessions: Sessions, tools: Tools) -> ASGIApp:
    """Return what answers at the edge's own port: the edge, and challenges."""
    return edge.beside(answering.app, edge.Challenges(sessions, tools.keyring))


def run(descriptor: int) -> None:
    """Serve until the parent says so or ends."""
    gc.disable()  # until all is imported and made
    taken = child.inherited(descriptor)
    logs.to(sys.stderr)
    settings = Settings.read()
    sessions, ring = bootstrap.ready(settings)
    tools = bootstrap.tools(settings, ring)
    answering = made(settings, sessions, tools)
    app = listener.bounded(alone(answering, sessions, tools))
    answering.start()
    gc.enable()
    listener.shorten_pauses()
    with contextlib.closing(taken):
        listener.server(app, lifespan="off").run(sockets=[taken])
    answering.stop()
    sessions.dispose()


if __name__ == "__main__":
    run(int(sys.argv[1]))
