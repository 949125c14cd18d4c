"""TLS over a bounded stream: every byte counts that arrives, not only those that were meant for us."""

import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import httpcore2

_RECORD = 16 * 1024
T = TypeVar("T")


class SecuredStream(httpcore2.NetworkStream):
    """A TLS connection whose bytes are read, counted and timed by the stream below it.

    Over a socket of its own the TLS library would go on reading for as long as messages of the protocol
    itself come, session tickets for instance, and a server may send any number of them.
    """

    def __init__(
        self, stream: httpcore2.NetworkStream, context: ssl.SSLContext, host: str | None
    ) -> None:
        """Shake hands. Raises `ssl.SSLError`, and whatever `stream` raises."""
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._done(self._tls.do_handshake)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what was sent; nothing at the end, whether it was announced or not."""
        try:
            return self._done(partial(self._tls.read, max_bytes), timeout)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise httpcore2.ReadError(error) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        left = memoryview(buffer)
        while left:
            try:
                left = left[self._done(partial(self._tls.write, left), timeout) :]
            except ssl.SSLError as error:
                raise httpcore2.WriteError(error) from error

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # as the library declares it
        """Return the TLS session as `ssl_object`, and what the stream below says otherwise."""
        return self._tls if info == "ssl_object" else self._stream.get_extra_info(info)

    def _done(self, step: Callable[[], T], timeout: float | None = None) -> T:
        """Return what a step returns once enough was read for it; send what it has to say."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._send(timeout)
                self._receive(timeout)
            else:
                self._send(timeout)
                return result

    def _send(self, timeout: float | None) -> None:
        pending = self._outgoing.read()
        if pending:
            self._stream.write(pending, timeout)

    def _receive(self, timeout: float | None) -> None:
        data = self._stream.read(_RECORD, timeout)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
