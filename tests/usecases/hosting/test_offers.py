"""What is offered with a claim of a hosted name, and how far its zone is."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.proof import prove
from tests.usecases.hosting.host_rig import HOSTING, NAME, SERVERS

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid
from nameplate.db import Sessions
from nameplate.models import Account, DnsSettings, Domain, HostedState, Hosting
from nameplate.usecases.hosting import offers

OFFER = offers.HostingOffer(1, HOSTING.name_servers, HOSTING.hostmaster)


@pytest.fixture
def sessions(migrated_sqlite_url: str) -> Sessions:
    return sessions_over(migrated_sqlite_url)


def account(sessions: Sessions, *, tenants: bool = False, **hosted: Any) -> int:
    with sessions.begin(PLATFORM) as session:
        owner = world.organization(session) if tenants else None
        return world.account(session, owner, config={"hosted": hosted}).id


def test_the_first_open_account_of_the_platform_is_offered(sessions: Sessions) -> None:
    account(sessions, name_servers=["ns.tenant.example"], tenants=True)
    account(sessions, name_servers=["ns.closed.example"], closed=True)
    mine = account(sessions, name_servers=["NS1.Platform.example.", "ns2.platform.example"])
    account(sessions, name_servers=["ns.later.example"])
    found = offers.offer(sessions)
    assert found == offers.HostingOffer(mine, tuple(SERVERS), "hostmaster.ns1.platform.example")


def test_nothing_is_offered_where_nothing_is_hosted(sessions: Sessions) -> None:
    with pytest.raises(Conflict) as caught:
        offers.offer(sessions)
    assert caught.value.code == "hosting_unavailable"


@pytest.mark.parametrize(
    "wrong", [{"hostmaster": "x"}, {"name_servers": []}, {"name_servers": ["a b"]}]
)
def test_a_wrong_configuration_is_the_operators_fault(
    sessions: Sessions, wrong: dict[str, Any]
) -> None:
    account(sessions, **wrong)
    with pytest.raises(Invalid) as caught:
        offers.offer(sessions)
    assert caught.value.code == "hosting_misconfigured"


def test_a_name_below_lives_in_the_zone_that_is_there(lite: Session) -> None:
    owner = world.organization(lite)
    by, claim = world.account(lite, None), world.domain(lite, owner, NAME)
    alone = DnsSettings(f"shop.{NAME}", HOSTING)
    assert offers.settings(lite, owner.id, f"shop.{NAME}", OFFER) == (OFFER.account_id, alone)
    row = world.hosted_zone(lite, by, claim)
    inside = DnsSettings(NAME, Hosting(("ns1.example.net",), "hostmaster.example.net"))
    assert offers.settings(lite, owner.id, f"shop.{NAME}", OFFER) == (by.id, inside)
    row.state = HostedState.LEAVING
    lite.flush()
    assert offers.settings(lite, owner.id, f"shop.{NAME}", OFFER) == (OFFER.account_id, alone)


def test_another_organizations_zone_is_not_for_names_below_it(lite: Session) -> None:
    owner, stranger = world.organization(lite), world.organization(lite)
    by, claim = world.account(lite, None), world.domain(lite, owner, NAME)
    world.hosted_zone(lite, by, claim)
    _, found = offers.settings(lite, stranger.id, f"x.{NAME}", OFFER)
    assert found.zone == f"x.{NAME}"


@pytest.fixture
def domain(lite: Session) -> Domain:
    by = world.account(lite, None)
    owner = world.organization(lite)
    return world.domain(lite, owner, NAME, dns_account_id=by.id, dns=DnsSettings(NAME, HOSTING))


def test_the_delegation_is_told_with_its_place(domain: Domain) -> None:
    found = offers.instruction(domain)
    assert found is not None
    assert (found.get("type"), found.get("name")) == ("NS", NAME)
    assert found.all("name_server") == SERVERS
    assert "at the registrar" in found.sentence
    domain.dns = replace(domain.dns, zone=f"shop.{NAME}")
    below = offers.instruction(domain)
    assert below is not None
    assert "in the zone above it" in below.sentence
    domain.dns = DnsSettings()
    assert offers.instruction(domain) is None
    assert offers.name_servers(domain) is None


def test_how_far_the_zone_is(lite: Session, domain: Domain) -> None:
    def state() -> tuple[str, bool | None]:
        (found,) = offers.conditions(domain, offers.zone_of(lite, domain))
        return found.reason, found.status

    assert state() == ("zone_after_proof", False)
    prove(lite, domain, NOW)
    assert state() == ("zone_not_there", False)
    by = lite.get_one(Account, domain.dns_account_id)
    row = world.hosted_zone(lite, by, domain)
    assert state() == ("not_delegated", False)
    row.see(SERVERS, delegated=True, now=NOW)
    lite.flush()
    assert state() == ("delegated", True)
    domain.dns = DnsSettings()
    assert offers.conditions(domain, offers.zone_of(lite, domain)) == []


def test_a_reason_why_there_is_no_zone_is_passed_on(lite: Session, domain: Domain) -> None:
    prove(lite, domain, NOW)
    domain.error_message = "No room."
    (found,) = offers.conditions(domain, offers.zone_of(lite, domain))
    assert found.message == "No room."
