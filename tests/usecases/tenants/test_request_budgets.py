"""Requests counted over all workers: together they stay within a provider's limits."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from nameplate.adapters.vendors.namecheap import LIMITS, SHARED_LIMITS
from nameplate.core.actor import PLATFORM
from nameplate.core.budget import Limit, spend
from nameplate.db import Sessions
from nameplate.models import Budget
from nameplate.usecases.tenants.request_budgets import counted

DAY = Limit(3, timedelta(days=1))


def test_two_workers_share_what_is_left(sessions: Sessions) -> None:
    """Whoever asks first; a turn that is refused by one limit takes nothing of the other."""
    takes = [counted(sessions), counted(sessions)]
    limits = (DAY, Limit(100, DAY.period))
    told: list[timedelta] = []

    def work(number: int) -> None:
        for _ in range(3):
            # Whoever waited for the row began before the others, and is told to wait that moment.
            while (wait := takes[number % 2]("vendor:1", limits)) and wait < timedelta(seconds=1):
                time.sleep(wait.total_seconds())
            told.append(wait)

    workers = [Thread(target=work, args=(number,)) for number in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert Counter(not one for one in told) == {True: 3, False: 9}
    assert all(timedelta(hours=7) < one < timedelta(hours=8, minutes=1) for one in told if one)
    assert not takes[0]("vendor:2", (DAY,)), "another account has its own"
    with sessions.begin(PLATFORM) as session:
        other = session.get_one(Budget, "vendor:1:1").arrival_at - datetime.now(UTC)
        assert other <= 3 * Limit(100, DAY.period).interval


@pytest.mark.parametrize(("most", "seconds"), LIMITS)
def test_what_namecheap_allows_is_never_passed(most: int, seconds: float) -> None:
    """Also by one who asks all the time, and after any pause."""
    begin = now = datetime(2026, 1, 1, tzinfo=UTC)
    arrivals = [now] * len(SHARED_LIMITS)
    sent: list[datetime] = []
    while now < begin + timedelta(days=3):
        spent = [spend(at, now, one) for at, one in zip(arrivals, SHARED_LIMITS, strict=True)]
        wait = max(wait for _, wait in spent)
        if wait:
            now += wait
            continue
        arrivals = [at for at, _ in spent]
        sent.append(now)
        if len(sent) in {500, 9000}:
            now += timedelta(hours=5)
    window, first = timedelta(seconds=seconds), 0
    for last, at in enumerate(sent):
        while sent[first] <= at - window:
            first += 1
        assert last - first + 1 <= most
