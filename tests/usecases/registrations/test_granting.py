"""A registration is the proof of its name, for as long as it lasts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.models import world
from tests.registrations.shop import Shop

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Unavailable
from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus
from nameplate.models import HoldingBasis, NameHolding
from nameplate.usecases import holders

LOST = Unavailable("provider_unreachable", "No answer.")


@pytest.fixture
def shop(templates: Templates, tmp_path: Path) -> Iterator[Shop]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
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
