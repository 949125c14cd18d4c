"""Finding rows by references, and walking through lists."""

import pytest
from sqlalchemy.orm import Session
from tests.models import world

from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.core.ids import Prefix, show
from nameplate.models import Application
from nameplate.usecases import lookup


def test_pages_are_in_order_and_one_row_tells_of_more(lite: Session) -> None:
    owner = world.organization(lite)
    ids = [world.application(lite, owner, name=f"a{n}").id for n in range(4)]
    query = Application.visible(Actor(owner.id))

    def page(limit: int, after: int | None = None) -> list[int]:
        found = lookup.keyset(lite, query, Application.id, limit=limit, after=after)
        return [row.id for row in found]

    assert page(2) == ids[:3]
    assert page(2, ids[1]) == ids[2:]
    assert page(2, ids[3]) == []


def test_no_page_is_larger_than_the_bound(lite: Session) -> None:
    owner = world.organization(lite)
    for number in range(lookup.MAX_LIMIT + 2):
        world.application(lite, owner, name=f"a{number}")
    query = Application.visible(Actor(owner.id))
    found = lookup.keyset(lite, query, Application.id, limit=10**6)
    assert len(found) == lookup.MAX_LIMIT + 1


def test_filters_leave_out_what_is_none(lite: Session) -> None:
    owner = world.organization(lite)
    gold = world.application(lite, owner, name="Shop", metadata_={"tier": "gold"})
    world.application(lite, owner, name="Shop", metadata_={"tier": "tin"})
    query = Application.visible(Actor(owner.id))
    every = lookup.matching(query, Application, name="Shop", external_id=None)
    assert len(lite.scalars(every).all()) == 2
    some = lookup.matching(query, Application, metadata={"tier": "gold"}, name="Shop")
    assert [row.id for row in lite.scalars(some)] == [gold.id]


def test_every_wrong_reference_has_the_same_answer(lite: Session) -> None:
    owner, stranger = world.organization(lite), world.organization(lite)
    theirs = world.application(lite, stranger, name="Theirs")
    query = Application.visible(Actor(owner.id))
    wrong = [
        *("", "Shop", "Theirs", "app_", "app_zzz", "Sh\u00f6p"),
        show(Prefix.APPLICATION, theirs.id),
        show(Prefix.APPLICATION, theirs.id + 1000),
    ]
    told = set()
    for reference in wrong:
        with pytest.raises(NotFound) as caught:
            lookup.find(lite, query, Application, Prefix.APPLICATION, reference, Application.name)
        told.add((caught.value.code, caught.value.detail))
    assert told == {("application_not_found", "There is no such application.")}


def test_a_name_that_fits_twice_is_ambiguous(lite: Session) -> None:
    owner = world.organization(lite)
    first, _ = (world.application(lite, owner, name="Shop") for _ in range(2))
    query = Application.visible(Actor(owner.id))
    with pytest.raises(Conflict) as caught:
        lookup.find(lite, query, Application, Prefix.APPLICATION, "Shop", Application.name)
    assert caught.value.code == "reference_ambiguous"
    reference = show(Prefix.APPLICATION, first.id)
    assert lookup.find(lite, query, Application, Prefix.APPLICATION, reference) is first


def test_only_what_is_allowed_is_changed(lite: Session) -> None:
    row = world.application(lite, world.organization(lite))
    lookup.changed(row, {"metadata": {"a": "b"}, "name": "New"}, frozenset({"metadata", "name"}))
    assert (row.metadata_, row.name) == ({"a": "b"}, "New")
    with pytest.raises(Invalid) as caught:
        lookup.changed(row, {"organization_id": 1}, frozenset({"name"}))
    assert caught.value.code == "field_not_changeable"
