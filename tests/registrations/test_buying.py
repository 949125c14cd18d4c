"""Buying: once, at the agreed price, and what is left of it when everything fails."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from tests.databases import Templates, sessions_over
from tests.models import world
from tests.registrations.shop import PRICE, Blind, Killed, Shop

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid, NotFound, RateLimited, Unavailable
from nameplate.core.ids import Prefix, show
from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus
from nameplate.core.money import Money
from nameplate.core.purchases import Limits
from nameplate.leases import lease
from nameplate.models import Account, HoldingBasis, NameHolding, Purchase, RegisteredName
from nameplate.ports.registrar import Act
from nameplate.usecases import holders
from nameplate.usecases.registrations import purchases

LOST = Unavailable("provider_unreachable", "No answer.")


@pytest.fixture
def shop(templates: Templates) -> Iterator[Shop]:
    made = sessions_over(templates.url("sqlite"))
    yield Shop(made)
    made.dispose()


def test_a_bought_name_is_held_with_everything_below(shop: Shop) -> None:
    name = shop.name()
    bought = shop.buy(name)
    shop.drain()
    assert shop.purchase(bought).status is PurchaseStatus.SETTLED
    assert shop.registration(name).status is RegistrationStatus.ACTIVE
    with shop.sessions.begin(PLATFORM) as session:
        assert holders.holds(session, shop.buyer.organization_id or 0, f"*.{name}")
        assert session.get_one(NameHolding, name).basis is HoldingBasis.REGISTRATION
    shop.check()


def test_the_holding_ends_with_the_registration(shop: Shop) -> None:
    name = shop.name()
    shop.buy(name)
    shop.drain()
    with shop.registrar.store.open() as ledger:
        del ledger.names[name]
    over = lambda: shop.registration(name).status is RegistrationStatus.ENDED  # noqa: E731 - asked again and again
    shop.drain(until=over)
    assert over()
    with shop.sessions.begin(PLATFORM) as session:
        assert not holders.holds(session, shop.buyer.organization_id or 0, name)


def test_who_held_a_name_that_is_registered_anew_holds_it_no_more(shop: Shop) -> None:
    name = shop.name()
    with shop.sessions.begin(PLATFORM) as session:
        other = world.organization(session)
        claim = world.domain(session, other, name)
        world.holding(session, claim)
    shop.buy(name)
    shop.drain()
    with shop.sessions.begin(PLATFORM) as session:
        assert holders.holder(session, name) == shop.buyer.organization_id


@pytest.mark.parametrize(
    "point",
    [
        *("registration:intended", "registration:sending", "registration:sent"),
        *("registration:answered", "registration:read", "registration:recorded"),
        *("register:before", "register:after"),
    ],
)
@pytest.mark.parametrize("act", [Act.REGISTER, Act.RENEW])
def test_a_worker_that_is_killed_loses_nothing_and_pays_once(
    shop: Shop, point: str, act: Act
) -> None:
    name = shop.name()
    if act is Act.RENEW:
        point = point.replace("register", "renew")
        shop.buy(name)
        shop.drain()
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


def test_a_blind_renewal_whose_answer_was_lost_is_not_sent_again(templates: Templates) -> None:
    made = sessions_over(templates.url("sqlite"))
    shop = Shop(made, Blind)
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
    made.dispose()


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


def test_premium_names_are_bought_only_explicitly(shop: Shop) -> None:
    found = shop.quote(shop.name("premium-"))
    with pytest.raises(Conflict) as refused:
        shop.confirm(found)
    assert refused.value.code == "premium_not_accepted"
    shop.confirm(found, accepts_premium=True)
    shop.drain()
    assert shop.purchase(found).status is PurchaseStatus.SETTLED


def test_less_than_the_price_is_no_agreement(shop: Shop) -> None:
    found = shop.quote(shop.name())
    for amount in (Money(999, "USD"), Money(1000, "EUR")):
        with pytest.raises(Conflict) as refused:
            shop.confirm(found, amount=amount)
        assert refused.value.code == "amount_too_low"


def test_two_clicks_are_one_purchase(shop: Shop) -> None:
    """At the same moment, on one quote and on two."""
    name = shop.name()
    found, other = shop.quote(name), shop.quote(name)
    both = Barrier(3)
    ended: list[object] = []

    def click(quoted: Purchase) -> None:
        both.wait()
        try:
            ended.append(shop.confirm(quoted).id)
        except Conflict as error:
            ended.append(error.code)

    clicks = [Thread(target=click, args=(one,)) for one in (found, found, other)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    shop.drain()
    assert shop.charges(name) == [PRICE.amount]
    assert len([one for one in shop.purchases() if one.status is PurchaseStatus.SETTLED]) == 1


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
        shop.tools, organization_limits=Limits(Money(2000, "USD"), Money(2500, "USD"))
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


@pytest.mark.parametrize("years", [0, 11, -1])
def test_impossible_years_are_refused_before_anybody_is_asked(shop: Shop, years: int) -> None:
    shop.registrar.quote = None  # type: ignore[assignment,method-assign]  # whoever asks, fails
    with pytest.raises(Invalid) as refused:
        shop.quote(shop.name(), years=years)
    assert refused.value.code == "years_invalid"


def test_what_cannot_be_registered_is_refused_before_anybody_is_asked(shop: Shop) -> None:
    shop.registrar.offers = None  # type: ignore[assignment,method-assign]  # whoever asks, fails
    for name in ("www.example.com", "co.uk", "com", "*.example.com"):
        with pytest.raises(Invalid):
            shop.quote(name)


def test_another_organization_sees_nothing_of_a_purchase(shop: Shop) -> None:
    found = shop.quote(shop.name())
    other = Shop(shop.sessions)
    with pytest.raises(NotFound) as refused:
        shop.confirm(found, by=other.buyer)
    assert refused.value.code == "purchase_not_found"


def test_of_two_organizations_one_buys(shop: Shop) -> None:
    other = Shop(shop.sessions)
    name = shop.name()
    mine, theirs = shop.quote(name), other.quote(name)
    shop.confirm(mine)
    with pytest.raises(Conflict) as refused:
        other.confirm(theirs)
    assert refused.value.code == "name_in_use"


def test_a_purchase_is_called_off_until_it_is_sent(shop: Shop) -> None:
    name = shop.name()
    found = shop.buy(name)
    with shop.sessions.begin(shop.buyer) as session:
        purchases.cancel(session, shop.buyer, show(Prefix.PURCHASE, found.id), shop.now)
    shop.drain()
    assert shop.charges(name) == []
    again = shop.buy(name)
    shop.drain()
    assert shop.purchase(again).status is PurchaseStatus.SETTLED
    with shop.sessions.begin(shop.buyer) as session, pytest.raises(Conflict) as refused:
        purchases.cancel(session, shop.buyer, show(Prefix.PURCHASE, again.id), shop.now)
    assert refused.value.code == "purchase_sent"
