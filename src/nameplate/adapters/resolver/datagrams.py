"""Many questions at once from one event loop: datagrams by sockets of our own, TCP where it must be.

Each question has a random id, a random letter case that must come back (0x20), and a port that the
system chose at random. A socket is connected to one server, so that the system drops what others send;
a few questions share it while they wait, and then it is closed: no port is used for long.
"""

import asyncio
import heapq
import itertools
import time
from collections import deque
from collections.abc import Hashable
from contextlib import suppress

from nameplate.adapters.resolver.asked import Answered, Asked, Key, Port
from nameplate.adapters.resolver.asking import ServerQuestion
from nameplate.adapters.resolver.chance import Chance
from nameplate.adapters.resolver.query import TRIES, Unanswered
from nameplate.adapters.resolver.reply import ServerReply
from nameplate.adapters.resolver.wire_question import Sign, wire_of
from nameplate.ports.resolver import AnswerKind

MAX_SOCKETS = 400
"""Open at once: below the usual limit of 1,024 files."""
MAX_OF_PARTY = 100
"""Sockets, and connections, that wait for servers one party chose: dead ones leave room for others."""
MAX_OF_PARTY_IN_A_CROWD = 8
"""The same while more than half of all are in use."""
MAX_OF_SERVER = 256
"""Questions that wait for one server; more are asked as these are answered."""
SHARED_BY = 16
"""Questions that one port is used for."""
TICK = 0.05
"""Seconds between two looks for what was not answered in time."""
KEPT = 5.0
"""Seconds for which what a recursive resolver said is not asked again: it has a cache itself."""
_MAX_KEPT = 10_000
_MAX_READ = 64
_OCTETS = 65_535


