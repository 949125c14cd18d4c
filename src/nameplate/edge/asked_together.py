"""Questions that come at one time, answered together: a thousand agents ask within a second of a change."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from nameplate.core.errors import Unavailable

_EVERYBODYS = (Unavailable, SQLAlchemyError)
"""What fails for every key alike."""
K = TypeVar("K")
V = TypeVar("V")


class AskedTogether(Generic[K, V]):
    """Answers by key. Nobody is answered with what was read before it asked.

    It belongs to one event loop.
    """

    def __init__(
        self,
        answer: Callable[[list[K]], Awaitable[Mapping[K, V]]],
        weight: Callable[[K], int],
        most: int,
    ) -> None:
        """Have `answer` asked for some keys together, until they weigh `most` or more."""
        self._answer = answer
        self._weight = weight
        self._most = most
        self._asked: dict[K, asyncio.Future[V | None]] = {}
        self._working: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """Return the answer, None where there is none. Raises what `answer` raises for this key."""
        if key not in self._asked:
            made: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
            made.add_done_callback(_look)
            self._asked[key] = made
        asked = self._asked[key]
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await asyncio.shield(asked)  # another one may wait for the same

    async def _work(self) -> None:
        await asyncio.sleep(0)  # all that can ask now does so first
        while self._asked:
            asked = {key: self._asked.pop(key) for key in list(self._some())}
            await self._settle(asked)

    def _some(self) -> Iterator[K]:
        left = self._most
        for key in self._asked:
            left -= self._weight(key)
            yield key
            if left <= 0:
                return

    async def _settle(self, asked: Mapping[K, "asyncio.Future[V | None]"]) -> None:
        """Answer, each for itself where that fails together: one key's trouble is not the others'.

        A database that is away is everybody's: who asks is told so once, and not one after the other.
        """
        try:
            found = await self._answer(list(asked))
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            if len(asked) > 1 and not isinstance(error, _EVERYBODYS):
                for key, one in asked.items():
                    await self._settle({key: one})
                return
            for one in asked.values():
                if not one.done():
                    one.set_exception(error)
            return
        for key, one in asked.items():
            if not one.done():
                one.set_result(found.get(key))


def _look(settled: "asyncio.Future[V | None]") -> None:
    """Look at an error that nobody waits for any more: else asyncio complains of it."""
    if not settled.cancelled():
        settled.exception()
