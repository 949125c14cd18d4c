"""A TCP connection that breaks before a request arrives, or between the server's act and its answer."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Lossy:
    """Forwards to `port` of this machine; where `lose(request)` is true, the answer never arrives.

    The server has answered by then: what was asked has happened. Where `stop_short(request)` is
    true, the server never hears of it.
    """

    def __init__(
        self,
        port: int,
        lose: Callable[[bytes], bool],
        stop_short: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        """Listen on a free loopback port."""
        self._target = port
        self._lose = lose
        self._stop_short = stop_short
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            losing = threading.Event()
            back = threading.Thread(target=self._back, args=(server, client, losing), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while data := client.recv(65536):
                    if self._stop_short(data):
                        client.shutdown(socket.SHUT_RDWR)
                        return
                    if self._lose(data):
                        losing.set()
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)
            back.join(10)

    def _back(self, server: socket.socket, client: socket.socket, losing: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if losing.is_set():
                    break
                client.sendall(data)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Stop listening."""
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
