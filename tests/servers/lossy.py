"""A TCP connection that breaks before a request arrives, or between the server's act and its answer."""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self


class Lossy:
    """Forwards to `port` of this machine; where `lose(request)` is true, the answer never arrives.

    The server has answered by then: what was asked has happened. Where `stop_short(request)` is
    true, the server never hears of it. A request may be held for longer than the server keeps a
    connection that nobody uses: it comes by another one then.
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
        with client, contextlib.ExitStack() as stack:
            path = _Path(client)
            server, back = self._connect(stack, path)
            with contextlib.suppress(OSError):
                while data := client.recv(65536):
                    if self._stop_short(data):
                        client.shutdown(socket.SHUT_RDWR)
                        return
                    path.is_held = True
                    path.is_lost |= self._lose(data)
                    path.is_held = False
                    path.unanswered += data
                    if back.is_alive():
                        server.sendall(data)
                    else:
                        server, back = self._connect(stack, path)
                        server.sendall(path.unanswered)
                server.shutdown(socket.SHUT_WR)
            back.join(10)

    def _connect(
        self, stack: contextlib.ExitStack, path: "_Path"
    ) -> tuple[socket.socket, threading.Thread]:
        server = stack.enter_context(socket.create_connection(("127.0.0.1", self._target)))
        back = threading.Thread(target=_back, args=(server, path), daemon=True)
        back.start()
        return server, back

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


@dataclass
class _Path:
    """One client, and what it has asked for."""

    client: socket.socket
    unanswered: bytes = b""
    """What was sent since the server's last word."""
    is_lost: bool = False
    is_held: bool = False


def _back(server: socket.socket, path: _Path) -> None:
    with contextlib.suppress(OSError):
        while data := server.recv(65536):
            if path.is_held:  # the server does not wait for the rest of a request
                return
            path.unanswered = b""
            if path.is_lost:
                break
            path.client.sendall(data)
    if not path.is_held:
        with contextlib.suppress(OSError):
            path.client.shutdown(socket.SHUT_RDWR)
