"""Agreeing to a quote: explicitly, once, and only by whom it was made for."""

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import pytest
from tests.databases import Templates, sessions_over
from tests.registrations.shop import PRICE, Shop

from nameplate.core.errors import Conflict, NotFound, Unavailable
from nameplate.core.ids import Prefix, show
from nameplate.core.lifecycle import PurchaseStatus
from nameplate.core.money import Money
from nameplate.models import Purchase
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