class Datagrams:
    """Asks servers for the look-ups of one event loop; nothing of it may be used outside that loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open nothing yet."""
        self._loop = loop
        self._chance = Chance()
        self._asked: dict[Key, Asked] = {}
        self._known: dict[Key, tuple[float, ServerReply]] = {}
        self._current: dict[tuple[str, int], Port] = {}
        self._open: dict[int, Port] = {}
        self._of_party: dict[Hashable, int] = {}
        self._of_server: dict[tuple[str, int], int] = {}
        self._queues: dict[tuple[Hashable, tuple[str, int]], deque[Asked]] = {}
        self._timers: list[tuple[float, int, Asked]] = []
        self._numbers = itertools.count()
        self._ticking = self._pumping = False
        self._connections: set[asyncio.Task[None]] = set()

    def ask(self, question: ServerQuestion, party: Hashable, answered: Answered) -> None:
        """Ask as `query.ask` does; `answered` is told once. `party` chose the servers.

        What is asked already with the same words is not asked twice at a time, which would make the
        answer easier to forge (RFC 5452 section 5).
        """
        server = question.server
        name = wire_of(question.name)
        key = server.address, server.port, name, question.rdtype, question.recursive
        if question.recursive and (known := self._known.get(key)) and known[0] > time.monotonic():
            answered(known[1])
            return
        same = self._asked.get(key)
        if same is not None and same.answered is not None and same.port is not None:
            same.answered.append(answered)
            return
        waiting = Asked(key, question, party, answered)
        self._asked[key] = waiting
        self._send(waiting)

    def _send(self, waiting: Asked) -> None:
        """Send a question, the first or the second time, or queue it where too much is under way."""
        server = waiting.key[:2]
        port = self._port(server, waiting.party)
        if port is None:
            self._queue(waiting, server)
            return
        try:
            seconds = waiting.question.budget.spend(TRIES[waiting.tries])
            port.send(waiting.wire(self._chance, port.waiting))
        except Unanswered as error:
            self._close_if_idle(port)
            self._end(waiting, error)
            return
        except OSError:
            self._close_if_idle(port)
            self._end(waiting, Unanswered(AnswerKind.TIMEOUT, "cannot be reached"))
            return
        waiting.port = port
        port.waiting[waiting.id] = waiting
        port.used += 1
        self._of_server[server] = self._of_server.get(server, 0) + 1
        self._remind(waiting, time.monotonic() + seconds)

    def _queue(self, waiting: Asked, server: tuple[str, int]) -> None:
        """Have a question wait for room, no longer than its look-up may take."""
        try:
            left = waiting.question.budget.left(float("inf"))
        except Unanswered as error:
            self._end(waiting, error)
            return
        self._queues.setdefault((waiting.party, server), deque()).append(waiting)
        self._remind(waiting, time.monotonic() + left)

    def _port(self, server: tuple[str, int], party: Hashable) -> Port | None:
        """Return a socket for one more question; None where the party or the server has enough."""
        if self._of_server.get(server, 0) >= MAX_OF_SERVER:
            return None
        port = self._current.get(server)
        if port is not None and port.used < SHARED_BY:
            return port
        of_party, opened = self._of_party.get(party, 0), len(self._open)
        most = MAX_OF_PARTY if opened < MAX_SOCKETS // 2 else MAX_OF_PARTY_IN_A_CROWD
        if of_party >= most or opened >= MAX_SOCKETS:
            return None
        try:
            port = Port(server, party)
        except OSError:
            return None
        with suppress(OSError):  # sending says so, too
            port.socket.connect(server)
        self._current[server] = port
        self._open[port.number] = port
        self._of_party[party] = of_party + 1
        self._loop.add_reader(port.number, self._read, port)
        self._tick_on()
        return port

    def _read(self, port: Port) -> None:
        for _ in range(_MAX_READ):
            try:
                wire = port.receive(_OCTETS)
            except BlockingIOError:
                return
            except OSError:  # nobody listens there
                for waiting in list(port.waiting.values()):
                    self._end(waiting, Unanswered(AnswerKind.TIMEOUT, "cannot be reached"))
                return
            self._take(port, wire)
            if not port.waiting:
                return

    def _take(self, port: Port, wire: bytes) -> None:
        """Take an answer to a question that waits here; what is none is ignored."""
        waiting = port.waiting.get(int.from_bytes(wire[:2]))
        if waiting is None:
            return
        reply = waiting.read(wire)
        if reply is Sign.ASK_BY_TCP:
            self._by_tcp(waiting)
        elif isinstance(reply, ServerReply):
            self._end(waiting, reply)

    def _by_tcp(self, waiting: Asked) -> None:
        """Ask again by TCP: the answer was cut off, or its letters were not ours."""
        self._leave(waiting)
        waiting.until = float("inf")  # it is timed by itself
        task = self._loop.create_task(self._connected(waiting))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connected(self, waiting: Asked) -> None:
        budget = waiting.question.budget
        try:
            while self._of_party.get(waiting.party, 0) >= MAX_OF_PARTY:
                budget.left(0)
                await asyncio.sleep(TICK)
            seconds = budget.spend(sum(TRIES))
        except Unanswered as error:
            self._end(waiting, error)
            return
        self._count(waiting.party, 1)
        try:
            result = await waiting.by_tcp(seconds)
        finally:
            self._count(waiting.party, -1)
        self._end(waiting, result)

    def _count(self, party: Hashable, more: int) -> None:
        number = self._of_party.get(party, 0) + more
        if number:
            self._of_party[party] = number
        else:
            self._of_party.pop(party, None)

    def _end(self, waiting: Asked, result: ServerReply | Unanswered) -> None:
        """Tell everybody who asked."""
        told, waiting.answered = waiting.answered, None
        if told is None:
            return
        if self._asked.get(waiting.key) is waiting:
            del self._asked[waiting.key]
        if waiting.question.recursive and isinstance(result, ServerReply):
            if len(self._known) >= _MAX_KEPT:
                self._known.clear()
            self._known[waiting.key] = time.monotonic() + KEPT, result
        self._leave(waiting)
        for answered in told:
            answered(result)

    def _leave(self, waiting: Asked) -> None:
        """Let a question wait at its port no longer; make room for what is queued."""
        port, waiting.port = waiting.port, None
        if port is None:
            return
        port.waiting.pop(waiting.id, None)
        left = self._of_server[port.server] - 1
        if left:
            self._of_server[port.server] = left
        else:
            del self._of_server[port.server]
        self._close_if_idle(port)
        if self._queues and not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _close_if_idle(self, port: Port) -> None:
        """Close a port that nobody waits at; one that may be used again is closed with the next tick."""
        if port.waiting or port.socket.fileno() < 0:
            return
        if port.used < SHARED_BY and self._current.get(port.server) is port and port.used:
            return
        self._close(port)

    def _close(self, port: Port) -> None:
        if self._current.get(port.server) is port:
            del self._current[port.server]
        del self._open[port.number]
        self._loop.remove_reader(port.number)
        port.socket.close()
        self._count(port.party, -1)

    def _pump(self) -> None:
        """Send what is queued, as far as there is room: each party and server one in its turn."""
        self._pumping = False
        is_moving = True
        while is_moving:
            is_moving = False
            for key in list(self._queues):
                queue = self._queues.pop(key)
                while queue and queue[0].answered is None:
                    queue.popleft()
                if not queue:
                    continue
                self._queues[key] = queue
                if self._port(key[1], key[0]) is None:
                    continue
                self._queues[key] = self._queues.pop(key)  # the others come first the next time
                self._send(queue.popleft())
                is_moving = True

    def _remind(self, waiting: Asked, at: float) -> None:
        waiting.until = at
        heapq.heappush(self._timers, (at, next(self._numbers), waiting))
        self._tick_on()

    def _tick_on(self) -> None:
        if not self._ticking:
            self._ticking = True
            self._loop.call_later(TICK, self._tick)

    def _tick(self) -> None:
        """Ask again what was not answered, or give it up; close ports that were used."""
        try:
            self._end_late(time.monotonic())
            for port in [one for one in self._open.values() if not one.waiting]:
                self._close(port)
            if self._queues:
                self._pump()
        finally:
            self._ticking = bool(self._timers or self._open)
            if self._ticking:
                self._loop.call_later(TICK, self._tick)

    def _end_late(self, now: float) -> None:
        while self._timers and (self._timers[0][0] <= now or self._timers[0][2].answered is None):
            at, _, waiting = heapq.heappop(self._timers)
            if waiting.answered is None or at < waiting.until:
                continue
            if waiting.port is None:  # it is in a queue still
                self._end(waiting, Unanswered(AnswerKind.TIMEOUT, "the lookup took too long"))
                continue
            self._leave(waiting)
            waiting.tries += 1
            if waiting.tries < len(TRIES):
                self._send(waiting)
            else:
                self._end(waiting, Unanswered(AnswerKind.TIMEOUT, "did not answer"))
