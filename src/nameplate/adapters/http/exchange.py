"""One connection that speaks HTTP/1.1, one request after the other.

h11 knows the protocol and httpcore2's streams the network. httpcore2's own connection is not used:
around the same two it takes as long as they do, and it sends head and body apart.
"""

import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import h11
import httpcore2

_WAITS = 10
"""How many times the wait for one step an answer may take in all."""
_MAX_HEAD = 64 * 1024
_MAX_EVENT = 100 * 1024
_CHUNK = 64 * 1024
_FIRST_FINAL = 200  # what comes before is interim (RFC 9110 section 15.2)
_SWITCHED = 101


class NotSent(Exception):
    """There was no connection, and so no request; `__cause__` is the reason."""


class Lost(Exception):
    """The request may have taken effect, but its answer is lost. Repeats nothing that came."""


class TooLarge(Lost):
    """The answer is longer than what is taken."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer, read to its end."""

    status: int
    headers: Sequence[tuple[str, str]]
    """In the server's order and case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class ExchangeLimits:
    """How long one step may take in seconds, and how long an answer may be in bytes."""

    connecting: float
    reading: float
    largest: int


class HttpConnection:
    """Connected to one server; one thread at a time."""

    def __init__(self, stream: httpcore2.NetworkStream, limits: ExchangeLimits) -> None:
        self._stream = stream
        self._limits = limits
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_EVENT)

    @classmethod
    def open(
        cls, host: str, port: int, tls: ssl.SSLContext | None, limits: ExchangeLimits
    ) -> "HttpConnection":
        """Connect, by TLS where it is given. Raises `NotSent`."""
        try:
            stream = httpcore2.SyncBackend().connect_tcp(host, port, limits.connecting)
            if tls is not None:
                stream = stream.start_tls(tls, host, limits.connecting)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            raise NotSent(reason(error)) from cause(error)
        except ValueError as error:  # no name that can be looked up, or that a certificate can have
            raise NotSent(type(error).__name__) from error
        return cls(stream, limits)

    @property
    def is_idle(self) -> bool:
        """Whether the last answer was read to its end and another request may follow."""
        return self._protocol.our_state is h11.IDLE

    @property
    def is_left(self) -> bool:
        """Whether the server has hung up, or sends what nobody has asked for."""
        return bool(self._stream.get_extra_info("is_readable"))

    def exchange(
        self, method: str, target: str, fields: Sequence[tuple[bytes, bytes]], body: bytes | None
    ) -> HttpResponse:
        """Send one request and read its answer, whatever its status. Raises `NotSent` or `Lost`.

        An answer may take ten waits in all, its head included: a server that sends a byte now and
        then does not keep a thread for good.
        """
        try:
            sent = self._written(method, target, fields, body)
        except h11.LocalProtocolError as error:
            raise NotSent(reason(error)) from error
        try:
            self._write(sent)
            answer = self._answer(time.monotonic() + _WAITS * self._limits.reading)
        except _LOST as error:
            raise Lost(reason(error)) from cause(error)
        if self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE:
            self._protocol.start_next_cycle()
        return answer

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def _written(
        self, method: str, target: str, fields: Sequence[tuple[bytes, bytes]], body: bytes | None
    ) -> bytes:
        protocol = self._protocol
        parts = [protocol.send(h11.Request(method=method, target=target, headers=list(fields)))]
        if body:
            parts.append(protocol.send(h11.Data(data=body)))
        parts.append(protocol.send(h11.EndOfMessage()))
        return b"".join(parts)

    def _write(self, sent: bytes) -> None:
        # A refusal may be there to be read although not all could be written.
        with suppress(httpcore2.WriteError):
            self._stream.write(sent, self._limits.reading)

    def _answer(self, deadline: float) -> HttpResponse:
        head = self._head(deadline)
        size, parts = 0, []
        while not isinstance(event := self._event(deadline), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise Lost("an answer in another protocol")
            parts.append(bytes(event.data))
            size += len(event.data)
            if size > self._limits.largest:
                raise TooLarge(f"longer than {self._limits.largest} bytes")
        fields = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in head.headers.raw_items()
        ]
        return HttpResponse(head.status_code, fields, b"".join(parts))

    def _head(self, deadline: float) -> h11.Response:
        """Return the head of the final answer."""
        while True:
            event = self._event(deadline)
            if isinstance(event, h11.Response):
                break
            if not isinstance(event, h11.InformationalResponse) or event.status_code == _SWITCHED:
                raise Lost("an answer in another protocol")
        if sum(len(name) + len(value) + 4 for name, value in event.headers) > _MAX_HEAD:
            raise Lost("its head is too long")
        return event

    def _event(self, deadline: float) -> object:
        while (event := self._protocol.next_event()) is h11.NEED_DATA:
            left = deadline - time.monotonic()
            if left <= 0:
                raise httpcore2.ReadTimeout
            found = self._stream.read(_CHUNK, min(left, self._limits.reading))
            if not found and self._protocol.their_state is h11.SEND_RESPONSE:
                raise h11.RemoteProtocolError("the server has hung up")
            self._protocol.receive_data(found)
        return event


_LOST = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    h11.RemoteProtocolError,
    ValueError,
)


def cause(error: Exception) -> Exception:
    """Return what httpcore2 wrapped."""
    inner = error.args[0] if error.args else None
    return inner if isinstance(inner, Exception) else error


def reason(error: Exception) -> str:
    """Return what the system says of it, as in `connection refused`, or else the kind of error."""
    inner = cause(error)
    said = inner.strerror if isinstance(inner, OSError) else None
    if said and not isinstance(inner, ssl.SSLError):
        return said[0].lower() + said[1:]
    return type(inner).__name__
