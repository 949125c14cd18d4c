"""Names at a registrar without an API: entered by people, watched through their registries."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.databases import Templates, sessions_over
from tests.models import world
from tests.registrations.shop import Shop
from tests.usecases.offline import Offline

from nameplate.adapters.registrar.manual import ManualRegistrar
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, Refused
from nameplate.core.lifecycle import DomainStatus, RegistrationStatus
from nameplate.core.registered import RegistryStatus
from nameplate.models import (
    Account,
    Domain,
    HoldingBasis,
    KnownRegistration,
    NameHolding,
    Organization,
    RegisteredName,
    RenewedBy,
)
from nameplate.usecases.registrations import delegations, registrations

NAME = "watched.example"


@dataclass
class Manual:
    """A shop whose organization has an account at a registrar without an API instead."""

    shop: Shop

    @property
    def owner(self) -> int:
        return self.shop.buyer.organization_id or 0

    def prove(self, name: str = NAME) -> None:
        with self.shop.sessions.begin(PLATFORM) as session:
            row = session.get_one(Organization, self.owner)
            world.domain(session, row, name, status=DomainStatus.VERIFIED)

    def learn(self, **said: object) -> None:
        """Let the registry's answer be kept, as the sweep over held names does."""
        with self.shop.sessions.begin(PLATFORM) as session:
            claim = session.scalars(sa.select(Domain).where(Domain.domain_name == NAME)).one()
            claim.learn(KnownRegistration(at=datetime.now(UTC), **said))  # type: ignore[arg-type]  # fields of it

    def enter(self, *names: str, by: Actor | None = None) -> list[RegisteredName]:
        return registrations.import_all(
            self.shop.sessions, self.shop.tools, by or self.shop.buyer, names_only=names
        )

    def row(self) -> RegisteredName:
        return self.shop.registration(NAME)

    def look(self) -> RegisteredName:
        """Let a worker look once."""
        with self.shop.sessions.begin(PLATFORM) as session:
            registrations.get(session, self.shop.buyer, NAME).wake(self.shop.now)
        self.shop.step()
        return self.row()


@pytest.fixture
def manual(templates: Templates, tmp_path: Path) -> Iterator[Manual]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        shop = Shop(made)
        shop.tools = replace(shop.tools, registrar=lambda _account: ManualRegistrar())
        with made.begin(PLATFORM) as session:
            session.get_one(Account, shop.account_id).provider = "manual"
        yield Manual(shop)
        made.dispose()


def test_what_an_organization_does_not_hold_cannot_be_entered(manual: Manual) -> None:
    with pytest.raises(Conflict) as caught:
        manual.enter(NAME)
    assert caught.value.code == "name_not_proved"
    with pytest.raises(Invalid) as asked:
        manual.enter()
    assert asked.value.code == "names_required"
    other = Offline(manual.shop.sessions).organization("other")
    manual.prove()
    with pytest.raises(Conflict):
        manual.enter(NAME, by=other)


def test_entering_a_name_proves_nothing(manual: Manual) -> None:
    manual.prove()
    (made,) = manual.enter(NAME)
    assert (made.status, made.renewed_by) == (RegistrationStatus.ACTIVE, RenewedBy.NONE)
    assert manual.enter(NAME) == []
    with manual.shop.sessions.begin(PLATFORM) as session:
        assert session.get_one(NameHolding, NAME).basis is HoldingBasis.PROOF


def test_the_registration_shows_what_its_registry_says(manual: Manual) -> None:
    manual.prove()
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=20)
    lock = RegistryStatus.CLIENT_TRANSFER_PROHIBITED
    manual.learn(
        registrar="Example Registrar",
        expires_at=ends,
        states=frozenset({lock}),
        name_servers=("ns1.example.net",),
    )
    manual.enter(NAME)
    row = manual.look()
    assert (row.status, row.expires_at) == (RegistrationStatus.EXPIRING, ends)
    assert (row.is_locked, row.statuses) == (True, ["clientTransferProhibited"])
    assert row.name_servers == ["ns1.example.net"]
    assert row.expiry_notice_days is not None
    assert (row.next_action_at or ends) >= manual.shop.now + timedelta(hours=23)
    with manual.shop.sessions.begin(PLATFORM) as session:
        claim = session.scalars(sa.select(Domain).where(Domain.domain_name == NAME)).one()
        assert claim.registrar == "Example Registrar"
    manual.learn(ended_at=datetime.now(UTC))
    assert manual.look().status is RegistrationStatus.REDEMPTION


def test_other_name_servers_are_asked_of_a_person_until_they_are_seen(manual: Manual) -> None:
    manual.prove()
    manual.learn(name_servers=("ns1.example.net",))
    manual.enter(NAME)
    shop = manual.shop
    delegations.delegate(shop.sessions, shop.tools, shop.buyer, NAME, ["ns2.example.org"])
    row = manual.look()
    assert row.trouble_code == "act_unsupported"
    assert "Set the name servers there yourself: ns2.example.org" in (row.trouble_message or "")
    manual.learn(name_servers=("ns2.example.org",))
    assert manual.look().trouble_code is None


def test_it_ends_with_the_holding(manual: Manual) -> None:
    manual.prove()
    manual.enter(NAME)
    with manual.shop.sessions.begin(PLATFORM) as session:
        session.delete(session.get_one(NameHolding, NAME))
    assert manual.look().status is RegistrationStatus.ENDED


def test_nothing_is_sold_there(manual: Manual) -> None:
    with pytest.raises(Refused) as caught:
        manual.shop.quote("new.example")
    assert caught.value.code == "act_unsupported"
