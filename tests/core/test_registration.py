"""When to speak up about a registration, and when to ask its registry again."""

from datetime import UTC, datetime, timedelta

import pytest

from nameplate.core import registration
from nameplate.core.registered import RegistryStatus

NOW = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("left", "wait"),
    [(None, 3), (400, 7), (91, 7), (60, 3), (31, 3), (30, 1), (2, 1), (0.5, 1), (-1, 1), (-400, 1)],
)
def test_the_registry_is_asked_daily_near_the_end_only(left: float | None, wait: int) -> None:
    ends = None if left is None else NOW + left * DAY
    assert registration.next_look(ends, NOW, is_troubled=False) == NOW + wait * DAY
    assert registration.next_look(ends, NOW, is_troubled=True) == NOW + DAY


def test_the_gravest_problem_is_told() -> None:
    every = frozenset(RegistryStatus)
    found = registration.problem("a.example", every, is_gone=True)
    assert found is not None
    assert found.reason == "registration_pending_delete"
    assert "a.example" in found.message
    gone = registration.problem("a.example", frozenset(), is_gone=True)
    assert gone is not None
    assert gone.reason == "registration_gone"
    harmless = {RegistryStatus.CLIENT_TRANSFER_PROHIBITED, RegistryStatus.AUTO_RENEW_PERIOD}
    assert registration.problem("a.example", harmless, is_gone=False) is None


def test_warnings_come_at_the_planned_days() -> None:
    ends = NOW + 30 * DAY
    assert registration.next_warning(ends, NOW) == ends - 14 * DAY
    assert registration.next_warning(None, NOW) is None
    assert registration.next_warning(NOW - DAY, NOW) is None
    assert "in 30 days" in (registration.warning(ends, NOW) or "")
    assert "ended on" in (registration.warning(NOW, NOW) or "")
    assert registration.warning(NOW + 61 * DAY, NOW) is None
