"""Buying: once, at the agreed price, whatever fails or dies."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.registrations.shop import PRICE, Blind, Killed, Shop

from nameplate.adapters.registrar.ledger import Stale
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid, RateLimited, Unavailable
from nameplate.core.ids import Prefix, show
from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus
from nameplate.core.money import Money
from nameplate.core.purchases import SpendingLimits
from nameplate.leases import lease
from nameplate.models import Account, RegisteredName, RenewedBy
from nameplate.ports.registrar import Act
from nameplate.usecases.registrations import purchases

LOST = Unavailable("provider_unreachable", "No answer.")


@pytest.fixture
def shop(templates: Templates, tmp_path: Path) -> Iterator[Shop]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        yield Shop(made)
        made.dispose()


@pytest.mark.parametrize(
    "point",
    [
        *("registration:intended", "registration:sending", "registration:sent"),
        *("registration:answered", "registration:read", "registration:recorded"),
        *("register:before", "register:after"),
    ],
)
@pytest.mark.parametrize("act", [Act.REGISTER, Act.RENEW, Act.REACTIVATE])
def test_a_worker_that_is_killed_loses_nothing_and_pays_once(
    shop: Shop, point: str, act: Act
) -> None:
    name = shop.name()
    point = point.replace("register", act.value)
    if act is not Act.REGISTER:
        shop.buy(name, renewed_by=RenewedBy.NONE)
        shop.drain()
    if act is Act.REACTIVATE:
        shop.lose(name)
    found = shop.buy(name, act)
    shop.faults[point] = [Killed()]
    shop.drain()
    assert shop.faults[point] == []
    assert shop.purchase(found).status is PurchaseStatus.SETTLED
    shop.check()


@pytest.mark.parametrize("kind", ["lost-before-", "lost-after-", "lost-after-stale-", "slow-"])
def test_a_lost_answer_is_looked_for_and_not_paid_again(shop: Shop, kind: str) -> None:
    name = shop.name(kind)
    found = shop.buy(name)
    shop.step()
    assert shop.purchase(found).is_out
    shop.drain()
    assert shop.purchase(found).status is PurchaseStatus.SETTLED
    assert shop.charges(name) == [PRICE.amount]
    shop.check()


def test_a_blind_renewal_whose_answer_was_lost_is_not_sent_again(shop: Shop) -> None:
    shop = Shop(shop.sessions, Blind)
    name = shop.name("stale-")
    shop.buy(name)
    shop.drain()
    shop.now += timedelta(minutes=1)
    shop.step()
    found = shop.buy(name, Act.RENEW, years=2)
    shop.faults["renew:after"] = [LOST]
    shop.drain()
    assert shop.purchase(found).status is PurchaseStatus.SETTLED
    assert shop.charges(name) == [PRICE.amount, 2 * PRICE.amount]
    shop.check()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_reactivation_is_paid_once(shop: Shop, when: str) -> None:
    """Also when reading shows the redemption for longer than the registrar says."""
    name = shop.name()
    shop.buy(name, renewed_by=RenewedBy.NONE)
    shop.drain()
    shop.lose(name)
    found = shop.buy(name, Act.REACTIVATE)
    shop.faults[f"reactivate:{when}"] = [LOST]
    lapsed = shop.registrar.registration(name)
    shop.step()
    assert shop.purchase(found).is_out
    with shop.registrar.store.open() as ledger:
        ledger.stale[name] = Stale(shop.now + timedelta(minutes=5), lapsed)
    shop.drain()
    assert shop.purchase(found).status is PurchaseStatus.SETTLED
    assert shop.registration(name).status is RegistrationStatus.ACTIVE
    shop.check()


def test_what_is_back_already_is_not_reactivated(shop: Shop) -> None:
    name = shop.name()
    shop.buy(name, renewed_by=RenewedBy.NONE)
    shop.drain()
    with pytest.raises(Conflict) as refused:
        shop.quote(name, Act.REACTIVATE)
    assert refused.value.code == "name_not_in_redemption"
    shop.lose(name)
    with pytest.raises(Conflict) as late:
        shop.quote(name, Act.RENEW)
    assert late.value.code == "name_in_redemption"
    with pytest.raises(Invalid) as many:
        shop.quote(name, Act.REACTIVATE, years=2)
    assert many.value.code == "years_invalid"
    found = shop.buy(name, Act.REACTIVATE)
    shop.registrar.reactivate(name, shop.registrar.quote(Act.REACTIVATE, name, 1))
    shop.drain()
    assert shop.purchase(found).error_code == "name_not_in_redemption"
    assert shop.charges(name) == [PRICE.amount] * 2


def test_what_had_no_effect_and_is_no_longer_agreed_to_ends(shop: Shop) -> None:
    """The order was lost before it came there, and then the confirmation was too old."""
    name = shop.name("lost-before-")
    found = shop.buy(name)
    shop.step()
    assert shop.purchase(found).is_out
    shop.now += timedelta(days=4)
    shop.drain(most=10)
    ended = shop.purchase(found)
    assert (ended.status, ended.error_code) == (PurchaseStatus.FAILED, "confirmation_expired")
    assert shop.charges(name) == []
    shop.check()


def test_a_late_failure_ends_the_purchase_and_frees_the_name(shop: Shop) -> None:
    name = shop.name("late-failure-")
    found = shop.buy(name)
    shop.drain()
    assert shop.purchase(found).status is PurchaseStatus.FAILED
    assert shop.registration(name).status is RegistrationStatus.CANCELLED
    assert shop.registration(name).contact is None
    shop.check()


def test_a_rate_limit_says_that_nothing_was_done(shop: Shop) -> None:
    name = shop.name()
    found = shop.buy(name)
    shop.faults["register:before"] = [RateLimited("rate_limited", "Wait.", timedelta(seconds=30))]
    shop.step()
    assert shop.purchase(found).status is PurchaseStatus.INTENDED
    shop.drain()
    assert shop.purchase(found).status is PurchaseStatus.SETTLED
    shop.check()


def test_a_price_above_the_agreed_one_buys_nothing(shop: Shop) -> None:
    name = shop.name("dearer-")
    found = shop.buy(name)
    shop.drain()
    assert shop.purchase(found).error_code == "price_changed"
    assert shop.charges(name) == []


def test_a_paused_worker_does_not_send(shop: Shop) -> None:
    """It has checked everything, and another worker has the row by now."""
    name = shop.name()
    shop.buy(name)
    shop.now += timedelta(seconds=5)
    with shop.sessions.begin(PLATFORM) as session:
        (first,) = lease(session, RegisteredName, limit=1, seconds=60, now=shop.now)
    shop.now += timedelta(seconds=61)
    with shop.sessions.begin(PLATFORM) as session:
        (second,) = lease(session, RegisteredName, limit=1, seconds=60, now=shop.now)
    shop.reconcile(first)
    assert shop.charges(name) == []
    shop.reconcile(second)
    shop.drain()
    assert shop.charges(name) == [PRICE.amount]


def test_over_a_limit_it_waits_for_the_operator(shop: Shop) -> None:
    shop.tools = replace(
        shop.tools, organization_limits=SpendingLimits(Money(2000, "USD"), Money(2500, "USD"))
    )
    first, second = shop.buy(shop.name(), years=2), shop.buy(shop.name())
    large = shop.buy(shop.name(), years=3)
    shop.drain()
    told = [shop.purchase(one) for one in (first, second, large)]
    waiting = PurchaseStatus.WAITING
    assert [one.status for one in told] == [PurchaseStatus.SETTLED, waiting, waiting]
    assert "30.00 USD is over the limit of 20.00 USD" in (told[2].waits_because or "")
    with shop.sessions.begin(PLATFORM) as session:
        purchases.approve(session, PLATFORM, show(Prefix.PURCHASE, large.id), shop.now)
    shop.drain()
    assert shop.purchase(large).status is PurchaseStatus.SETTLED
    shop.check()


def test_nothing_is_bought_from_the_platforms_account_without_a_limit(shop: Shop) -> None:
    with shop.sessions.begin(PLATFORM) as session:
        session.get_one(Account, shop.account_id).organization_id = None
    found = shop.buy(shop.name())
    shop.drain()
    assert shop.purchase(found).status is PurchaseStatus.WAITING
    by_operator = shop.confirm(shop.quote(shop.name()), by=PLATFORM)
    shop.drain()
    assert shop.purchase(by_operator).status is PurchaseStatus.SETTLED


def test_a_low_balance_is_said_and_overcome(shop: Shop) -> None:
    shop.registrar._config = replace(shop.config, balance=500)
    name = shop.name()
    found = shop.buy(name)
    shop.step()
    assert shop.registration(name).trouble_code == "balance_low"
    assert shop.registration(name).waits_for == f"account:{shop.account_id}"
    shop.registrar._config = shop.config
    shop.drain()
    assert shop.purchase(found).status is PurchaseStatus.SETTLED
    assert shop.registration(name).trouble_code is None
