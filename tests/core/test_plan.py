"""Plans: ours alone changes, everything else survives, and a second plan is empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core.errors import Conflict
from nameplate.core.plan import fingerprint, plan
from nameplate.core.records import Action, Change, RRset, merge, units

SOA = RRset("z", "SOA", 300, ("ns. h. 1 2 3 4 5",))


def one(name, rdtype, *values, ttl=300):
    return RRset(f"{name}.z", rdtype, ttl, values)


def owned(*rrsets):
    return {(r.name, r.type, value) for r in rrsets for value in r.values}


def performed(current, changes):
    live = {rrset.key: rrset for rrset in current}
    for change in changes:
        assert live.get(change.key) == change.before
        if change.after is None:
            del live[change.key]
        else:
            live[change.key] = change.after
        at_name = {key[1] for key in live if key[0] == change.key[0]}
        assert "CNAME" not in at_name or len(at_name) == 1, "data beside a CNAME on the way"
    return list(live.values())


def test_create_update_delete():
    old, gone = one("a", "A", "192.0.2.1"), one("b", "A", "192.0.2.1")
    new, fresh = one("a", "A", "192.0.2.2"), one("c", "A", "192.0.2.1")
    found = plan([SOA, old, gone], [new, fresh], owned(old, gone))
    assert found.changes == (Change(None, fresh), Change(old, new), Change(gone, None))
    assert (found.apex, found.untouched, found.blocked) == ("z", 1, ())


def test_values_of_others_survive():
    theirs = one("a", "TXT", '"ours"', '"theirs"')
    ours = {("a.z", "TXT", '"ours"')}
    wanted = one("a", "TXT", '"new"')
    (change,) = plan([theirs], [wanted], ours).changes
    assert change.after == one("a", "TXT", '"new"', '"theirs"')
    (change,) = plan([theirs], [], ours).changes
    assert change.after == one("a", "TXT", '"theirs"')


def test_foreign_sets_are_never_touched():
    assert plan([one("a", "A", "192.0.2.1")], [], set()).is_empty


def test_what_exists_already_is_reported_not_adopted():
    theirs = one("a", "A", "192.0.2.1", ttl=60)
    found = plan([theirs], [one("a", "A", "192.0.2.1")], set())
    assert found.is_empty
    assert found.foreign_match == (("a.z", "A", "192.0.2.1"),)
    assert found.ttl_kept == (("a.z", "A"),)


def test_ttl_changes_only_where_all_values_are_ours():
    live = one("a", "A", "192.0.2.1")
    slower = one("a", "A", "192.0.2.1", ttl=60)
    assert plan([live], [slower], owned(live)).changes == (Change(live, slower),)
    shared = one("a", "A", "192.0.2.1", "192.0.2.2")
    assert plan([shared], [slower], owned(live)).is_empty


def test_cname_beside_foreign_data_is_blocked_and_ours_stays():
    address, text = one("a", "A", "192.0.2.1"), one("a", "TXT", '"theirs"')
    found = plan([address, text], [one("a", "CNAME", "t.")], owned(address))
    assert found.is_empty
    assert [(b.type, b.code) for b in found.blocked] == [
        ("A", "held"),
        ("CNAME", "cname_not_alone"),
    ]


def test_foreign_cname_is_never_overwritten():
    theirs = one("a", "CNAME", "theirs.")
    for wanted, code in (
        (one("a", "CNAME", "ours."), "cname_foreign"),
        (one("a", "A", "192.0.2.1"), "cname_not_alone"),
    ):
        found = plan([theirs], [wanted], set())
        assert found.is_empty
        assert [b.code for b in found.blocked] == [code]


def test_cname_switch_makes_room_first():
    a, aaaa = one("a", "A", "192.0.2.1"), one("a", "AAAA", "2001:db8::1")
    alias, other, gone = (
        one("a", "CNAME", "t."),
        one("b", "A", "192.0.2.1"),
        one("0", "A", "192.0.2.9"),
    )
    there = plan([a, aaaa, gone], [alias, other], owned(a, aaaa, gone)).changes
    assert [(c.action, c.key[1]) for c in there] == [
        (Action.CREATE, "A"),
        (Action.DELETE, "A"),
        (Action.DELETE, "AAAA"),
        (Action.CREATE, "CNAME"),
        (Action.DELETE, "A"),
    ]
    assert [len(unit) for unit in units(there)] == [1, 3, 1]
    back = plan([alias], [a], owned(alias)).changes
    assert [c.action for c in back] == [Action.DELETE, Action.CREATE]


def test_soa_is_read_only():
    found = plan([SOA], [RRset("z", "SOA", 60, ("other",))], set())
    assert found.is_empty
    assert [b.code for b in found.blocked] == ["soa_read_only"]


@pytest.mark.parametrize(
    ("count", "touched", "safe"), [(9, 9, True), (10, 3, True), (10, 4, False)]
)
def test_thresholds(count, touched, safe):
    live = [one(f"n{number}", "A", "192.0.2.1") for number in range(count)]
    found = plan(live, live[touched:], owned(*live))
    found.check_safety(len(live), forced=True)
    if safe:
        found.check_safety(len(live))
        return
    with pytest.raises(Conflict) as caught:
        found.check_safety(len(live))
    assert caught.value.code == "plan_unsafe"
    assert f"{touched} of {count}" in caught.value.detail


def test_creations_are_always_safe():
    plan([], [one(f"n{n}", "A", "192.0.2.1") for n in range(50)], set()).check_safety(50)


def test_name_servers_of_the_apex_need_force():
    found = plan([SOA], [RRset("z", "NS", 300, ("ns.",))], set())
    with pytest.raises(Conflict):
        found.check_safety(1)
    found.check_safety(1, forced=True)
    plan([SOA], [one("sub", "NS", "ns.")], set()).check_safety(1)


def test_fingerprint():
    a, b = one("a", "A", "192.0.2.1"), one("b", "A", "192.0.2.1")
    same = fingerprint([a, b, SOA])
    moved = RRset("z", "SOA", 300, ("ns. h. 2 2 3 4 5",))
    assert fingerprint([moved, b, a]) == same
    assert len(same) == 64
    for other in ([a], [a, one("b", "A", "192.0.2.2")], [a, one("b", "A", "192.0.2.1", ttl=60)]):
        assert fingerprint(other) != same


VALUES = {"A": ["1", "2", "3"], "TXT": ['"a"', '"b"'], "CNAME": ["x.", "y."], "MX": ["1 m."]}


@st.composite
def rrsets(draw):
    """Draw a legal zone of few names and values, so that everything meets everything."""
    found = []
    for name in draw(st.sets(st.sampled_from(["a.z", "b.z", "*.z", "z"]))):
        alias = draw(st.booleans())
        types = {"CNAME"} if alias else draw(st.sets(st.sampled_from(["A", "TXT", "MX"])))
        for rdtype in sorted(types):
            most = 1 if alias else 3
            values = draw(st.sets(st.sampled_from(VALUES[rdtype]), min_size=1, max_size=most))
            found.append(
                RRset(name, rdtype, draw(st.sampled_from([60, 300])), tuple(sorted(values)))
            )
    return found


@given(rrsets(), rrsets(), st.data())
def test_a_second_plan_is_empty_and_nothing_foreign_changes(current, desired, data):
    everything = sorted(owned(*current))
    ours = set(data.draw(st.lists(st.sampled_from(everything)) if everything else st.just([])))
    found = plan(current, desired, ours)
    after = performed(current, found.changes)
    assert set(everything) - ours <= owned(*after), "a foreign value is gone"
    blocked = {(b.name, b.type) for b in found.blocked}
    kept = {
        rrset.key for rrset in current if any((*rrset.key, v) not in ours for v in rrset.values)
    }
    for rrset in desired:
        if rrset.key not in blocked:
            assert owned(rrset) <= owned(*after), "something wanted is missing"
    for key in kept:
        before = next(rrset for rrset in current if rrset.key == key)
        assert next(rrset for rrset in after if rrset.key == key).ttl == before.ttl
    created = owned(*(c.after for c in found.changes if c.after)) - set(everything)
    left = {v for v in ours if v in owned(*after)}
    assert all(v in owned(*desired) or v[:2] in blocked for v in left), "left over"
    again = plan(after, desired, left | created)
    assert again.is_empty
    assert again.blocked == found.blocked
    assert plan(merge(current), merge(desired), ours) == found
