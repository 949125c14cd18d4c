"""Which hosts lose a wildcard's answers when new names come to exist."""

import pytest

from nameplate.core import wildcards
from nameplate.core.records import RRset, by_key

APEX = "example.com"
WILD = RRset("*.apps.example.com", "A", 300, ("192.0.2.1",))
WILD_TEXT = RRset("*.apps.example.com", "TXT", 300, ('"hello"',))


def at(name: str, rdtype: str = "TXT", value: str = '"x"') -> RRset:
    return RRset(f"{name}.{APEX}", rdtype, 60, (value,))


def hosts(current: list[RRset], *coming: RRset) -> dict[str, tuple[str, ...]]:
    found = wildcards.hidden(current, coming, APEX)
    return {one.name.removesuffix(f".{APEX}"): one.places for one in found}


def test_a_name_below_a_host_makes_the_host_exist() -> None:
    (found,) = wildcards.hidden([WILD], [at("_acme-challenge.blue.apps")], APEX)
    assert (found.name, found.wildcard) == ("blue.apps.example.com", WILD.name)
    assert found.by == "_acme-challenge.blue.apps.example.com"
    assert not found.has_own
    assert wildcards.copies([found], {}) == [
        WILD._replace(name="blue.apps.example.com"),
        WILD._replace(name="*.blue.apps.example.com"),
    ]
    assert found.warning == (
        "blue.apps.example.com is answered from *.apps.example.com (A) only until "
        "_acme-challenge.blue.apps.example.com has a record (RFC 4592)."
    )


def test_every_name_on_the_way_comes_to_exist() -> None:
    assert list(hosts([WILD], at("_x.a.b.apps"))) == ["b.apps", "a.b.apps"]


def test_the_closest_encloser_counts() -> None:
    """A wildcard further up answers for nothing below a name that exists."""
    top = RRset(f"*.{APEX}", "A", 300, ("192.0.2.9",))
    (found,) = wildcards.hidden([top, WILD], [at("_x.blue.apps")], APEX)
    assert found.wildcard == WILD.name
    assert hosts([top, at("there.shop")], at("_x.blue.shop")) == {}
    assert list(hosts([top], at("_x.blue.shop"))) == ["shop", "blue.shop"]


@pytest.mark.parametrize(
    "coming",
    [
        [at("_acme-challenge.apps")],  # nobody's host
        [at("_x._tcp.apps")],
        [at("host._tcp.apps", "A", "192.0.2.2")],
        [at("blue.other")],  # no wildcard there
        [at("*.apps", "A", "192.0.2.2")],  # the wildcard itself
        [RRset(APEX, "TXT", 60, ('"x"',))],
    ],
)
def test_what_hides_nothing(coming: list[RRset]) -> None:
    assert hosts([WILD], *coming) == {}


def test_a_host_that_exists_has_nothing_to_lose() -> None:
    for there in (at("blue.apps"), at("_old.blue.apps"), at("deep.blue.apps", "A", "192.0.2.5")):
        assert hosts([WILD, there], at("_x.blue.apps")) == {}


def test_a_host_that_gets_records_of_its_own_is_left_to_them() -> None:
    own = at("blue.apps", "CNAME", "edge.example.net.")
    (found,) = wildcards.hidden([WILD, WILD_TEXT], [own, at("_x.blue.apps")], APEX)
    assert found.has_own
    assert wildcards.copies([found], {}) == []


def test_a_text_at_the_host_itself_takes_its_address() -> None:
    text = at("blue.apps")
    found = wildcards.hidden([WILD, WILD_TEXT], [text], APEX)
    made = wildcards.copies(found, by_key([text]))
    assert {(one.name.partition(".apps")[0], one.type) for one in made} == {
        ("blue", "A"), ("*.blue", "A"), ("*.blue", "TXT"),
    }  # fmt: skip


def test_our_own_wildcard_is_one_too() -> None:
    (found,) = wildcards.hidden([], [WILD, at("_x.blue.apps")], APEX)
    assert found.records == (WILD,)


def test_a_wildcard_below_a_wildcard_takes_the_host_above_it() -> None:
    below = at("*.blue.apps", "A", "192.0.2.7")
    (found,) = wildcards.hidden([WILD], [below], APEX)
    assert found.places == ("blue.apps.example.com",)
