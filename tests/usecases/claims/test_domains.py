"""Domains: claimed, changed, suspended, released and brought back."""

from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.proof import prove
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.core.lifecycle import DomainStatus, RecordStatus
from nameplate.models import (
    AccountKind,
    DnsSettings,
    Domain,
    DomainType,
    Hosting,
    LedgerEntry,
    LedgerState,
    NameHolding,
    Record,
    RecordableType,
    Verification,
)
from nameplate.usecases.claims import domains
from nameplate.usecases.hosting import offers
from nameplate.usecases.operations import forgotten


class Desk:
    """An organization that claims names."""

    def __init__(self, session: Session, url: str) -> None:
        self.session = session
        self.tools = Offline(sessions_over(url)).tools
        self.owner = world.organization(session)
        self.actor = Actor(self.owner.id)

    def claim(self, name: str = "acme.com", **given: Any) -> Domain:
        return domains.add(self.session, self.tools, self.actor, name=name, **given)

    def update(self, name: str = "acme.com", **changes: Any) -> Domain:
        return domains.update(self.session, self.actor, name, NOW, **changes)


@pytest.fixture
def desk(lite: Session, migrated_sqlite_url: str) -> Desk:
    return Desk(lite, migrated_sqlite_url)


def test_a_claim_has_its_proof_at_once_and_grants_nothing(desk: Desk) -> None:
    row = desk.claim("Shop.ACME.com.", metadata={"a": "b"})
    assert (row.full_domain, row.domain_name, row.subdomain) == (
        "shop.acme.com", "acme.com", "shop",
    )  # fmt: skip
    assert (row.status, row.domain_type) == (
        DomainStatus.PENDING_VERIFICATION, DomainType.APPLICATION,
    )  # fmt: skip
    proof = desk.session.scalars(Verification.visible(desk.actor)).one()
    assert proof.organization_domain_id == row.id
    assert proof.verification_token == row.verification_token


@pytest.mark.parametrize(
    ("given", "kind", "code"),
    [
        ({"name": "a b"}, Invalid, None),
        ({"name": "com"}, Invalid, None),
        ({"name": "x.test"}, Invalid, None),
        ({"domain_type": "wildcard"}, Invalid, "domain_type_invalid"),
        ({"domain_type": "nonsense"}, Invalid, "domain_type_invalid"),
        ({"account": "nothing"}, NotFound, "account_not_found"),
        ({"account": "DNS", "zone": "other.com"}, Invalid, "zone_mismatch"),
        ({"account": "CA"}, NotFound, "account_not_found"),
    ],
)
def test_what_cannot_be_claimed(
    desk: Desk, given: dict[str, Any], kind: type[Exception], code: str | None
) -> None:
    world.account(desk.session, desk.owner)
    world.account(desk.session, desk.owner, name="CA", kind=AccountKind.CA, provider="acme")
    with pytest.raises(kind) as caught:
        desk.claim(**given)
    assert code is None or getattr(caught.value, "code", "") == code


def test_twice_is_once_too_often_but_others_are_never_told(desk: Desk) -> None:
    desk.claim()
    with pytest.raises(Conflict) as caught:
        desk.claim("ACME.com")
    assert caught.value.code == "domain_exists"
    stranger = Actor(world.organization(desk.session).id)
    domains.add(desk.session, desk.tools, stranger, name="acme.com")


def test_what_the_organization_holds_already_needs_no_second_proof(desk: Desk) -> None:
    world.holding(desk.session, desk.claim())
    row = desk.claim("shop.acme.com")
    assert row.status is DomainStatus.VERIFIED
    assert row.verification_expires_at is not None


def test_a_wildcard_lies_in_the_zone_of_its_name(desk: Desk) -> None:
    account = world.account(desk.session, desk.owner)
    row = desk.claim("*.acme.com", account="DNS", zone="acme.com", automatic_dns=False)
    assert row.domain_type is DomainType.WILDCARD
    assert row.dns_account_id == account.id
    assert row.dns == DnsSettings("acme.com", automatic=False)


def test_a_hosted_name_is_proved_by_dns_and_has_no_other_place(desk: Desk) -> None:
    account = world.account(desk.session, None)
    offer = offers.HostingOffer(
        account.id, ("ns1.platform.example",), "hostmaster.platform.example"
    )
    with pytest.raises(Invalid) as caught:
        desk.claim("one.com", hosted=offer, verification_method="file_upload")
    assert caught.value.code == "hosted_needs_dns"
    with pytest.raises(Invalid) as caught:
        desk.claim("two.com", hosted=offer, zone="two.com")
    assert caught.value.code == "hosted_with_account"
    row = desk.claim("three.com", hosted=offer)
    assert (row.dns_account_id, row.dns.zone) == (account.id, "three.com")
    assert row.dns.hosted == Hosting(offer.name_servers, offer.hostmaster)
    with pytest.raises(Conflict) as conflict:
        desk.update("three.com", account=None)
    assert conflict.value.code == "domain_hosted"


