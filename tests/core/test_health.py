"""Thresholds of health checks, and the patience with what comes and goes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core import health
from nameplate.core.health import HealthMemory
from nameplate.core.lifecycle import HealthStatus

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
WELL, ODD, BAD = HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.UNHEALTHY


def watched(
    levels: str,
    memory: HealthMemory = health.STEADY,
    status: HealthStatus = WELL,
    at: datetime = NOW,
) -> tuple[HealthMemory, list[HealthStatus]]:
    """Return what is left and each health after looks: `b` bad, `o` odd, else well."""
    found = []
    for letter in levels:
        at += timedelta(seconds=5)
        level = {"b": BAD, "o": ODD}.get(letter, WELL)
        memory, status = health.after(memory, status, level, at)
        found.append(status)
    return memory, found


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ("www", "hhh"),
        ("b", "d"),
        ("bw", "dd"),
        ("bww", "ddh"),
        ("bbb", "ddu"),
        ("bbbb", "dduu"),
        ("bbbww", "ddudh"),
        ("bbbwbwb", "ddudddd"),
        ("bwbwbwbw", "dddddddd"),
        ("bbbwo", "ddudd"),
        ("ow", "dh"),
    ],
)
def test_three_bad_looks_and_two_good_ones(looks: str, expected: str) -> None:
    assert "".join(one.value[0] for one in watched(looks)[1]) == expected


def test_what_falls_ill_again_soon_is_watched_for_longer_each_time() -> None:
    memory, needed = health.STEADY, []
    status, at = WELL, NOW
    for _ in range(8):
        memory, _ = watched("bbb", memory, status, at)
        needed.append(memory.needed)
        memory, found = watched("w" * memory.needed, memory, BAD, at)
        assert found[:-1] == [ODD] * (len(found) - 1)
        assert found[-1] is WELL
        at += timedelta(minutes=20)
    assert needed == [2, 4, 8, 16, 32, 64, 64, 64]
    memory, _ = watched("bbb", memory, WELL, at + timedelta(hours=2))
    assert memory.needed == 2, "it was calm for an hour"


@given(st.text("bwo", max_size=60))
def test_no_look_is_silent(looks: str) -> None:
    """After a bad look nothing is called healthy, and what was not bad lately is never unhealthy."""
    memory, found = watched(looks)
    for letter, status in zip(looks, found, strict=True):
        assert status is not WELL or letter == "w"
        assert status is not BAD or letter == "b"
    assert memory.bad == len(looks) - len(looks.rstrip("b"))
    assert health.missing(memory) == 0 or memory.is_unsettled


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([(50, False), (50, False)], [50, 50]),
        ([(50, True), (50, False)], [0, 50]),
        ([(50, True), (50, True)], [50, 50]),
        ([(50, True), (0, False)], [50, 0]),
        ([(100, True)], [100]),
        ([(1, False), (99, True), (0, True)], [1, 0, 0]),
    ],
)
def test_what_is_ill_gets_nothing_while_another_is_well(
    targets: list[tuple[int, bool]], expected: list[int]
) -> None:
    assert health.shares(targets) == expected


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=20))
def test_somebody_always_gets_something(targets: list[tuple[int, bool]]) -> None:
    shares = health.shares(targets)
    assert any(shares) == any(weight for weight, _ in targets)
    assert all(share in {0, weight} for share, (weight, _) in zip(shares, targets, strict=True))


def test_a_target_that_never_answered_is_not_down() -> None:
    memory = health.STEADY
    for _ in range(5):
        memory = health.after_target(memory, is_well=False)
    assert not memory.is_down
    memory = health.after_target(memory, is_well=True)
    for _ in range(3):
        memory = health.after_target(memory, is_well=False)
    assert memory.is_down
    assert not health.after_target(memory, is_well=True).is_up
