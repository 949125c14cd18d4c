"""One reader of committed events for all open streams of a process.

    joined ─(read up to where the reader is)─▶ live ─(takes too little)─▶ behind ─(reads again)─▶ live

However many streams are open, the database is asked a few times a second: for what has no number yet,
and for what was numbered, by this process or another. On every database that is within half a second
of the commit. A stream keeps a bounded number of events; what does not fit it reads again later.
"""

import asyncio
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from nameplate.api.events import show
from nameplate.core.errors import RateLimited
from nameplate.db import Sessions
from nameplate.models import Event
from nameplate.usecases import events

log = logging.getLogger(__name__)

POLL = 0.25
"""Seconds between two looks for all streams together."""
BEAT = 15.0
"""Seconds between two signs of life, and between two looks whether callers are accepted still."""
MAX_PENDING = 256
"""Events that wait for one stream."""
MAX_STREAMS, MAX_OF_ORGANIZATION = 800, 200
"""Open streams of one process, and of one organization (or the platform) among them."""
HEARTBEAT = b":\n\n"
_PIECE = 500
_READING = 4
"""Streams that read what was before them, at one time: all of them come back after a restart."""
_SHARE = 4
"""A look is not repeated before so many times as long has passed."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who follows a stream, and what of everything it shows."""

    to_platform: bool
    organization_id: int | None
    """Only what concerns this organization; None: everything, for the platform."""
    domain_id: int | None = None
    """Only what concerns this domain."""
    credential: tuple[str, int] | None = None
    """Kind and row of what the caller is known by, which is looked at again; None: it does not end."""

    def wants(self, one: "Heard") -> bool:
        """Tell whether an event is for it."""
        return self.organization_id in {None, one.organization_id} and self.domain_id in {
            None,
            one.domain_id,
        }


@dataclass(frozen=True, slots=True)
class Heard:
    """A committed event as it goes out."""

    position: int
    organization_id: int | None
    domain_id: int | None
    to_tenants: bytes
    to_platform: bytes


def frame(row: Event, *, to_platform: bool) -> bytes:
    """Return an event as a message of a stream (WHATWG HTML, server-sent events)."""
    shown = show(row, to_platform=to_platform)
    return b"id: %b\ndata: %b\n\n" % (
        shown.id.encode(),
        shown.__pydantic_serializer__.to_json(shown),
    )


class Subscription:
    """One open stream; all but the making of it happens in its event loop."""

    __slots__ = ("_news", "_pending", "audience", "floor", "is_behind", "is_over", "loop")

    def __init__(self, audience: Audience, loop: asyncio.AbstractEventLoop) -> None:
        """Begin with nothing."""
        self.audience = audience
        self.loop = loop
        self.floor = 0
        """What is not above this position is read from the database, not told."""
        self.is_behind = self.is_over = False
        self._pending: deque[tuple[int, bytes]] = deque()
        self._news: asyncio.Future[None] | None = None

    def tell(self, heard: Iterable[Heard]) -> None:
        """Take events; what does not fit is read again when the rest is sent."""
        mine = self.audience
        for one in heard:
            if one.position <= self.floor or not mine.wants(one):
                continue
            if self.is_behind or len(self._pending) >= MAX_PENDING:
                self.is_behind = True
                break
            self._pending.append(
                (one.position, one.to_platform if mine.to_platform else one.to_tenants)
            )
        self._wake()

    def restart(self, floor: int) -> None:
        """Forget what waits: everything up to there is read again."""
        self.floor = floor
        self.is_behind = False
        self._pending.clear()

    def beat(self) -> None:
        """Take a sign of life, unless there is something to send anyway."""
        if not self._pending:
            self._pending.append((0, HEARTBEAT))
            self._wake()

    def end(self) -> None:
        """Say that nothing more comes."""
        self.is_over = True
        self._wake()

    async def take(self) -> tuple[int, bytes]:
        """Wait for news; return the last position in it and what to send: nothing when behind or over."""
        if not (self._pending or self.is_behind or self.is_over):
            self._news = self.loop.create_future()
            await self._news
            self._news = None
        position = max((at for at, _ in self._pending), default=0)
        taken = b"".join(message for _, message in self._pending)
        self._pending.clear()
        return position, taken

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


Accepted = Callable[[Sessions, Collection[tuple[str, int]]], Collection[tuple[str, int]]]
"""Returns which of these credentials are accepted still."""


