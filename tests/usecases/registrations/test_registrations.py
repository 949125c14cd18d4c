"""What an organization wants of its names, and names that were there before."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.registrations.shop import Shop

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import RegistrationStatus
from nameplate.models import HoldingBasis, NameHolding, Organization, RegisteredName
from nameplate.models.deletion import soft_delete
from nameplate.ports.registrar import Act, RegistrationOrder
from nameplate.testing.registrar import CONTACT
from nameplate.usecases import holders
from nameplate.usecases.claims import domains
from nameplate.usecases.registrations import registrations


@pytest.fixture
def shop(templates: Templates, tmp_path: Path) -> Iterator[Shop]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        yield Shop(made)
        made.dispose()


def test_names_of_an_account_are_taken_up_with_their_claims(shop: Shop) -> None:
    claimed, other = shop.name(), shop.name()
    for name in (claimed, other):
        quote = shop.registrar.quote(Act.REGISTER, name, 1)
        shop.registrar.register(RegistrationOrder(name, 1, CONTACT, quote))
    with shop.sessions.begin(shop.buyer) as session:
        domains.add(session, shop.tools, shop.buyer, name=claimed)
    made = registrations.import_all(shop.sessions, shop.tools, shop.buyer)
    assert sorted(one.name for one in made) == sorted([claimed, other])
    assert registrations.import_all(shop.sessions, shop.tools, shop.buyer) == []
    with shop.sessions.begin(PLATFORM) as session:
        held = session.get_one(NameHolding, claimed)
        assert held.basis is HoldingBasis.REGISTRATION
        assert session.get(NameHolding, other) is None
    assert shop.registration(other).status is RegistrationStatus.ACTIVE


def listed(shop: Shop, name: str) -> None:
    """Have a name in the account that this installation did not buy."""
    quote = shop.registrar.quote(Act.REGISTER, name, 1)
    shop.registrar.register(RegistrationOrder(name, 1, CONTACT, quote))


def test_what_one_account_shows_keeps_nobody_from_what_another_shows(shop: Shop) -> None:
    """Anybody can list any name in an account of their own: the other one imports it all the same."""
    hostile, name = Shop(shop.sessions), shop.name()
    for one in (hostile, shop):
        listed(one, name)
        assert [row.name for row in registrations.import_all(one.sessions, one.tools, one.buyer)]
        assert registrations.import_all(one.sessions, one.tools, one.buyer) == []
    with shop.sessions.begin(shop.buyer) as session:
        mine = registrations.get(session, shop.buyer, name)
        assert mine.organization_id == shop.buyer.organization_id
    with shop.sessions.begin(PLATFORM) as session, pytest.raises(Conflict) as refused:
        registrations.get(session, PLATFORM, name)
    assert refused.value.code == "reference_ambiguous"


def test_who_has_a_name_at_the_registrar_holds_it(shop: Shop) -> None:
    """A name that moved to another organization's account is theirs as soon as the first one lost it."""
    other, name = Shop(shop.sessions), shop.name()
    shop.buy(name)
    shop.drain()
    listed(other, name)
    with shop.sessions.begin(other.buyer) as session:
        domains.add(session, other.tools, other.buyer, name=name)
    registrations.import_all(other.sessions, other.tools, other.buyer)
    row = other.registration(name)
    assert (row.status, row.trouble_code) == (RegistrationStatus.ACTIVE, "name_in_use")
    with shop.registrar.store.open() as ledger:
        del ledger.names[name]
    later = shop.now + timedelta(days=8)
    for number, one in enumerate((other, shop, other, shop, other)):
        one.now = later + number * timedelta(hours=6, minutes=5)
        one.step()
    assert shop.registration(name).status is RegistrationStatus.ENDED
    with shop.sessions.begin(PLATFORM) as session:
        assert holders.holder(session, name) == other.buyer.organization_id
    assert other.registration(name).trouble_code is None


def test_a_contact_is_sealed_and_goes_with_the_organization(shop: Shop) -> None:
    name = shop.name()
    shop.buy(name, contact=CONTACT)
    row = shop.registration(name)
    assert row.contact is not None
    assert "Ada" not in row.contact
    assert "Ada" not in repr(CONTACT)
    with shop.sessions.begin(PLATFORM) as session:
        soft_delete(session, session.get_one(Organization, row.organization_id), shop.now)
    with shop.sessions.begin(PLATFORM) as session:
        assert session.get_one(RegisteredName, row.id).contact is None
    shop.step()
    assert shop.charges(name) == []
