"""The rules of money, without a registrar."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core.errors import Invalid
from nameplate.core.money import Money
from nameplate.core.purchases import (
    MAX_SENDS,
    PurchaseVerdict,
    Sent,
    Sighting,
    SpendingLimits,
    judge,
    may_renew,
    over_limit,
    price_refusal,
    years_after,
)

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATER = NOW + timedelta(days=3)
ENDS = datetime(2027, 3, 1, tzinfo=UTC)
NEW = Sent(NOW, 1, 1)
RENEWAL = Sent(NOW, 1, 2, ENDS)
V = PurchaseVerdict


@pytest.mark.parametrize(
    ("sent", "seen", "at", "verdict"),
    [
        (NEW, Sighting(), NOW, V.WAIT),
        (NEW, Sighting(), LATER, V.REPEAT),
        (Sent(NOW, MAX_SENDS, 1), Sighting(), LATER, V.FAILED),
        (NEW, Sighting(is_there=True, is_active=True), NOW, V.SETTLED),
        (NEW, Sighting(is_there=True, is_active=True, is_failed=True), NOW, V.SETTLED),
        (NEW, Sighting(is_there=True), LATER, V.WAIT),
        (NEW, Sighting(is_there=True, is_failed=True), LATER, V.FAILED),
        (NEW, Sighting(in_progress=True), LATER, V.WAIT),
        (NEW, Sighting(is_done=True), NOW, V.WAIT),
        (NEW, Sighting(is_done=True), LATER, V.UNCLEAR),
        (RENEWAL, Sighting(expires_at=ENDS), NOW, V.WAIT),
        (RENEWAL, Sighting(expires_at=ENDS), LATER, V.REPEAT),
        (RENEWAL, Sighting(expires_at=years_after(ENDS, 2)), NOW, V.SETTLED),
        (RENEWAL, Sighting(expires_at=years_after(ENDS, 1)), NOW, V.UNCLEAR),
        (RENEWAL, Sighting(expires_at=years_after(ENDS, 4)), LATER, V.UNCLEAR),
        (RENEWAL, Sighting(), LATER, V.REPEAT),
    ],
)
def test_what_became_of_an_order(
    sent: Sent, seen: Sighting, at: datetime, verdict: PurchaseVerdict
) -> None:
    assert judge(sent, seen, at, HOUR) is verdict


@given(
    st.builds(
        Sighting, st.booleans(), st.booleans(), st.sampled_from([None, ENDS, years_after(ENDS, 1)]),
        st.booleans(), st.booleans(), st.booleans(),
    ),
    st.sampled_from([NEW, RENEWAL]),
    st.integers(0, 59),
)  # fmt: skip
def test_nothing_is_repeated_while_reading_may_be_stale(
    seen: Sighting, sent: Sent, minutes: int
) -> None:
    found = judge(sent, seen, NOW + timedelta(minutes=minutes), HOUR)
    assert found is not PurchaseVerdict.REPEAT


def test_leap_days_end_a_day_before() -> None:
    assert years_after(datetime(2028, 2, 29, tzinfo=UTC), 1) == datetime(2029, 2, 28, tzinfo=UTC)


def test_prices() -> None:
    agreed = Money(1000, "USD")
    for price, premium, accepted, code in (
        (agreed, False, False, None),
        (Money(1001, "USD"), False, False, "price_changed"),
        (Money(1, "EUR"), False, False, "price_changed"),
        (agreed, True, False, "premium_not_accepted"),
        (agreed, True, True, None),
    ):
        assert price_refusal(agreed, price, is_premium=premium, accepts_premium=accepted) == code


def test_limits() -> None:
    limits = SpendingLimits(Money(2000, "USD"), Money(3000, "USD"))
    spent = [Money(1500, "USD"), Money(9999, "EUR")]
    assert over_limit(limits, Money(1500, "USD"), spent) is None
    assert "for one purchase" in (over_limit(limits, Money(2001, "USD"), ()) or "")
    assert "of this month" in (over_limit(limits, Money(1501, "USD"), spent) or "")
    assert over_limit(limits, Money(1, "EUR"), ()) is not None
    assert over_limit(SpendingLimits(), Money(10**9, "USD"), spent) is None


def test_a_renewal_is_due_from_thirty_days_before_until_thirty_after() -> None:
    for days, due in ((-31, False), (-30, True), (0, True), (30, True), (31, False)):
        assert may_renew(ENDS, ENDS + timedelta(days=days)) is due


def test_money_is_read_and_written_by_its_currency() -> None:
    for text, amount, shown in (
        ("12.50USD", 1250, "12.50 USD"),
        ("12.505 usd", 1251, "12.51 USD"),
        ("1500JPY", 1500, "1500 JPY"),
        ("1.5KWD", 1500, "1.500 KWD"),
    ):
        found = Money.parse(text)
        assert (found.amount, str(found)) == (amount, shown)
    for wrong in ("", "USD", "12", "-1USD", "1e3USD", "12.50US", "NaNUSD", "99999999999999USD"):
        with pytest.raises(Invalid) as refused:
            Money.parse(wrong)
        assert refused.value.code == "amount_invalid"
