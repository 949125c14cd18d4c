"""Records as their owner wants them: added, changed, removed, and kept apart from those we made."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.usecases.dns.zone_rig import APEX, ZONE, Rig, made

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.core.ids import show
from nameplate.core.lifecycle import PlanStatus, RecordStatus
from nameplate.models import Domain, Record, RecordableType
from nameplate.usecases.dns import records, transfers


@pytest.fixture
def domain(lite: Session) -> Domain:
    owner = world.organization(lite)
    account = world.account(lite, owner)
    return world.domain(lite, owner, dns_account_id=account.id)


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Iterator[Rig]:
    sessions = sessions_over(migrated_sqlite_url)
    yield made(sessions)
    sessions.dispose()


def add(session: Session, **given: Any) -> Record:
    fields = {"type": "A", "name": "www", "value": "192.0.2.1", "now": NOW, **given}
    return records.add(session, PLATFORM, "acme.com", **fields)


def test_a_record_wakes_its_domain(lite: Session, domain: Domain) -> None:
    row = add(lite, name="www.acme.com", ttl=60)
    assert (row.name, row.value, row.ttl, row.status) == (
        "www", "192.0.2.1", 60, RecordStatus.PENDING,
    )  # fmt: skip
    assert domain.next_action_at == NOW
    assert records.owner(row, domain) == "www.acme.com"


def test_numbers_go_into_their_columns(lite: Session, domain: Domain) -> None:
    row = add(lite, type="SRV", name="_sip._tcp", value="1 2 443 sip.net")
    assert (row.priority, row.weight, row.port, row.value) == (1, 2, 443, "sip.net.")
    assert records.text(row) == "1 2 443 sip.net."
    changed = records.update(lite, PLATFORM, show("rec", row.id), now=NOW, port=444)
    assert records.text(changed) == "1 2 444 sip.net."


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"type": "SOA"}, "record_type_invalid"),
        ({"value": "x"}, None),
        ({"ttl": -1}, None),
        ({"name": "www.other.com."}, None),
        ({"type": "CNAME", "value": "x.net"}, "record_invalid"),
    ],
)
def test_what_cannot_be_is_refused(
    lite: Session, domain: Domain, given: dict[str, Any], code: str | None
) -> None:
    add(lite, value="192.0.2.9")
    with pytest.raises(Invalid) as caught:
        add(lite, **given)
    assert code is None or caught.value.code == code


def test_twice_is_once_too_often(lite: Session, domain: Domain) -> None:
    add(lite)
    with pytest.raises(Conflict) as caught:
        add(lite)
    assert caught.value.code == "record_exists"


def test_without_an_account_nobody_could_write_it(lite: Session, domain: Domain) -> None:
    domain.dns_account_id = None
    with pytest.raises(Conflict) as caught:
        add(lite)
    assert caught.value.code == "dns_account_missing"


def test_a_change_is_brought_to_the_provider_again(lite: Session, domain: Domain) -> None:
    row = add(lite)
    row.confirm(NOW)
    domain.next_action_at = None
    reference = show("rec", row.id)
    records.update(lite, PLATFORM, reference, now=NOW, value="192.0.2.2", notes="moved")
    assert (row.value, row.notes, row.status) == ("192.0.2.2", "moved", RecordStatus.PENDING)
    assert domain.next_action_at == NOW
    with pytest.raises(Invalid):
        records.update(lite, PLATFORM, reference, now=NOW, name="other")


def test_what_nameplate_made_is_changed_only_after_detaching(lite: Session, domain: Domain) -> None:
    made = {"recordable_type": RecordableType.SERVER, "recordable_id": 1}
    row = world.record(lite, domain, name="edge", managed_by_system=True, **made)
    reference = show("rec", row.id)
    for act in (
        lambda: records.update(lite, PLATFORM, reference, now=NOW, value="192.0.2.2"),
        lambda: records.remove(lite, PLATFORM, reference, NOW),
        lambda: add(lite, name="edge"),
    ):
        with pytest.raises(Conflict) as caught:
            act()
        assert caught.value.code == "record_automatic"
    records.update(lite, PLATFORM, reference, now=NOW, notes="ours")
    records.detach(lite, PLATFORM, reference)
    assert not row.is_automatic
    records.remove(lite, PLATFORM, reference, NOW)
    with pytest.raises(NotFound):
        records.get(lite, PLATFORM, reference)


def test_somebody_elses_record_is_not_there(lite: Session, domain: Domain) -> None:
    row = add(lite)
    stranger = Actor(world.organization(lite).id)
    for reference in (show("rec", row.id), show("rec", row.id + 1000)):
        with pytest.raises(NotFound) as caught:
            records.get(lite, stranger, reference)
        assert caught.value.code == "record_not_found"


def test_lists_are_filtered(lite: Session, domain: Domain) -> None:
    one, two = add(lite), add(lite, type="TXT", value="x")
    two.confirm(NOW)
    lite.flush()

    def page(**given: Any) -> list[int]:
        return [row.id for row in records.page(lite, PLATFORM, limit=9, **given)]

    assert page(domain="acme.com") == [one.id, two.id]
    assert page(type="TXT") == page(status="active") == [two.id]
    assert page(after=one.id) == [two.id]


def test_ns_at_the_apex_is_forced_where_the_message_says_so(lite: Session, domain: Domain) -> None:
    apex: dict[str, Any] = {"type": "NS", "name": "@", "value": "ns1.new.net."}
    with pytest.raises(Invalid, match="`--force`") as caught:
        add(lite, **apex)
    assert [one.code for one in caught.value.problems] == ["apex_ns"]
    row = add(lite, **apex, force=True)
    assert records.text(row) == "ns1.new.net."
    add(lite, name="@", value="192.0.2.1")
    changed = records.update(lite, PLATFORM, show("rec", row.id), now=NOW, value="ns2.new.net.")
    assert records.text(changed) == "ns2.new.net."
    with pytest.raises(Invalid, match="CNAME"):
        add(lite, type="CNAME", name="@", value="x.net.", force=True)


NEW_NS: dict[str, Any] = {"type": "NS", "name": "@", "value": "ns2.host.net.", "ttl": 3600}


def test_ns_at_the_apex_goes_through_a_plan_that_is_forced(rig: Rig) -> None:
    made = rig.make(transfers.from_records([NEW_NS]))
    with pytest.raises(Conflict, match="force") as caught:
        rig.apply(made)
    assert caught.value.code == "plan_unsafe"
    assert rig.apply(made, force=True).status is PlanStatus.APPLIED
    found = {rrset.key: rrset for rrset in rig.provider.records(ZONE)}
    assert found[APEX, "NS"].values == ("ns1.host.net.", "ns2.host.net.")
    rig.work()
    assert {rrset.key: rrset for rrset in rig.provider.records(ZONE)} == found


def test_ns_at_the_apex_that_was_forced_waits_for_a_plan(rig: Rig) -> None:
    with rig.offline.sessions.begin(rig.actor) as session:
        records.add(session, rig.actor, rig.name, **NEW_NS, force=True, now=datetime.now(UTC))
    rig.work()
    found = {rrset.key: rrset for rrset in rig.provider.records(ZONE)}
    assert found[APEX, "NS"].values == ("ns1.host.net.",)
    assert "`--force`" in str(rig.rows()["@", "ns2.host.net."].error_message)
    assert rig.apply(rig.make(), force=True).status is PlanStatus.APPLIED
    found = {rrset.key: rrset for rrset in rig.provider.records(ZONE)}
    assert found[APEX, "NS"].values == ("ns1.host.net.", "ns2.host.net.")


VALUES = {
    "NAPTR": '1 2 "s" "SIP+D2U" "" _sip._udp.example.net.',
    "LOC": "52 22 23.000 N 4 53 32.000 E -2.00m",
    "DNAME": "example.net.",
    "URI": '10 1 "https://example.net/"',
    "OPENPGPKEY": "mDMEZQ==",
    "SMIMEA": f"3 1 1 {'ab' * 32}",
    "RP": "alice.example.net. .",
}


@pytest.mark.parametrize("rdtype", VALUES)
def test_the_rarer_types_are_added_shown_and_changed(
    lite: Session, domain: Domain, rdtype: str
) -> None:
    row = add(lite, type=rdtype, name="x", value=VALUES[rdtype])
    assert (row.record_type.value, records.text(row)) == (rdtype, VALUES[rdtype])
    with pytest.raises(Conflict, match="already has this record"):
        add(lite, type=rdtype, name="x", value=VALUES[rdtype])
    changed = records.update(
        lite, PLATFORM, show("rec", row.id), now=NOW, value=VALUES[rdtype], ttl=60
    )
    assert (changed.ttl, records.text(changed)) == (60, VALUES[rdtype])


def test_nothing_is_added_below_a_dname_nor_a_dname_above_something(
    lite: Session, domain: Domain
) -> None:
    for first, second in (
        ({"type": "DNAME", "name": "d", "value": "x.net"}, {"name": "a.b.d"}),
        ({"name": "a.b.e"}, {"type": "DNAME", "name": "e", "value": "x.net"}),
        ({"name": "f"}, {"type": "DNAME", "name": "@", "value": "x.net"}),
    ):
        add(lite, **first)
        with pytest.raises(Invalid) as caught:
            add(lite, **second)
        assert {one.code for one in caught.value.problems} == {"below_dname"}
    beside = add(lite, name="d")
    assert beside.name == "d"
    assert add(lite, type="DNAME", name="other.xd", value="x.net").name == "other.xd"
