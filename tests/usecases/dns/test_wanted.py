"""What a domain wants at its provider, as plain values."""

from datetime import timedelta

from sqlalchemy.orm import Session
from tests.models import world
from tests.models.world import NOW

from nameplate.core.lifecycle import RecordStatus
from nameplate.core.records import RRset
from nameplate.models import LedgerState, RecordableType, RecordType
from nameplate.models.deletion import soft_delete
from nameplate.usecases.dns import wanted

MADE = {"recordable_type": RecordableType.SERVER, "recordable_id": 1}


def test_records_are_read_with_their_whole_values(session: Session) -> None:
    domain = world.domain(session, world.organization(session))
    mx = world.record(
        session, domain, record_type=RecordType.MX, value="mx.net.", priority=10, ttl=60
    )
    www = world.record(session, domain, name="www", value="192.0.2.1", **MADE)
    first, second = wanted.lines(session, domain)
    assert (first.id, first.value, first.name) == (mx.id, ("acme.com", "MX", "10 mx.net."), "@")
    assert first.rrset() == RRset("acme.com", "MX", 60, ("10 mx.net.",))
    assert (second.id, second.owner, second.name) == (www.id, "www.acme.com", "www")
    assert (first.is_made, second.is_made) == (False, True)
    assert first.is_wanted


def test_a_wildcards_records_are_of_the_name_below_which_it_stands(session: Session) -> None:
    domain = world.domain(session, world.organization(session), subdomain="*")
    world.record(session, domain, name="@")
    (line,) = wanted.lines(session, domain)
    assert line.owner == "acme.com"


def test_what_the_provider_had_long_enough_is_settled(session: Session) -> None:
    domain = world.domain(session, world.organization(session))
    hour = timedelta(hours=1)
    active = {"status": RecordStatus.ACTIVE}
    old = world.record(session, domain, last_synced_at=NOW - hour, **active).id
    new = world.record(session, domain, last_synced_at=NOW, **active).id
    drifted = world.record(session, domain, drifted_at=NOW).id
    waiting = world.record(session, domain).id
    settled = {one.id: one.is_settled for one in wanted.lines(session, domain, NOW - hour / 2)}
    assert settled == {old: True, new: False, drifted: True, waiting: False}
    assert not any(one.is_settled for one in wanted.lines(session, domain))


def test_the_ledger_is_read_by_value(session: Session) -> None:
    owner = world.organization(session)
    domain, account = world.domain(session, owner), world.account(session, owner)
    record = world.record(session, domain, name="www", value="192.0.2.1")
    lines = wanted.lines(session, domain)
    entry = world.ledger_entry(
        session, account, domain, name="www.acme.com", dns_record_id=record.id, ttl=60
    )
    (found,) = wanted.ledger(session, domain, lines).values()
    assert (found.id, found.value, found.state) == (
        entry.id, ("www.acme.com", "A", "192.0.2.1"), LedgerState.PRESENT,
    )  # fmt: skip
    assert found.value is lines[0].value
    assert found.record_id == record.id


def test_others_are_those_at_and_below_the_name_through_the_same_account(
    session: Session,
) -> None:
    owner = world.organization(session)
    account, another = world.account(session, owner), world.account(session, owner, name="x")
    above = world.domain(session, owner)
    below = world.domain(session, owner, subdomain="shop")
    world.ledger_entry(session, account, above, name="acme.com")
    world.ledger_entry(session, account, above, name="www.shop.acme.com")
    world.ledger_entry(session, account, above, name="workshop.acme.com")
    world.ledger_entry(session, another, above, name="shop.acme.com")
    world.ledger_entry(session, account, below, zone="acme.com", name="a.shop.acme.com")
    found = wanted.others(session, account.id, [below])[below.id]
    assert {name for name, _, _ in found} == {"www.shop.acme.com"}


def test_removed_records_are_still_known_to_have_followed_something(session: Session) -> None:
    owner = world.organization(session)
    domain, account = world.domain(session, owner), world.account(session, owner)
    made = world.record(session, domain, name="a", value="192.0.2.1", **MADE)
    mine = world.record(session, domain, name="b", value="192.0.2.1")
    for row in (made, mine):
        world.ledger_entry(
            session, account, domain, name=f"{row.name}.acme.com", dns_record_id=row.id
        )
        soft_delete(session, row, NOW)
    entries = wanted.ledger(session, domain).values()
    assert wanted.automatic(session, [], entries) == {made.id}


def test_small_things() -> None:
    assert wanted.text("x.", 1, 2, 3) == "1 2 3 x."
    assert wanted.text("x.", 1, None, None) == "1 x."
    assert wanted.text("x.", None, None, None) == "x."
    assert list(wanted.values(None)) == []
    assert list(wanted.values(RRset("a", "A", 1, ("1", "2")))) == [("a", "A", "1"), ("a", "A", "2")]
    assert wanted.known_type("TXT")
    assert not wanted.known_type("SOA")
    assert not wanted.known_type("AFSDB")
