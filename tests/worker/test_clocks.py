"""A clock that differs from the database's is said, and not with every look."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from nameplate.worker.clocks import TOLERANCE, Clocks

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead", "lines"),
    [
        (timedelta(hours=25), [90_000]),
        (timedelta(hours=-25), [-90_000]),
        (TOLERANCE, []),
        (timedelta(0), []),
    ],
)
def test_a_difference_is_said_once(
    ahead: timedelta, lines: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    clocks = Clocks()
    with caplog.at_level(logging.INFO, "nameplate"):
        for _ in range(3):
            clocks.compare(NOW + ahead, NOW)
    assert [vars(one)["seconds_ahead"] for one in caplog.records] == lines
