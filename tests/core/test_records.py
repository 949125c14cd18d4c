"""Record sets and changes as values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core.records import Action, Change, RRset, by_key, merge, units

NAMES = st.sampled_from(["a.example", "b.example"])
SETS = st.builds(
    lambda name, rdtype, ttl, value: RRset(name, rdtype, ttl, (value,)),
    NAMES,
    st.sampled_from(["A", "TXT"]),
    st.integers(1, 9),
    st.sampled_from("xyz"),
)


def a(name: str, *values: str, rdtype: str = "A", ttl: int = 60) -> RRset:
    return RRset(name, rdtype, ttl, values)


def test_a_change_says_what_it_does() -> None:
    old, new = a("x", "1"), a("x", "2")
    assert Change(None, new).action is Action.CREATE
    assert Change(old, new).action is Action.UPDATE
    assert Change(old, None).action is Action.DELETE
    assert Change(old, None).key == Change(None, new).key == ("x", "A")
    with pytest.raises(ValueError, match="without a record set"):
        _ = Change(None, None).key


def test_sets_of_one_name_and_type_become_one() -> None:
    found = merge([a("y", "1"), a("x", "2", ttl=5), a("x", "1", ttl=9), a("x", "1", rdtype="TXT")])
    assert found == [a("x", "1", "2", ttl=5), a("x", "1", rdtype="TXT"), a("y", "1")]


@given(st.lists(SETS))
def test_merging_loses_and_invents_nothing(rrsets: list[RRset]) -> None:
    merged = merge(rrsets)
    assert merged == merge(merged)
    assert len({one.key for one in merged}) == len(merged)
    flat = {(*one.key, value) for one in merged for value in one.values}
    assert flat == {(*one.key, value) for one in rrsets for value in one.values}
    assert all(one.values == tuple(sorted(set(one.values))) for one in merged)


def test_what_is_known_already_is_not_kept_twice() -> None:
    known = a("x", "1")
    found = by_key([a("x", "1")], {known.key: known})
    assert found[known.key] is known
    assert by_key([a("x", "2")], {known.key: known}) == {known.key: a("x", "2")}


def test_a_switch_to_an_alias_goes_together() -> None:
    away, there = Change(a("x", "1"), None), Change(None, a("x", "y.", rdtype="CNAME"))
    other, text = Change(None, a("z", "1")), Change(None, a("z", "t", rdtype="TXT"))
    assert units([away, other, there, text]) == [[away, there], [other], [text]]