def test_lists_are_filtered(desk: Desk) -> None:
    one = desk.claim("a.com", metadata={"tier": "gold"})
    two = desk.claim("b.com")
    prove(desk.session, two, NOW)
    desk.session.flush()

    def page(**given: Any) -> list[Domain]:
        return list(domains.page(desk.session, desk.actor, limit=9, **given))

    assert page() == [one, two]
    assert page(name="A.com.") == page(metadata={"tier": "gold"}) == [one]
    assert page(status="verified") == page(after=one.id) == [two]


def test_another_account_begins_anew_and_leaves_what_is_there(desk: Desk) -> None:
    old = world.account(desk.session, desk.owner)
    new = world.account(desk.session, desk.owner, name="new")
    row = desk.claim(account="DNS")
    record = world.record(desk.session, row, status=RecordStatus.ACTIVE, external_record_id="7")
    world.ledger_entry(desk.session, old, row)
    desk.update(account="new", zone="acme.com")
    assert (row.dns_account_id, row.dns) == (new.id, DnsSettings("acme.com"))
    assert desk.session.scalars(LedgerEntry.visible(PLATFORM)).all() == []
    assert (record.status, record.external_record_id) == (RecordStatus.PENDING, None)
    assert row.next_action_at == NOW


def test_records_that_we_made_are_handed_over(desk: Desk) -> None:
    world.account(desk.session, desk.owner)
    row = desk.claim(account="DNS")
    server = world.server(desk.session, None)
    made = {"recordable_type": RecordableType.SERVER, "recordable_id": server.id}
    record = world.record(desk.session, row, managed_by_system=True, **made)
    desk.update(automatic_dns=False)
    desk.session.refresh(record)
    assert not record.is_automatic
    assert not row.dns.automatic


def test_only_some_things_can_be_changed(desk: Desk) -> None:
    desk.claim()
    assert desk.update(metadata={"a": "b"}, notes="x").metadata_ == {"a": "b"}
    with pytest.raises(Invalid) as caught:
        desk.update(status="active")
    assert caught.value.code == "field_unknown"


def test_a_released_name_is_free_and_what_we_wrote_leaves(desk: Desk) -> None:
    account = world.account(desk.session, desk.owner)
    row = desk.claim(account="DNS")
    prove(desk.session, row, NOW)
    entry = world.ledger_entry(desk.session, account, row)
    record = world.record(desk.session, row)
    domains.remove(desk.session, desk.tools, desk.actor, "acme.com", NOW)
    assert entry.state is LedgerState.LEAVING
    assert (row.deleted_at, row.next_action_at) == (NOW, NOW)
    assert desk.session.scalars(NameHolding.visible(PLATFORM)).all() == []
    assert desk.session.scalars(Record.visible(PLATFORM)).all() == []
    with pytest.raises(NotFound):
        domains.get(desk.session, desk.actor, "acme.com")
    again = domains.restore(desk.session, desk.tools, desk.actor, "acme.com", NOW)
    assert (again, again.is_live) == (row, False)
    desk.session.refresh(record)
    assert record.deleted_at is None


def test_suspended_and_resumed(desk: Desk) -> None:
    row = desk.claim()
    prove(desk.session, row, NOW)
    certificate = world.certificate(desk.session, row)
    domains.suspend(desk.session, desk.actor, "acme.com", NOW, "Unpaid.")
    assert (row.status, row.is_live) == (DomainStatus.SUSPENDED, False)
    desk.session.refresh(certificate)
    assert certificate.next_action_at == NOW
    domains.resume(desk.session, desk.actor, "acme.com", NOW)
    assert row.is_live


def test_a_check_looks_at_everything_that_waits_for_later(desk: Desk) -> None:
    row = desk.claim()
    later = NOW.replace(year=2027)
    waiting = world.record(desk.session, row, next_action_at=later)
    done = world.record(desk.session, row, next_action_at=None)
    domains.check(desk.session, desk.actor, "acme.com", NOW)
    desk.session.refresh(waiting)
    desk.session.refresh(done)
    assert (waiting.next_action_at, done.next_action_at) == (NOW, None)
    assert row.next_action_at is not None


def test_a_hosted_name_below_a_proved_one_has_its_zone_coming(desk: Desk) -> None:
    """Nothing else would wake it: it is proved by what is above, and no look at a proof follows."""
    parent = desk.claim()
    prove(desk.session, parent, NOW)
    by = world.account(desk.session, None)
    offer = offers.HostingOffer(by.id, ("ns1.platform.example",), "hostmaster.platform.example")
    row = desk.claim("shop.acme.com", hosted=offer)
    assert row.status is DomainStatus.VERIFIED
    assert row.next_action_at is not None
    assert row.next_action_at <= desk.tools.clock()
    assert forgotten.count(desk.session)["domain"] == 0
    row.next_action_at = None
    desk.session.flush()
    assert forgotten.count(desk.session)["domain"] == 1
    for name, found in (("acme.org", 1), ("acme.com", 0)):
        world.hosted_zone(desk.session, by, parent, name=name)
        assert forgotten.count(desk.session)["domain"] == found, name
