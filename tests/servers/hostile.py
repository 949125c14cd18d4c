"""A loopback server whose every connection is answered by a function of the test."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class HostileServer:
    """Accepts TCP connections and hands each to `answer(socket)` in a thread of its own."""

    def __init__(
        self, answer: Callable[[socket.socket], None], *, tls: ssl.SSLContext | None = None
    ) -> None:
        """Take what to do with a connection; `tls` wraps it first."""
        self._answer = answer
        self._tls = tls
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # The victim hanging up in the middle is what these tests are about.
        with contextlib.suppress(OSError):
            connection.settimeout(10)
            wrapped = (
                self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            )
            with wrapped:
                self._answer(wrapped)
        connection.close()


def request_head(connection: socket.socket) -> str:
    """Read a request up to the empty line and return it."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(4096)
        if not chunk:
            break
        data += chunk
    return data.decode("latin-1")
