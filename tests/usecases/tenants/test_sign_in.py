"""Budgets of sign-in on every database: taken with each attempt, given back when it was right."""

from datetime import timedelta

import pytest

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import RateLimited
from nameplate.db import Sessions, database_now
from nameplate.usecases.tenants import sign_in_budgets as budgets


def test_attempts_are_counted_by_browser_network_and_address(sessions: Sessions) -> None:
    assert len(budgets.buckets("ada@example.com", "192.0.2.7", 7)) == 1
    one = budgets.buckets("ada@example.com", "2001:db8::1", None)
    assert one == budgets.buckets("ada@example.com", "2001:db8::ffff", None)  # one customer
    assert one != budgets.buckets("ada@example.com", "2001:db8:0:1::1", None)
    with sessions.begin(PLATFORM) as session:
        now = database_now(session)
        for _ in range(10):
            budgets.take(session, one, now)
        with pytest.raises(RateLimited) as delayed:
            budgets.take(session, one, now)
        wait = delayed.value.retry_after
        assert wait is not None
        assert timedelta(0) < wait <= timedelta(seconds=90)
        budgets.give_back(session, one)
        budgets.take(session, one, now)