class Broadcast:
    """Reads for all streams; its thread runs while there are any."""

    def __init__(self, sessions: Sessions, accepted: Accepted, *, beat: float = BEAT) -> None:
        """Read by these sessions, and ask `accepted` once in `beat` seconds."""
        self._sessions = sessions
        self._accepted = accepted
        self._beat = beat
        self.reading = asyncio.Semaphore(_READING)
        self._lock = threading.Lock()
        self._streams: set[Subscription] = set()
        self._counts: Counter[int | None] = Counter()
        self._position = 0
        self._thread: threading.Thread | None = None
        self._failing = False

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._streams)

    def join(self, stream: Subscription) -> int:
        """Have events told to a stream, those after the returned position; blocks.

        Raises RateLimited `event_streams_exhausted`.
        """
        owner = stream.audience.organization_id
        with self._lock:
            if len(self._streams) >= MAX_STREAMS or self._counts[owner] >= MAX_OF_ORGANIZATION:
                raise RateLimited(
                    "event_streams_exhausted",
                    "Too many event streams are open. Close one, or ask `GET /v1/events?since=` instead.",
                    timedelta(seconds=10),
                )
            if self._thread is None:
                events.number(self._sessions)
                with self._sessions.look() as session:
                    self._position = events.newest_position(session)
                self._thread = threading.Thread(
                    target=self._follow, name="nameplate-events", daemon=True
                )
                self._thread.start()
            self._streams.add(stream)
            self._counts[owner] += 1
            stream.floor = self._position
            return self._position

    def rejoin(self, stream: Subscription) -> int:
        """Have events told again to a stream that was behind, those after the returned position."""
        with self._lock:
            stream.restart(self._position)
            return self._position

    def leave(self, stream: Subscription) -> None:
        """Tell a stream nothing more; repeating is harmless."""
        with self._lock:
            if stream in self._streams:
                self._streams.discard(stream)
                self._counts[stream.audience.organization_id] -= 1

    def _follow(self) -> None:
        beaten_at = time.monotonic()
        while self._goes_on():
            began = time.monotonic()
            try:
                while self._look() == _PIECE:
                    pass
                if began - beaten_at >= self._beat:
                    beaten_at = began
                    self._look_at_callers()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may go well
                self._tell(error)
            else:
                self._tell(None)
            time.sleep(max(POLL, _SHARE * (time.monotonic() - began)))

    def _goes_on(self) -> bool:
        with self._lock:
            if not self._streams:
                self._thread = None
            return self._thread is not None

    def _look(self) -> int:
        """Tell what was committed since the last look; return how many events that were."""
        events.number(self._sessions)
        with self._sessions.look() as session:
            rows = events.after(session, self._position, _PIECE)
            if not rows:
                return 0
            heard = self._rendered(rows)
            last = rows[-1].position or 0
        with self._lock:
            self._position = last
            streams = tuple(self._streams)
        if heard:
            self._each(streams, lambda one: one.tell(heard))
        return len(rows)

    def _rendered(self, rows: Sequence[Event]) -> list[Heard]:
        """Return those that somebody follows."""
        with self._lock:
            owners = {owner for owner, count in self._counts.items() if count}
        followed = [row for row in rows if None in owners or row.organization_id in owners]
        return [
            Heard(
                row.position or 0,
                row.organization_id,
                row.organization_domain_id,
                frame(row, to_platform=False),
                frame(row, to_platform=True),
            )
            for row in followed
        ]

    def _look_at_callers(self) -> None:
        """End the streams of those who are accepted no more, and show the others a sign of life."""
        with self._lock:
            streams = tuple(self._streams)
        asked = {one.audience.credential for one in streams} - {None}
        known = set(self._accepted(self._sessions, [one for one in asked if one is not None]))
        known_or_none = known | {None}
        over = tuple(one for one in streams if one.audience.credential not in known_or_none)
        self._each(over, Subscription.end)
        self._each(tuple(set(streams) - set(over)), Subscription.beat)

    def _each(self, streams: Sequence[Subscription], act: Callable[[Subscription], None]) -> None:
        """Do something with streams in the event loops that they belong to."""
        for loop in {one.loop for one in streams}:
            mine = [one for one in streams if one.loop is loop]
            try:
                loop.call_soon_threadsafe(_for_all, act, mine)
            except RuntimeError:  # the loop has ended
                for one in mine:
                    self.leave(one)

    def _tell(self, error: Exception | None) -> None:
        """Log when the database goes, not at each look."""
        if error is not None and not self._failing:
            log.warning("event_streams_wait", extra={"error": type(error).__name__})
        self._failing = error is not None


def _for_all(act: Callable[[Subscription], None], streams: Iterable[Subscription]) -> None:
    for one in streams:
        act(one)
