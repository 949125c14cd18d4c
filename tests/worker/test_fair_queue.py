"""Owners are served in turn, and one whose work takes long keeps no thread from others."""

from heapq import heappop, heappush

from nameplate.worker.fair_queue import FairQueue

HOSTILE, HONEST = 1, 2


def _simulated(threads: int, seconds: dict[int, float], most_each: int) -> list[float]:
    """Return when each name of the honest owner began, which puts one every 10 s of a clock of ours."""
    queue: FairQueue[float] = FairQueue(most_each)
    for _ in range(10_000):
        queue.put(HOSTILE, 0.0)
    began, ends, now, asked = [], list[tuple[float, int]](), 0.0, 0.0
    while now < 300:
        while asked <= now:
            queue.put(HONEST, asked)
            asked += 10
        while len(ends) < threads and (taken := queue.take()) is not None:
            owner, since = taken
            heappush(ends, (now + seconds[owner], owner))
            if owner == HONEST:
                began.append(now - since)
        now, owner = heappop(ends)
        queue.done(owner)
    return began


def test_ten_thousand_dead_names_of_one_keep_no_other_waiting() -> None:
    waits = _simulated(6, {HOSTILE: 5.0, HONEST: 0.1}, 3)
    assert len(waits) >= 29
    assert max(waits) <= 5.0, "the end of the one look after which the clock goes on"


def test_nothing_begins_while_an_owner_has_its_part_of_the_threads() -> None:
    queue: FairQueue[str] = FairQueue(1)
    queue.put(HOSTILE, "first")
    queue.put(HOSTILE, "second")
    assert queue.take() == (HOSTILE, "first")
    assert queue.take() is None
    queue.put(HONEST, "other")
    assert queue.take() == (HONEST, "other")
    assert not queue.done(HONEST)
    assert queue.done(HOSTILE)
    assert queue.take() == (HOSTILE, "second")
