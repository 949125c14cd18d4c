from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core.renewal import renew_at, retry_at

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def day(lifetime: float, **known: object) -> float:
    """Return the day of its life on which a certificate is renewed."""
    moment = renew_at(START, START + lifetime * DAY, **known)  # type: ignore[arg-type]  # a table of keyword arguments
    return (moment - START) / DAY


@pytest.mark.parametrize(
    ("lifetime", "setting", "expected"),
    [
        (90, 30, 60),
        (90, 10, 60),
        (90, 40, 50),
        (90, 46, 60),
        (47, 30, 47 * 2 / 3),
        (45, 30, 30),
        (100, 30, 100 * 2 / 3),
        (6, 30, 3),
        (9.9, 30, 4.95),
        (10, 0, 10 * 2 / 3),
        (398, 30, 398 * 2 / 3),
        (398, 10**12, 398 * 2 / 3),
        (398, -5, 398 * 2 / 3),
    ],
)
def test_lifetime_decides(lifetime: float, setting: int, expected: float) -> None:
    assert day(lifetime, days_before_expiry=setting) == pytest.approx(expected)


def test_window_of_the_authority() -> None:
    window = (START + 40 * DAY, START + 42 * DAY)
    assert day(90, window=window) == 40
    assert day(90, window=window, jitter=0.5) == 41
    assert day(90, window=(START + 80 * DAY, START + 82 * DAY)) == 60


@pytest.mark.parametrize(
    "window",
    [
        (START + 40 * DAY, START + 40 * DAY),
        (START + 42 * DAY, START + 40 * DAY),
        (datetime(9999, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_senseless_windows_change_nothing(window: tuple[datetime, datetime]) -> None:
    assert day(90, window=window) == 60


def test_window_in_the_past_means_soon_but_not_in_a_loop() -> None:
    past = (START - 1000 * DAY, START - 999 * DAY)
    assert day(90, window=past) == 0.25
    assert day(1, window=past) == pytest.approx(0.05)


def test_jitter_spreads_before_the_moment() -> None:
    assert 58 <= day(90, jitter=1.0) < day(90, jitter=0.5) < day(90, jitter=0.0) == 60


moments = st.datetimes(timezones=st.just(UTC))


@given(
    moments,
    st.timedeltas(timedelta(0), timedelta(days=36500)),
    st.integers(),
    st.none() | st.tuples(moments, moments),
    st.floats(allow_nan=False),
)
def test_always_within_the_lifetime(
    start: datetime,
    lifetime: timedelta,
    setting: int,
    window: tuple[datetime, datetime] | None,
    jitter: float,
) -> None:
    try:
        end = start + lifetime
    except OverflowError:
        return
    assert start <= renew_at(start, end, setting, window, jitter) <= end


def test_back_off() -> None:
    waits = [retry_at(attempts, START) - START for attempts in (0, 1, 2, 3, 4, 5, 10**9)]
    minutes = [wait / timedelta(minutes=1) for wait in waits]
    assert minutes == [1, 1, 10, 100, 1440, 1440, 1440]
    assert retry_at(1, START, 1.0) - START == timedelta(seconds=75)


def test_back_off_of_what_was_cut_off() -> None:
    waits = [retry_at(attempts, START, is_cut_off=True) - START for attempts in (0, 1, 2, 3, 5, 9)]
    seconds = [wait / timedelta(seconds=1) for wait in waits]
    assert seconds == [8, 8, 60, 600, 86400, 86400]
    assert retry_at(1, START, 1.0, is_cut_off=True) - START == timedelta(seconds=10)
