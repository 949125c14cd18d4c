"""How long a proof counts, and the ends of grace and keeping."""

from datetime import UTC, datetime, timedelta

import pytest

from nameplate.core.proof_life import ProofLife, longest_reuse

NOW = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("at", "days"),
    [
        (datetime(2026, 3, 14, tzinfo=UTC), 398),
        (datetime(2026, 3, 15, tzinfo=UTC), 200),
        (datetime(2027, 3, 14, 23, 59, tzinfo=UTC), 200),
        (datetime(2027, 3, 15, tzinfo=UTC), 100),
        (datetime(2029, 3, 15, tzinfo=UTC), 10),
        (datetime(2040, 1, 1, tzinfo=UTC), 10),
    ],
)
def test_authorities_may_use_a_proof_as_long_as_their_rules_say_on_that_day(at, days):
    assert longest_reuse(at) == timedelta(days=days)


def test_a_proof_counts_as_set_and_no_longer_than_an_authority_may_use_it():
    life = ProofLife(reproof=timedelta(days=150))
    assert life.reproof_at(NOW) == timedelta(days=150)
    assert life.reproof_at(datetime(2027, 4, 1, tzinfo=UTC)) == timedelta(days=100)
    assert ProofLife().reproof_at(datetime(2029, 4, 1, tzinfo=UTC)) == timedelta(days=10)
    assert ProofLife().until(NOW) == NOW + timedelta(days=37)


def test_notices_are_due_at_0_3_and_6_days():
    life = ProofLife()
    due = [life.notices_due(NOW, NOW + day * DAY) for day in range(8)]
    assert due == [1, 1, 1, 2, 2, 2, 3, 3]


def test_a_short_grace_has_its_notices_within_it():
    life = ProofLife(grace=DAY)
    assert life.notices_due(NOW, NOW + DAY) == 1
    assert life.is_over(NOW, (1, NOW), NOW + DAY)


def test_no_grace_is_over_before_every_notice_was_given():
    life = ProofLife()
    late = NOW + 30 * DAY
    assert not life.is_over(NOW, (1, NOW), late), "a worker that was away"
    assert not life.is_over(NOW, (3, late), late), "a clock that jumped"
    assert life.is_over(NOW, (3, late), late + DAY)
    assert life.is_over(NOW, (3, NOW + 6 * DAY), NOW + 7 * DAY)
