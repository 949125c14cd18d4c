"""A TCP connection to a database that can be cut, and lose the answers to commits."""

import contextlib
import socket
import threading
import time
from typing import Self


class DatabaseRelay:
    """Forwards to `port` of this machine until it is told otherwise."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._away_until = 0.0
        self._doubted_until = 0.0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, seconds: float) -> None:
        """End all connections, and every other one that is begun for so long."""
        self._away_until = time.monotonic() + seconds
        self._end_all()

    def lose_commits(self, seconds: float) -> None:
        """For so long: what is committed is, and whoever asked for it is not told."""
        self._doubted_until = time.monotonic() + seconds

    def _end_all(self) -> None:
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if time.monotonic() < self._away_until:
                    client.close()
                else:
                    threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            with self._lock:
                self._open |= {client, server}
            doubted = threading.Event()
            back = threading.Thread(target=self._back, args=(server, client, doubted), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while data := client.recv(65536):
                    if b"COMMIT" in data and time.monotonic() < self._doubted_until:
                        doubted.set()
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)
            back.join(10)
            with self._lock:
                self._open -= {client, server}

    def _back(self, server: socket.socket, client: socket.socket, doubted: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if doubted.is_set():
                    break
                client.sendall(data)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._end_all()
