"""The one event loop in which many inquiries go on at once, none with a thread of its own."""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

from nameplate.adapters.resolver.asking import Asking, ServerQuestion, Together
from nameplate.adapters.resolver.datagrams import Datagrams
from nameplate.adapters.resolver.query import QueryBudget, Unanswered
from nameplate.adapters.resolver.reply import ServerReply
from nameplate.ports.resolver import DnsQuestion, Ended, Inquiry, LookupResult

T = TypeVar("T")
LookUp = Callable[[DnsQuestion, QueryBudget], Asking[LookupResult]]
AT_ONCE = 50
"""Inquiries that are begun before answers are read again."""
_MAX_QUERIES = 50


class EventLoop:
    """Runs inquiries in a thread of its own, which is started with the first of them."""

    def __init__(self, look_up: LookUp, seconds: float) -> None:
        """Take what asks one question, and how long one inquiry may take."""
        self._look_up = look_up
        self._seconds = seconds
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, inquiries: Sequence[tuple[Inquiry[T], Hashable]], ended: Ended[T]) -> None:
        """Run all of these; any thread may call this. See `WideResolver.inquire`."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._datagrams = Datagrams(self._loop)
                threading.Thread(
                    target=self._loop.run_forever, name="nameplate-resolver", daemon=True
                ).start()
        for start in range(0, len(inquiries), AT_ONCE):
            some = [
                (start + place, *one)
                for place, one in enumerate(inquiries[start : start + AT_ONCE])
            ]
            self._loop.call_soon_threadsafe(self._begin, some, ended)

    def _begin(self, some: Sequence[tuple[int, Inquiry[Any], Hashable]], ended: Ended[Any]) -> None:
        for place, inquiry, party in some:
            _Inquiring(self, place, inquiry, party, ended).go_on(None)

    def run(
        self, asking: Asking[T], party: Hashable, ended: Callable[[T | BaseException], None]
    ) -> None:
        """Ask as a look-up says until it is over."""
        self._resume(asking, party, ended, None)

    def _resume(
        self,
        asking: Asking[Any],
        party: Hashable,
        ended: Callable[[Any], None],
        result: Any,  # noqa: ANN401 - what the last step was answered with
    ) -> None:
        try:
            failed = isinstance(result, BaseException)
            step = asking.throw(result) if failed else asking.send(result)
        except StopIteration as end:
            ended(end.value)
            return
        except Exception as error:  # noqa: BLE001 - one look-up's surprise must not stop the others
            ended(error)
            return

        def answered(result: ServerReply | Unanswered) -> None:
            self._resume(asking, party, ended, result)

        if isinstance(step, ServerQuestion):
            self._datagrams.ask(step, party, answered)
        elif len(step.ways) == 1:
            self.run(
                step.ways[0], party, lambda one: self._resume(asking, party, ended, _listed(one))
            )
        else:
            self._together(step, party, lambda all_: self._resume(asking, party, ended, all_))

    def _together(self, step: Together, party: Hashable, ended: Callable[[Any], None]) -> None:
        gathered = Gathered(len(step.ways), ended)
        for place, way in enumerate(step.ways):
            self.run(way, party, gathered.part(place))

    def look_up(self, question: DnsQuestion, seconds: float) -> Asking[LookupResult]:
        """Return what asks one question of an inquiry, within that time."""
        return self._look_up(question, QueryBudget(seconds, _MAX_QUERIES))

    def ends_at(self) -> float:
        """Return until when an inquiry that begins now may take, by the monotonic clock."""
        return time.monotonic() + self._seconds


def _listed(one: Any) -> Any:  # noqa: ANN401 - what a look-up returned
    return one if isinstance(one, BaseException) else [one]


class Gathered:
    """The results of several ways that go on at once."""

    def __init__(self, number: int, ended: Callable[[Any], None]) -> None:
        """Tell `ended` the list of all results, or the first exception, when all are there."""
        self._found: list[Any] = [None] * number
        self._left = number
        self._ended = ended
        if not number:
            ended([])

    def part(self, place: int) -> Callable[[Any], None]:
        """Return what takes the result of one way."""

        def take(result: Any) -> None:  # noqa: ANN401 - what the way returned
            self._found[place] = result
            self._left -= 1
            if not self._left:
                errors = (one for one in self._found if isinstance(one, BaseException))
                self._ended(next(errors, self._found))

        return take


class _Inquiring(Generic[T]):
    """One inquiry on its way."""

    __slots__ = ("_ended", "_ends_at", "_inquiry", "_loop", "_party", "_place")

    def __init__(
        self,
        loop: EventLoop,
        place: int,
        inquiry: Inquiry[T],
        party: Hashable,
        ended: Ended[T],
    ) -> None:
        self._loop = loop
        self._place = place
        self._inquiry = inquiry
        self._party = party
        self._ended = ended
        self._ends_at = loop.ends_at()

    def go_on(self, found: Any) -> None:  # noqa: ANN401 - None at the start, then a list of results
        try:
            failed = isinstance(found, BaseException)
            questions = self._inquiry.throw(found) if failed else self._inquiry.send(found)
            gathered = Gathered(len(questions), self.go_on)
            left = self._ends_at - time.monotonic()
            for place, question in enumerate(questions):
                asking = self._loop.look_up(question, left)
                self._loop.run(asking, self._party, gathered.part(place))
        except StopIteration as end:
            self._ended(self._place, end.value)
        except Exception as error:  # noqa: BLE001 - one inquiry's surprise must not stop the others
            self._ended(self._place, error)
