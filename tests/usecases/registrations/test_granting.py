"""A registration is the proof of its name, for as long as it lasts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.models import world
from tests.registrations.shop import Shop

from nameplate.adapters.registrar import namecheap
from nameplate.core import configuration
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Unavailable
from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus
from nameplate.models import HoldingBasis, NameHolding
from nameplate.usecases import holders
from nameplate.usecases.registrations.registrars import Connected

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


def test_what_is_bought_in_a_trial_environment_gives_no_right(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can register any name there; who holds it here goes on holding it."""
    monkeypatch.setattr(Connected, "proves", property(lambda _: False))
    name = shop.name()
    with shop.sessions.begin(PLATFORM) as session:
        other = world.organization(session)
        world.holding(session, world.domain(session, other, name))
        owner = other.id
    shop.buy(name)
    shop.drain(until=lambda: shop.registration(name).trouble_code is not None)
    row = shop.registration(name)
    assert (row.status, row.trouble_code) == (RegistrationStatus.ACTIVE, "registration_unproved")
    with shop.sessions.begin(PLATFORM) as session:
        assert holders.holder(session, name) == owner


def test_only_names_at_the_public_registries_prove_anything() -> None:
    given = {"api_user": "acme", "client_ip": "192.0.2.1"}
    trial = {**given, "api_url": "https://api.sandbox.namecheap.com"}
    for config, proves in ((given, True), (trial, False)):
        loaded = configuration.load(namecheap.plugin.configuration, config)
        assert namecheap.plugin.proves(loaded) is proves
