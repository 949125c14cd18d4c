"""Ports of this machine that nobody else can reach."""

import errno
import socket
from contextlib import suppress

from nameplate.core.errors import Conflict

LOOPBACK = "127.0.0.1"


def listener(port: int) -> socket.socket:
    """Return a socket that listens; port 0 means any free one. Raises Conflict `port_in_use`."""
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        raise Conflict(
            "port_in_use",
            f"Cannot listen on {LOOPBACK}:{port}. Stop the program that uses it, or pass another `--port`.",
        ) from None


def free_ports(count: int) -> list[int]:
    """Return that many ports, each free at this moment."""
    sockets = [listener(0) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def listens(port: int) -> bool:
    """Tell whether something accepts connections there."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False
