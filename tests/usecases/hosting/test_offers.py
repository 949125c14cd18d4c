"""What is offered with a claim of a hosted name, and how far its zone is."""

from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.usecases.hosting.host_rig import HOSTED, NAME, SERVERS

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.lifecycle import DomainStatus
from nameplate.db import Sessions
from nameplate.models import Account, Domain, HostedState
from nameplate.usecases.hosting import offers

OFFER = offers.Offer(1, tuple(SERVERS), HOSTED["hostmaster"])  # type: ignore[arg-type]  # a text


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
    assert found == offers.Offer(mine, tuple(SERVERS), "hostmaster.ns1.platform.example")


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
    alone = offers.configuration(lite, owner.id, f"shop.{NAME}", OFFER)
    assert (alone["zone"], alone["account_id"]) == (f"shop.{NAME}", 1)
    row = world.hosted_zone(lite, by, claim)
    inside = offers.configuration(lite, owner.id, f"shop.{NAME}", OFFER)
    assert (inside["zone"], inside["account_id"]) == (NAME, by.id)
    assert inside["hosted"]["name_servers"] == ["ns1.example.net"]
    row.state = HostedState.LEAVING
    lite.flush()
    assert offers.configuration(lite, owner.id, f"shop.{NAME}", OFFER)["zone"] == f"shop.{NAME}"
    stranger = world.organization(lite)
    assert offers.configuration(lite, stranger.id, f"x.{NAME}", OFFER)["zone"] == f"x.{NAME}"


@pytest.fixture
def domain(lite: Session) -> Domain:
    by = world.account(lite, None)
    config = {"account_id": by.id, "zone": NAME, "hosted": HOSTED}
    return world.domain(lite, world.organization(lite), NAME, dns_config=config)


def test_the_delegation_is_told_with_its_place(domain: Domain) -> None:
    (found,) = offers.instructions(domain)
    assert (found["type"], found["name"], found["values"]) == ("NS", NAME, SERVERS)
    assert "at the registrar" in found["note"]
    domain.dns_config = {**(domain.dns_config or {}), "zone": f"shop.{NAME}"}
    assert "in the zone above it" in offers.instructions(domain)[0]["note"]
    domain.dns_config = None
    assert offers.instructions(domain) == []
    assert offers.name_servers(domain) is None


def test_how_far_the_zone_is(lite: Session, domain: Domain) -> None:
    def state() -> tuple[str, bool | None]:
        (found,) = offers.conditions(lite, domain)
        return found.reason, found.status

    assert state() == ("zone_after_proof", False)
    domain.status = DomainStatus.VERIFIED
    assert state() == ("zone_not_there", False)
    by = lite.get_one(Account, (domain.dns_config or {})["account_id"])
    row = world.hosted_zone(lite, by, domain)
    assert state() == ("not_delegated", False)
    row.see(SERVERS, delegated=True, now=NOW)
    lite.flush()
    assert state() == ("delegated", True)
    domain.dns_config = None
    assert offers.conditions(lite, domain) == []


def test_a_reason_why_there_is_no_zone_is_passed_on(lite: Session, domain: Domain) -> None:
    domain.status = DomainStatus.VERIFIED
    domain.error_message = "No room."
    (found,) = offers.conditions(lite, domain)
    assert found.message == "No room."
