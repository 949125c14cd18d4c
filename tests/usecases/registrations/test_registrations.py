"""What an organization wants of its names, and names that were there before."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.registrations.shop import Shop

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.lifecycle import RegistrationStatus
from nameplate.models import HoldingBasis, NameHolding, Organization, RegisteredName
from nameplate.models.deletion import soft_delete
from nameplate.ports.registrar import Act, RegistrationOrder
from nameplate.testing.registrar import CONTACT
from nameplate.usecases.claims import domains
from nameplate.usecases.registrations import registrations


@pytest.fixture
def shop(templates: Templates, tmp_path: Path) -> Iterator[Shop]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        yield Shop(made)
        made.dispose()


def test_name_servers_are_set_and_kept(shop: Shop) -> None:
    name = shop.name()
    shop.buy(name)
    shop.drain()
    with shop.sessions.begin(shop.buyer) as session:
        registrations.delegate(
            session, shop.buyer, name, shop.now, ["NS2.example.net.", "ns1.example.net"]
        )
    shop.step()
    shop.now += timedelta(minutes=3)
    shop.step()
    assert shop.registration(name).name_servers == ["ns1.example.net", "ns2.example.net"]
    with shop.sessions.begin(shop.buyer) as session:
        for wrong in (["localhost"], ["192.0.2.1"], [f"ns{n}.example.net" for n in range(14)]):
            with pytest.raises(Invalid):
                registrations.delegate(session, shop.buyer, name, shop.now, wrong)
        with pytest.raises(Conflict) as refused:
            registrations.delegate(session, shop.buyer, name, shop.now)
        assert refused.value.code == "domain_without_dns"


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
