"""DNAME: alone above its names, in what is wanted and in what is there."""

import pytest

from nameplate.core import dnames
from nameplate.core.plan import plan
from nameplate.core.records import RRset
from nameplate.core.zone_rules import check_zone

ZONE = "z"
SOA = RRset(ZONE, "SOA", 60, ("a. b. 1 2 3 4 5",))


def one(name, rdtype, *values):
    return RRset(f"{name}.{ZONE}".removeprefix("@."), rdtype, 300, tuple(sorted(values)))


LED = one("d", "DNAME", "x.net.")


@pytest.mark.parametrize(
    ("rrsets", "codes"),
    [
        ([LED, one("d", "A", "192.0.2.1"), one("ad", "A", "192.0.2.1")], []),
        ([one("@", "DNAME", "x.net."), one("@", "NS", "n.net."), one("@", "MX", "1 m.net.")], []),
        ([LED, one("a.d", "A", "192.0.2.1")], [("/1", "below_dname")]),
        ([one("*.b.d", "TXT", "x"), LED], [("/0", "below_dname")]),
        ([one("@", "DNAME", "x.net."), one("www", "A", "192.0.2.1")], [("/1", "below_dname")]),
        ([LED, one("d", "DNAME", "y.net.")], [("/1", "dname_several")]),
        ([LED, one("d", "NS", "n.net.")], [("/0", "dname_beside_ns")]),
        ([LED, one("d", "CNAME", "y.net.")], [("/1", "cname_not_alone")]),
        ([LED, one("b.d", "DNAME", "x.net.")], [("/1", "below_dname")]),
    ],
)
def test_what_a_zone_may_have(rrsets, codes):
    found = check_zone(ZONE, rrsets, forced=True)
    assert [(problem.pointer, problem.code) for problem in found] == codes


def codes(current, desired, owned=()):
    found = plan([SOA, *current], desired, {(r.name, r.type, v) for r in owned for v in r.values})
    made = {change.key for change in found.changes}
    return made, {(b.name, b.type): b.code for b in found.blocked}


def test_nothing_comes_below_one_that_is_there():
    new = one("a.d", "A", "192.0.2.1")
    assert codes([LED], [new]) == (set(), {new.key: "below_dname"})
    assert codes([LED], [new], [LED]) == ({LED.key, new.key}, {}), "it goes, so there is room"


def test_one_does_not_come_above_names_that_stay():
    theirs = one("a.d", "A", "192.0.2.1")
    assert codes([theirs], [LED]) == (set(), {LED.key: "dname_hides"})
    assert codes([theirs], [LED], [theirs]) == ({LED.key, theirs.key}, {}), "they go"
    other = one("b.d", "A", "192.0.2.1")
    assert codes([], [LED, other]) == ({other.key}, {LED.key: "dname_hides"})


def test_what_is_so_already_may_stay_and_change():
    theirs, moved = one("a.d", "A", "192.0.2.1"), one("d", "DNAME", "y.net.")
    assert codes([LED, theirs], [moved], [LED]) == ({LED.key}, {})
    new = one("a.d", "A", "192.0.2.2")
    assert codes([LED, theirs], [new], [theirs]) == ({theirs.key}, {})


def test_that_of_another_is_never_overwritten():
    assert codes([LED], [one("d", "DNAME", "y.net.")]) == (set(), {LED.key: "dname_foreign"})


def test_signatures_are_nobodys_names():
    key, signature = ("n.d.z", "NSEC"), RRset("n.d.z", "NSEC", 60, ("z. NSEC",))
    assert dnames.obstacles({"d.z"}, {key: signature}, {LED.key: LED}, {LED.key: LED}) == {}
