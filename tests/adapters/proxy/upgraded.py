"""An application that speaks WebSocket as far as a proxy looks at it, and a visitor who keeps one open.

After the 101 a proxy passes octets on both ways, whatever they are; the application sends them back.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

from nameplate.ports.proxy import Upstream

_UPGRADED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # of RFC 6455 section 1.3, as is the answer


def _until_blank(connection: socket.socket) -> bytes:
    """Read the head of a message, and nothing after it."""
    found = b""
    while not found.endswith(b"\r\n\r\n"):
        octet = connection.recv(1)
        if not octet:
            break
        found += octet
    return found


def _echo(connection: socket.socket) -> None:
    with connection, suppress(OSError):
        _until_blank(connection)
        connection.sendall(_UPGRADED)
        while got := connection.recv(65536):
            connection.sendall(got)


@contextmanager
def echoing() -> Iterator[Upstream]:
    """Run the application."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=_echo, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield Upstream("127.0.0.1", listening.getsockname()[1])
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


class OpenSocket:
    """A WebSocket of one visitor through a proxy."""

    def __init__(self, server: Any, hostname: str) -> None:
        """Open it."""
        self._connection = socket.create_connection(("127.0.0.1", server.http_port), timeout=20)
        self._connection.sendall(
            f"GET /live HTTP/1.1\r\nHost: {hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_KEY}\r\n\r\n".encode()
        )
        self.head = _until_blank(self._connection)

    @property
    def is_alive(self) -> bool:
        """Whether what is sent comes back."""
        with suppress(OSError):
            self._connection.sendall(b"\x81\x05hello")
            return self._connection.recv(16) == b"\x81\x05hello"
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
