"""Edits of records: from what is wanted to which rows change. Nearly all of it is pure."""

from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.models import world
from tests.models.world import NOW

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.lifecycle import RecordStatus
from nameplate.core.records import RRset
from nameplate.models import Record, RecordType
from nameplate.usecases.dns import edits, records, wanted
from nameplate.usecases.dns.edits import Edit, Spec
from nameplate.usecases.dns.wanted import WantedRecord

ORIGIN = "acme.com"


def line(id_: int, one: Spec, **more: Any) -> WantedRecord:
    given: dict[str, Any] = {
        "status": RecordStatus.ACTIVE, "propagated": True, "is_drifted": False, "is_settled": True,
        "external_id": None, "is_made": False, **more,
    }  # fmt: skip
    rrset = one.rrset(ORIGIN)
    return WantedRecord(
        id_, (rrset.name, one.type, one.text), ORIGIN, one.ttl, one.proxied, **given
    )


def a(name: str, last: int, ttl: int = 300) -> Spec:
    return Spec("A", name, f"192.0.2.{last}", ttl)


def test_what_is_given_is_checked_and_made_canonical() -> None:
    (found,) = edits.given([{"type": "mx", "name": "@", "value": "10 MX.Example.net"}], ORIGIN)
    assert found == Spec("MX", "@", "10 mx.example.net.", 3600)
    with pytest.raises(Invalid) as caught:
        edits.given(
            [
                {"type": "A", "name": "www", "value": "192.0.2.1"},
                {"type": "A", "name": "www", "value": "nonsense"},
                {"type": "SOA", "name": "@", "value": "x"},
            ],
            ORIGIN,
        )
    assert [one.pointer for one in caught.value.problems] == ["/records/1/value", "/records/2/type"]


def test_an_edit_is_stored_and_reversed() -> None:
    one = Edit(a("www", 1), None)
    assert Edit.of(one.as_json()) == one
    assert one.reversed() == Edit(None, a("www", 1))
    assert one.reversed().reversed() == one


def test_of_a_zone_only_the_domains_own_names_are_taken() -> None:
    rrsets = [
        RRset("acme.com", "SOA", 60, ("x",)),
        RRset("acme.com", "NS", 60, ("ns.",)),
        RRset("sub.acme.com", "NS", 60, ("ns.",)),
        RRset("www.acme.com", "A", 60, ("192.0.2.1", "192.0.2.2")),
        RRset("www.notacme.com", "A", 60, ("192.0.2.1",)),
        RRset("x.acme.com", "AFSDB", 60, ("y",)),
    ]
    found = edits.of_rrsets(rrsets, ORIGIN, ORIGIN)
    assert [(one.type, one.name) for one in found] == [("NS", "sub"), ("A", "www"), ("A", "www")]


def test_only_mentioned_sets_change_unless_everything_is_meant() -> None:
    lines = [line(1, a("www", 1)), line(2, a("www", 2)), line(3, a("old", 3))]
    assert edits.between(lines, [a("www", 2), a("www", 4)]) == [
        Edit(a("www", 1), None),
        Edit(None, a("www", 4)),
    ]
    whole = edits.between(lines, [a("www", 1), a("www", 2)], everything=True)
    assert whole == [Edit(a("old", 3), None)]
    assert edits.between(lines, [], emptied=[("A", "old")]) == [Edit(a("old", 3), None)]


def test_a_new_ttl_is_a_change_of_the_same_record() -> None:
    assert edits.between([line(1, a("www", 1))], [a("www", 1, 60)]) == [
        Edit(a("www", 1), a("www", 1, 60))
    ]
    with pytest.raises(Invalid, match="twice"):
        edits.between([], [a("www", 1), a("www", 1, 60)])


def test_what_follows_a_binding_is_left_alone() -> None:
    lines = [line(1, a("www", 1), is_made=True)]
    assert edits.between(lines, [], everything=True) == []
    with pytest.raises(Conflict) as caught:
        edits.keep_clear(lines, [Edit(None, a("www", 2))])
    assert caught.value.code == "record_automatic"
    edits.keep_clear(lines, [Edit(None, Spec("TXT", "www", '"x"', 60)), Edit(None, a("web", 2))])


def test_after_the_edits_rows_keep_their_ids() -> None:
    lines = [line(1, a("www", 1)), line(2, a("x", 2), status=RecordStatus.DISABLED)]
    changes = [Edit(a("www", 1), a("www", 1, 60)), Edit(None, a("new", 3))]
    assert edits.after(lines, changes) == [(a("www", 1, 60), 1), (a("new", 3), None)]
    assert edits.after(lines, [Edit(a("www", 1), None)]) == []


def test_what_was_wrong_before_is_not_the_fault_of_an_edit() -> None:
    alias = Spec("CNAME", "www", "x.net.", 300)
    both = [line(1, a("www", 1)), line(2, alias)]
    edits.check(both, [Edit(None, a("new", 1))], ORIGIN, ORIGIN, flattens=False)
    with pytest.raises(Invalid):
        edits.check(both[:1], [Edit(None, alias)], ORIGIN, ORIGIN, flattens=False)


def test_two_records_may_not_differ_in_numbers_alone() -> None:
    ten, twenty = Spec("MX", "@", "10 mx.net.", 300), Spec("MX", "@", "20 mx.net.", 300)
    found = edits.broken([ten, twenty], ORIGIN, ORIGIN, flattens=False)
    assert {code for _, code in found} == {"target_twice"}


def test_edits_become_rows(lite: Session) -> None:
    domain = world.domain(lite, world.organization(lite))
    world.record(lite, domain, name="gone", value="192.0.2.1", ttl=300)
    world.record(lite, domain, name="kept", value="192.0.2.2", ttl=300)
    changes = [
        Edit(a("gone", 1), None),
        Edit(a("kept", 2), a("kept", 2, 60)),
        Edit(None, Spec("SRV", "_sip._tcp", "1 2 443 sip.net.", 600)),
    ]
    edits.write(lite, domain, wanted.lines(lite, domain), changes, NOW)
    lite.expire_all()
    rows = {row.name: row for row in lite.scalars(Record.visible(PLATFORM))}
    assert set(rows) == {"kept", "_sip._tcp"}
    assert rows["kept"].ttl == 60
    srv = rows["_sip._tcp"]
    assert (srv.record_type, srv.priority, srv.weight, srv.port) == (RecordType.SRV, 1, 2, 443)
    assert (srv.value, records.text(srv)) == ("sip.net.", "1 2 443 sip.net.")
