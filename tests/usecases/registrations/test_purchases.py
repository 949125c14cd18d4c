"""Agreeing to a quote: explicitly, once, and only by whom it was made for."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest
from tests.databases import Templates, sessions_over
from tests.registrations.shop import PRICE, Shop

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, NotFound, Unavailable
from nameplate.core.ids import Prefix, show
from nameplate.core.lifecycle import PurchaseStatus
from nameplate.core.money import Money
from nameplate.models import Account, Purchase
from nameplate.usecases.registrations import purchases

LOST = Unavailable("provider_unreachable", "No answer.")


@pytest.fixture
def shop(templates: Templates, tmp_path: Path) -> Iterator[Shop]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        yield Shop(made)
        made.dispose()


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


def test_another_organization_sees_nothing_of_a_purchase(shop: Shop) -> None:
    found = shop.quote(shop.name())
    other = Shop(shop.sessions)
    with pytest.raises(NotFound) as refused:
        shop.confirm(found, by=other.buyer)
    assert refused.value.code == "purchase_not_found"


def test_of_two_organizations_one_buys_from_the_platforms_account(shop: Shop) -> None:
    other = Shop(shop.sessions)
    with shop.sessions.begin(PLATFORM) as session:
        session.get_one(Account, shop.account_id).organization_id = None
        session.delete(session.get_one(Account, other.account_id))
    name = shop.name()
    mine, theirs = shop.quote(name), other.quote(name)
    shop.confirm(mine)
    with pytest.raises(Conflict) as refused:
        other.confirm(theirs)
    assert refused.value.code == "name_in_use"


@pytest.mark.parametrize("kind", ["", "lost-after-", "slow-"])
def test_of_two_accounts_that_are_one_at_the_registrar_one_buys(shop: Shop, kind: str) -> None:
    """While the first order is under way, the second one is not sent."""
    other = Shop(shop.sessions)
    other.registrar = shop.registrar
    name = shop.name(kind)
    mine, theirs = shop.buy(name), other.buy(name)
    shop.step()
    for _ in range(4):
        other.now = shop.now
        other.step()
    shop.drain()
    other.now = shop.now + timedelta(minutes=1)
    other.drain()
    assert shop.purchase(mine).status is PurchaseStatus.SETTLED
    assert other.purchase(theirs).status is PurchaseStatus.FAILED
    assert other.purchase(theirs).error_code == "already_in_account"
    assert shop.charges(name) == [PRICE.amount]


def test_an_order_elsewhere_delays_nobody_for_long(shop: Shop) -> None:
    """Whoever keeps an order of a name open for ever keeps nobody from buying it."""
    other = Shop(shop.sessions)
    name = shop.name()
    stuck, mine = other.buy(name), shop.buy(name)
    other.faults["register:before"] = [LOST]
    other.step()
    assert other.purchase(stuck).is_out
    shop.now = other.now
    shop.drain()
    assert shop.purchase(mine).status is PurchaseStatus.SETTLED
    assert shop.now < other.now + timedelta(minutes=2)


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
