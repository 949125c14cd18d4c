"""Keeping names: renewals before they end, by one side; locks; notices."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.registrations.shop import Shop

from nameplate.adapters.registrar.memory import SandboxConfiguration
from nameplate.core.errors import Unavailable
from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus
from nameplate.models import RenewedBy
from nameplate.ports.registrar import Act
from nameplate.usecases.registrations import registrations


@pytest.fixture
def shop(templates: Templates, tmp_path: Path) -> Iterator[Shop]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        yield Shop(made)
        made.dispose()


def live(shop: Shop, days: int) -> None:
    """Let so many days pass, with a worker that looks at what is due."""
    end = shop.now + timedelta(days=days)
    while shop.now < end:
        shop.step()
        due = shop.next_due() or end
        shop.now = min(max(due, shop.now + timedelta(minutes=1)), end)


def test_three_years_are_kept_by_whoever_is_to_renew(shop: Shop) -> None:
    """By us through three days without an answer, by the registrar never twice, and by nobody never."""
    ours, theirs, none = shop.name(), shop.name(), shop.name()
    for name, by in (
        (ours, RenewedBy.NAMEPLATE), (theirs, RenewedBy.REGISTRAR), (none, RenewedBy.NONE),
    ):  # fmt: skip
        shop.buy(name, renewed_by=by)
    shop.drain()
    live(shop, 340)
    shop.faults["quote"] = [Unavailable("provider_unreachable", "No answer.")] * 5
    live(shop, 3 * 365 - 340)
    acts = [(one.name, one.act) for one in shop.purchases() if one.status is PurchaseStatus.SETTLED]
    assert acts.count((ours, Act.RENEW)) == 3
    assert [name for name, act in acts if act is Act.RENEW and name != ours] == []
    assert shop.registration(theirs).registrar_renews is True
    assert shop.registration(none).registrar_renews is False
    assert shop.registration(none).status is RegistrationStatus.REDEMPTION
    renewed = [one for one in shop.purchases() if one.name == ours and one.act is Act.RENEW]
    for one in renewed:
        assert one.starts_from is not None
        assert one.sent_at is not None
        assert timedelta(0) < one.starts_from - one.sent_at <= timedelta(days=30)
        assert one.confirmed_by == "auto-renewal"


def test_a_registrar_that_renews_is_told_not_to(shop: Shop) -> None:
    name = shop.name()
    shop.buy(name)
    shop.drain()
    shop.registrar.set_auto_renew(name, on=True)
    shop.now += timedelta(days=8)
    shop.step()
    shown = shop.registrar.registration(name)
    assert shown is not None
    assert shown.auto_renew is False


def test_an_end_that_comes_is_told_once_for_each_threshold(shop: Shop) -> None:
    name = shop.name()
    shop.buy(name, renewed_by=RenewedBy.NONE)
    shop.drain()
    live(shop, 320)
    assert shop.registration(name).expiry_notice_days == 60
    live(shop, 44)
    assert shop.registration(name).expiry_notice_days in {0, 1}


def test_a_lock_follows_what_is_wanted(shop: Shop) -> None:
    name = shop.name()
    shop.buy(name)
    shop.drain()
    with shop.sessions.begin(shop.buyer) as session:
        registrations.update(session, shop.buyer, name, shop.now, locked=False)
    shop.step()
    shown = shop.registrar.registration(name)
    assert shown is not None
    assert shown.is_locked is False


def test_too_little_money_is_told_a_month_before_the_renewal(shop: Shop) -> None:
    name, theirs = shop.name(), shop.name()
    shop.buy(name)
    shop.buy(theirs, renewed_by=RenewedBy.NONE)
    shop.drain()
    shop.registrar._config = SandboxConfiguration(balance=2500)  # of which 2000 are spent
    live(shop, 300)
    assert shop.registration(name).trouble_code is None
    live(shop, 20)
    told = shop.registration(name)
    assert (told.trouble_code, told.status) == ("balance_low", RegistrationStatus.ACTIVE)
    assert "has 5.00 USD" in str(told.trouble_message)
    assert "costs 10.00 USD" in str(told.trouble_message)
    assert len(shop.purchases()) == 2
    assert shop.registration(theirs).trouble_code is None
    shop.registrar._config = SandboxConfiguration(balance=10_000)
    live(shop, 10)
    assert shop.registration(name).trouble_code is None
    live(shop, 10)
    assert shop.purchases()[-1].status is PurchaseStatus.SETTLED
