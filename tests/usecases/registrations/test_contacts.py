"""Contacts and privacy of registrations: sent once, read back, and told to nobody else."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.databases import Templates, sessions_over
from tests.fakes.namecheap_names import FakeNamecheapNames
from tests.registrations.shop import Killed, Shop

from nameplate.adapters.http.client import Api
from nameplate.adapters.registrar.manual import ManualRegistrar
from nameplate.adapters.registrar.memory import SandboxRegistrar
from nameplate.adapters.registrar.namecheap import NamecheapRegistrar
from nameplate.adapters.vendors.namecheap import NamecheapApi
from nameplate.core.actor import PLATFORM
from nameplate.core.contacts import Contact
from nameplate.core.errors import Conflict, NotFound, Refused
from nameplate.core.lifecycle import RegistrationStatus
from nameplate.core.secret import Secret
from nameplate.models import Event, RegisteredName, RenewedBy
from nameplate.ports.registrar import Operation, Registrar
from nameplate.usecases.registrations import contacts, registrations

ADA = Contact(
    "Wilhelmina", "Quaxley", "wq@example.com", "+44.2071234567", "9 Zephyr Mews", "London", "N1 9GU", "GB",
)  # fmt: skip
BOB = Contact(
    "Bartholomew", "Quaxley", "bq@example.com", "+44.2071234568", "9 Zephyr Mews", "London", "N1 9GU", "GB",
)  # fmt: skip
OWN = "own.com"


class Counting(SandboxRegistrar):
    """A registrar that counts the contacts it was sent; a test may add what happens then."""

    sent = 0

    def set_contact(self, name: str, contact: Contact) -> Operation:
        """Take it, and fail afterwards as planned."""
        done = super().set_contact(name, contact)
        self.sent += 1
        self._play("set_contact:after", name)
        return done


class Deaf(Counting):
    """A registrar that goes on showing another contact."""

    def shows_contact(self, name: str, contact: Contact, *, exactly: bool) -> bool:
        """Show none that was sent."""
        del name, contact, exactly
        return False


@pytest.fixture
def shop(templates: Templates, tmp_path: Path) -> Iterator[Shop]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        yield Shop(made, kind=Counting)
        made.dispose()


def bought(shop: Shop) -> str:
    name = shop.name()
    shop.buy(name, contact=ADA, renewed_by=RenewedBy.NONE)
    shop.drain()
    return name


def change(shop: Shop, name: str, contact: Contact) -> RegisteredName:
    return contacts.change(shop.sessions, shop.tools, shop.buyer, name, contact)


def later(shop: Shop, minutes: int = 3) -> None:
    shop.now = max(shop.now, datetime.now(UTC)) + timedelta(minutes=minutes)
    shop.step()


def sent(shop: Shop) -> int:
    assert isinstance(shop.registrar, Counting)
    return shop.registrar.sent


def test_a_contact_is_sent_once_and_read_back(shop: Shop) -> None:
    name = bought(shop)
    row = change(shop, name, BOB)
    assert contacts.read(row, shop.tools.keyring) == BOB
    assert (row.contact_wanted_at is None, row.contact_sent_at) == (False, None)
    shop.step()
    row = shop.registration(name)
    assert row.contact_wanted_at is not None
    assert row.contact_sent_at is not None
    assert shop.registrar.shows_contact(name, BOB, exactly=True)
    later(shop)
    row = shop.registration(name)
    assert (row.contact_wanted_at, row.contact_sent_at, sent(shop)) == (None, None, 1)
    with shop.sessions.begin(PLATFORM, read_only=True) as session:
        told = session.scalars(sa.select(Event)).all()
        types = [one.type for one in told]
        shown = json.dumps([(one.before, one.after) for one in told])
    assert "registration.contact_taken" in types
    assert "(changed)" in shown
    said = {text for one in (ADA, BOB) for text in one.as_json().values() if len(text) > 2}
    assert not [text for text in said if text in shown]


def test_a_worker_that_dies_after_the_act_does_not_repeat_it(shop: Shop) -> None:
    name = bought(shop)
    change(shop, name, BOB)
    shop.faults["set_contact:after"] = [Killed()]
    shop.step()
    assert shop.registration(name).contact_sent_at is None
    later(shop)
    assert shop.registration(name).contact_wanted_at is None
    assert sent(shop) == 1


def test_a_worker_that_dies_before_the_act_has_an_heir(shop: Shop) -> None:
    name = bought(shop)
    change(shop, name, BOB)
    shop.faults["set_contact"] = [Killed()]
    shop.step()
    assert not shop.registrar.shows_contact(name, BOB, exactly=True)
    for _ in range(2):
        later(shop)
    assert shop.registration(name).contact_wanted_at is None
    assert sent(shop) == 1


def test_a_contact_that_is_changed_while_it_is_sent_is_sent_again(shop: Shop) -> None:
    name = bought(shop)
    change(shop, name, BOB)
    play = shop.play

    def playing(point: str) -> None:
        if point == "set_contact:after" and sent(shop) == 1:
            change(shop, name, ADA)
        play(point)

    shop.play = playing  # type: ignore[method-assign]  # what happens outside, at that moment
    shop.step()
    row = shop.registration(name)
    assert (row.contact_wanted_at is None, row.contact_sent_at) == (False, None)
    for _ in range(2):
        later(shop)
    assert shop.registrar.shows_contact(name, ADA, exactly=True)
    assert shop.registration(name).contact_wanted_at is None
    assert sent(shop) == 2


def test_a_registrar_that_shows_another_one_is_told_of_and_not_asked_again(
    templates: Templates, tmp_path: Path
) -> None:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        shop = Shop(made, kind=Deaf)
        name = bought(shop)
        change(shop, name, BOB)
        for _ in range(20):
            later(shop, 60)
        assert shop.registration(name).trouble_code is None
        for _ in range(8):
            later(shop, 60)
        row = shop.registration(name)
        assert (row.trouble_code, sent(shop)) == ("contact_not_shown", 1)
        assert "Quaxley" not in str(row.trouble_message)
        change(shop, name, ADA)
        later(shop)
        row = shop.registration(name)
        assert (row.trouble_code, sent(shop)) == (None, 2)
        made.dispose()


def test_what_the_registrar_refuses_is_said_and_stops_nothing_else(shop: Shop) -> None:
    name = bought(shop)
    registrations.set_privacy(shop.sessions, shop.tools, shop.buyer, name, hidden=False)
    shop.faults["set_privacy"] = [Refused("privacy_missing", "The name has no privacy.")]
    change(shop, name, BOB)
    shop.step()
    row = shop.registration(name)
    assert row.trouble_code == "privacy_missing"
    assert row.contact_sent_at is not None
    shop.drain(until=lambda: shop.registration(name).has_privacy is False)
    row = shop.registration(name)
    assert (row.privacy_wanted, row.has_privacy, row.trouble_code) == (False, False, None)


def test_privacy_stays_as_it_is_until_somebody_wants_it_otherwise(shop: Shop) -> None:
    name = bought(shop)
    for hidden in (True, False):
        shop.registrar.set_privacy(name, hidden=hidden)
        shop.now += timedelta(days=8)
        shop.step()
        row = shop.registration(name)
        assert (row.privacy_wanted, row.has_privacy) == (None, hidden)
        shown = shop.registrar.registration(name)
        assert shown is not None
        assert shown.has_privacy is hidden
    row = registrations.set_privacy(shop.sessions, shop.tools, shop.buyer, name, hidden=True)
    assert (row.privacy_wanted, row.has_privacy) == (True, False)
    for _ in range(2):
        later(shop)
    assert shop.registration(name).has_privacy is True


def test_what_cannot_be_changed_is_refused_before_anything_is_kept(shop: Shop) -> None:
    name = bought(shop)
    shop.registrar = ManualRegistrar()  # type: ignore[assignment]  # one that can do neither
    for act in (
        lambda: change(shop, name, BOB),
        lambda: registrations.set_privacy(
            shop.sessions, shop.tools, shop.buyer, name, hidden=False
        ),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == "act_unsupported"
    row = shop.registration(name)
    assert contacts.read(row, shop.tools.keyring) == ADA
    assert (row.contact_wanted_at, row.privacy_wanted) == (None, None)
    with shop.sessions.begin(PLATFORM) as session:
        session.get_one(RegisteredName, row.id).become(RegistrationStatus.ENDED)
    with pytest.raises(Conflict) as over:
        change(shop, name, BOB)
    assert over.value.code == "registration_over"


def test_a_name_without_a_contact_says_so(shop: Shop) -> None:
    with pytest.raises(NotFound) as missing:
        contacts.read(RegisteredName(name=OWN), shop.tools.keyring)
    assert missing.value.code == "contact_missing"


def test_at_namecheap_contact_and_privacy_become_what_is_wanted(shop: Shop) -> None:
    with FakeNamecheapNames(OWN) as fake:
        api = NamecheapApi(Api(fake.url), "user", Secret(fake.credential), "192.0.2.1")
        registrar: Registrar = NamecheapRegistrar(api, lambda: shop.now)
        shop.registrar = registrar  # type: ignore[assignment]  # in place of the sandbox's
        with shop.sessions.begin(PLATFORM) as session:
            session.add(
                RegisteredName(
                    organization_id=shop.buyer.organization_id, account_id=shop.account_id, name=OWN,
                    status=RegistrationStatus.ACTIVE, renewed_by=RenewedBy.NONE,
                )
            )  # fmt: skip
        change(shop, OWN, ADA)
        registrations.set_privacy(shop.sessions, shop.tools, shop.buyer, OWN, hidden=False)
        for _ in range(2):
            later(shop)
        assert fake.state[OWN]["contact"]["AdminEmailAddress"] == ADA.email
        assert fake.state[OWN]["hidden"] is False
        assert fake.commands().count("domains.setContacts") == 1
        row = shop.registration(OWN)
        assert (row.contact_wanted_at, row.has_privacy, row.trouble_code) == (None, False, None)
        assert fake.broken == []
