"""Questions that come at one time."""

import asyncio
from collections.abc import Mapping

import pytest

from nameplate.core.errors import Unavailable
from nameplate.edge.asked_together import AskedTogether


class Answers:
    """Answers with the number of the asking, and keeps what was asked together."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.failing: set[str] = set()
        self.unknown: set[str] = set()
        self.held: asyncio.Event | None = None

    async def __call__(self, keys: list[str]) -> Mapping[str, int]:
        self.asked.append(keys)
        number = len(self.asked)
        if self.held is not None:
            await self.held.wait()
        if self.failing & set(keys):
            raise ValueError("broken")
        return {key: number for key in keys if key not in self.unknown}


def _asked(answers: Answers, most: int = 10, weight: int = 1) -> "AskedTogether[str, int]":
    return AskedTogether(answers, lambda _: weight, most)


def test_what_comes_at_one_time_is_asked_together() -> None:
    async def run() -> None:
        answers = Answers()
        together = _asked(answers)
        assert await asyncio.gather(*map(together.get, "abca")) == [1, 1, 1, 1]
        assert answers.asked == [["a", "b", "c"]]
        assert await together.get("a") == 2

    asyncio.run(run())


def test_as_much_as_is_right_at_a_time() -> None:
    async def run() -> None:
        answers = Answers()
        await asyncio.gather(*map(_asked(answers, most=4, weight=2).get, "abcde"))
        assert answers.asked == [["a", "b"], ["c", "d"], ["e"]]
        large = Answers()
        await asyncio.gather(*map(_asked(large, most=4, weight=100).get, "ab"))
        assert large.asked == [["a"], ["b"]]

    asyncio.run(run())


def test_nobody_gets_what_was_read_before_it_asked() -> None:
    async def run() -> None:
        answers = Answers()
        answers.held = asyncio.Event()
        together = _asked(answers)
        first = asyncio.create_task(together.get("a"))
        while not answers.asked:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
        second = asyncio.create_task(together.get("a"))
        await asyncio.sleep(0)
        answers.held.set()
        assert (await first, await second) == (1, 2)

    asyncio.run(run())


def test_what_fails_fails_for_itself() -> None:
    async def run() -> None:
        answers = Answers()
        answers.failing, answers.unknown = {"b"}, {"c"}
        together = _asked(answers)
        found = await asyncio.gather(*map(together.get, "abc"), return_exceptions=True)
        assert found[0] is not None
        assert isinstance(found[1], ValueError)
        assert found[2] is None

    asyncio.run(run())


def test_a_database_that_is_away_is_asked_once() -> None:
    async def away(keys: list[str]) -> Mapping[str, int]:
        asked.append(keys)
        raise Unavailable("database_unavailable", "The database is away.")

    async def run() -> None:
        together = AskedTogether(away, lambda _: 1, 10)
        found = await asyncio.gather(*map(together.get, "abc"), return_exceptions=True)
        assert all(isinstance(one, Unavailable) for one in found)
        assert asked == [["a", "b", "c"]]

    asked: list[list[str]] = []
    asyncio.run(run())


def test_who_leaves_takes_no_answer_from_others() -> None:
    async def run() -> None:
        answers = Answers()
        answers.held = asyncio.Event()
        together = _asked(answers)
        leaving, staying = (asyncio.create_task(together.get("a")) for _ in range(2))
        while not answers.asked:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        answers.held.set()
        assert await staying == 1

    asyncio.run(run())
