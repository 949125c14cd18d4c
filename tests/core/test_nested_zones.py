"""What another zone of the account answers for is not put into its parent."""

from nameplate.core.nested_zones import unseen
from nameplate.core.records import Change, RRset


def change(name: str, rdtype: str = "A") -> Change:
    return Change(None, RRset(name, rdtype, 60, ("x",)))


def test_the_cut_itself_stays_above() -> None:
    changes = [
        change("sub.x.net"),
        change("a.sub.x.net"),
        change("asub.x.net"),
        change("sub.x.net", "NS"),
        change("sub.x.net", "DS"),
        change("a.sub.x.net", "NS"),
        Change(RRset("b.sub.x.net", "A", 60, ("x",)), None),
    ]
    found = unseen(["sub.x.net"], changes)
    assert set(found) == {("sub.x.net", "A"), ("a.sub.x.net", "A"), ("a.sub.x.net", "NS")}
    assert unseen([], changes) == {}


def test_the_nearest_zone_is_named() -> None:
    ((code, detail),) = unseen(["sub.x.net", "b.sub.x.net"], [change("a.b.sub.x.net")]).values()
    assert code == "zone_nested"
    assert "zone b.sub.x.net of" in detail
