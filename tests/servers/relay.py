"""A connection to a server that can be refused, or hang, and go on as if nothing had been."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Relay:
    """Forwards TCP, and with `udp` datagrams too, to `port` of this machine, while it is open."""

    def __init__(self, target: int, *, udp: bool = False) -> None:
        """Listen on a free loopback port."""
        self.target = target
        self._flows = threading.Event()
        self._flows.set()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._udp: socket.socket | None = None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._with_udp = udp
        self._listen()

    def refuse(self) -> None:
        """Refuse connections, and cut those that there are."""
        for one in (self._listener, self._udp):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._flows.set()
        self.cut()

    def hang(self) -> None:
        """Take everything and pass nothing on, in neither direction."""
        self._flows.clear()

    def cut(self) -> None:
        """End every connection."""
        with self._lock:
            connections, self._connections = self._connections, set()
        for one in connections:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Forward again; what hung goes on."""
        self._flows.set()
        if self._listener.fileno() == -1:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
            self._listen()

    def stop(self) -> None:
        """Stop listening."""
        self.refuse()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        if self._with_udp:
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._udp.bind(("127.0.0.1", self.port))
            threading.Thread(target=self._datagrams, args=(self._udp,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            with self._lock:
                self._connections.add(client)
            self._flows.wait()
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                back.start()
                self._pump(client, server)
                back.join(10)
        with self._lock:
            self._connections.discard(client)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _datagrams(self, own: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                question, asker = own.recvfrom(65535)
                if self._flows.is_set():
                    threading.Thread(
                        target=self._answer, args=(own, question, asker), daemon=True
                    ).start()

    def _answer(self, own: socket.socket, question: bytes, asker: tuple[str, int]) -> None:
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        ):
            server.settimeout(5)
            server.connect(("127.0.0.1", self.target))
            server.send(question)
            answer = server.recv(65535)
            if self._flows.is_set():
                own.sendto(answer, asker)
