"""HTTP/1.1 connections that end: bounded in octets, in time and in number, with either of uvicorn's parsers.

    head ─(complete)─▶ body ─(complete)─▶ idle ─(next octet)─▶ head
                        └─(answered before its end)─▶ rest

A head has 10 seconds, a body must come at a minimum rate while somebody reads it, and what is left of
a body that was answered already is thrown away for 5 seconds, so that the answer is seen.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError:  # the extra `fast` is not installed
    HttpToolsProtocol = None  # type: ignore[assignment,misc]  # uvicorn does the same


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection may take; times are seconds, sizes octets."""

    head: int = 64 * 1024
    headers: int = 100
    head_seconds: float = 10.0
    body: int = 40 * 1024 * 1024
    """On the wire, where the chunks of a body are framed."""
    body_seconds: float = 30.0
    """How often the rate of a body is looked at."""
    body_least: int = 8 * 1024
    """What must have come meanwhile."""
    rest_seconds: float = 5.0
    write_seconds: float = 30.0
    """How long a full send buffer may stay full."""
    connections: int = 1000


class Phase(Enum):
    """What is expected of the other side."""

    HEAD = auto()
    BODY = auto()
    REST = auto()
    IDLE = auto()


STOP = "nameplate.stop"
"""Key of a request's scope under which the application puts how an answer that lasts is ended."""
_FAREWELL = 1.0
_ANSWER = b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Bounded(asyncio.Protocol):
    """What both parsers have in common; stands before uvicorn's class in the order of classes."""

    limits = ConnectionLimits()
    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    connections: set[Any]
    cycle: Any
    flow: Any

    _phase = Phase.HEAD
    _since = 0.0
    _octets = 0
    _window = 0
    _timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def expected(self) -> Phase:
        """Return what the parser waits for."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a head; one too many takes the place of who has waited longest."""
        super().connection_made(transport)
        self._enter(Phase.HEAD, 0)
        if len(self.connections) > self.limits.connections:
            idle = (one for one in self.connections if isinstance(one, Bounded) and one.is_waiting)
            first = min(idle, key=lambda one: one._since, default=self)  # noqa: SLF001 - its own class
            first.transport.abort()

    @property
    def is_waiting(self) -> bool:
        """Whether nothing is being answered here."""
        return self._phase is not Phase.BODY and (
            self.cycle is None or self.cycle.response_complete
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        for timer in (self._timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Have the parser read, then see what it is still waiting for."""
        super().data_received(data)
        self._account(len(data))

    def on_response_complete(self) -> None:
        """Expect the next request, or the end of a body that nobody reads any more."""
        super().on_response_complete()  # type: ignore[misc]  # uvicorn's
        self._account(0)

    def pause_writing(self) -> None:
        """Wait only so long for who does not take the answer."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Forget that wait."""
        if self._write_timer is not None:
            self._write_timer.cancel()
        super().resume_writing()

    def shutdown(self) -> None:
        """Have an answer that lasts come to its end; others are waited for."""
        super().shutdown()  # type: ignore[misc]  # uvicorn's
        stop = None if self.cycle is None else self.cycle.scope.get(STOP)
        if stop is not None:
            stop()

    def _account(self, octets: int) -> None:
        if self.transport.is_closing():
            return
        phase = self.expected()
        if phase is Phase.BODY and self.cycle is not None and self.cycle.response_complete:
            phase = Phase.REST
        if phase is not self._phase:
            self._enter(phase, octets if self._phase is Phase.IDLE else 0)
        else:
            self._octets += octets
            self._window += octets
        if phase is Phase.HEAD and self._octets > self.limits.head:
            self._end(b"431 Request Header Fields Too Large")
        elif self._octets > self.limits.body:
            self._end(b"413 Content Too Large")

    def _enter(self, phase: Phase, octets: int) -> None:
        self._phase, self._octets, self._window = phase, octets, 0
        self._since = self.loop.time()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        seconds = {
            Phase.HEAD: self.limits.head_seconds,
            Phase.BODY: self.limits.body_seconds,
            Phase.REST: self.limits.rest_seconds,
        }.get(phase)
        if seconds is not None:
            self._timer = self.loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        is_read = not self.flow.read_paused
        if self._phase is Phase.BODY and (self._window >= self.limits.body_least or not is_read):
            self._window = 0
            self._timer = self.loop.call_later(self.limits.body_seconds, self._expire)
        else:
            self._end(b"408 Request Timeout" if self._octets else b"")

    def _end(self, status: bytes) -> None:
        """Close, with an answer unless one is under way."""
        if status and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(_ANSWER % status)
        self.transport.close()
        self.loop.call_later(_FAREWELL, self.transport.abort)  # what is not taken by then is lost


class BoundedH11(Bounded, H11Protocol):
    """uvicorn's protocol on h11, which bounds a head itself but neither its time nor a body."""

    def expected(self) -> Phase:
        """Return what h11 waits for."""
        state = self.conn.their_state
        if state is h11.IDLE:
            return Phase.HEAD if self.conn.trailing_data[0] else Phase.IDLE
        return Phase.BODY if state is h11.SEND_BODY else Phase.IDLE


if HttpToolsProtocol is not None:

    class BoundedHttpTools(Bounded, HttpToolsProtocol):
        """uvicorn's protocol on httptools, which bounds nothing."""

        _expected = Phase.IDLE

        def expected(self) -> Phase:
            """Return what the parser waits for."""
            return self._expected

        def data_received(self, data: bytes) -> None:
            """Count empty lines before a request as part of its head."""
            if self._expected is Phase.IDLE:
                self._expected = Phase.HEAD
            super().data_received(data)

        def on_message_begin(self) -> None:
            """Begin a head."""
            self._expected = Phase.HEAD
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            """Begin a body, which may be empty."""
            self._expected = Phase.BODY
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            """Expect nothing more."""
            self._expected = Phase.IDLE
            super().on_message_complete()


def protocol(limits: ConnectionLimits, *, parser: str = "auto") -> type[asyncio.Protocol]:
    """Return the class for uvicorn's `http`; `parser` is `h11`, `httptools` or the faster one there is."""
    fast = HttpToolsProtocol is not None and parser != "h11"
    base: type[Bounded] = BoundedHttpTools if fast else BoundedH11
    return type(base.__name__, (base,), {"limits": limits})
