"""A network backend that connects to addresses vetted before, within one deadline and budget."""

import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Any

import httpcore2

from nameplate.adapters.http.outcome import Stopped
from nameplate.adapters.http.secured import SecuredStream
from nameplate.ports.fetcher import HttpOutcome

_CONNECT_SECONDS = 3.0
"""Leaves time for the next address when one family is broken (RFC 8305)."""

_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
"""What the kernel takes in before anybody has read it: by itself it would grow to megabytes."""


class Deadline:
    """A moment on the monotonic clock that every wait of one fetch shares."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left; raise `Stopped(TIMEOUT)` when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise Stopped(HttpOutcome.TIMEOUT)
        return left


class PinnedBackend(httpcore2.NetworkBackend):
    """Dials only the vetted addresses, in their order, whatever host it is asked for."""

    def __init__(
        self, addresses: Sequence[str], port: int, deadline: Deadline, max_bytes: int
    ) -> None:
        self._addresses = addresses
        self._port = port
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._plain = httpcore2.SyncBackend()
        self.peer = ""
        """The address that answered, once connected."""

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002  # the name was resolved and vetted before
        port: int,  # noqa: ARG002  # likewise
        timeout: float | None = None,  # noqa: ARG002  # one deadline for everything
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first vetted address that accepts and compare the peer with it."""
        for address in self._addresses:
            seconds = min(self._deadline.left(), _CONNECT_SECONDS)
            try:
                stream = self._plain.connect_tcp(
                    address, self._port, seconds, local_address, [*(socket_options or ()), _WINDOW]
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
            if not _is_peer(stream, address):
                stream.close()
                raise Stopped(HttpOutcome.ADDRESS_REFUSED)
            self.peer = address
            return _BoundedStream(stream, self._deadline, self._max_bytes)
        raise Stopped(HttpOutcome.UNREACHABLE)


def _is_peer(stream: httpcore2.NetworkStream, address: str) -> bool:
    try:
        return ip_address(stream.get_extra_info("server_addr")[0]) == ip_address(address)
    except OSError:  # it hung up already: the next step will say so
        return True


class _BoundedStream(httpcore2.NetworkStream):
    """Every step ends at the deadline: a timeout for each step would not end a drip."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline, max_bytes: int) -> None:
        self._stream = stream
        self._deadline = deadline
        self._left = max_bytes

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  # the deadline
        if self._left <= 0:
            raise Stopped(HttpOutcome.TOO_LARGE)
        data = self._stream.read(min(max_bytes, self._left), self._deadline.left())
        self._left -= len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # the deadline
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002  # the deadline
    ) -> httpcore2.NetworkStream:
        with ExitStack() as opened:
            opened.callback(self.close)
            try:
                secure = SecuredStream(self, ssl_context, server_hostname)
            except (ssl.SSLError, httpcore2.NetworkError):
                raise Stopped(HttpOutcome.TLS_FAILED) from None
            opened.pop_all()
        return secure

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # as the library declares it
        return self._stream.get_extra_info(info)
