"""Finding rows by references, walking through lists, and which domain a name means."""

import pytest
from sqlalchemy.orm import Session
from tests.models import world
from tests.models.world import NOW

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.core.ids import Prefix, show
from nameplate.models import Application, Domain, HoldingScope, Organization
from nameplate.models.deletion import soft_delete
from nameplate.usecases import lookup


@pytest.fixture
def acme(lite: Session) -> Organization:
    return world.organization(lite, name="Acme")


@pytest.fixture
def stranger(lite: Session) -> Organization:
    return world.organization(lite, name="Stranger")


def means(lite: Session, reference: str, actor: Actor = PLATFORM) -> Domain:
    return lookup.domain(lite, actor, reference)


def test_the_only_claim_is_meant(lite: Session, acme: Organization) -> None:
    claim = world.domain(lite, acme, "shop.com")
    assert means(lite, "shop.com") is claim
    assert means(lite, "SHOP.com.") is claim
    assert means(lite, show("dom", claim.id)) is claim


def test_the_holder_is_meant(lite: Session, acme: Organization, stranger: Organization) -> None:
    held = world.domain(lite, acme, "shop.com")
    claim = world.domain(lite, stranger, "shop.com")
    with pytest.raises(Conflict):
        means(lite, "shop.com")
    world.holding(lite, held)
    assert means(lite, "shop.com") is held
    assert means(lite, "shop.com", Actor(stranger.id)) is claim
    assert means(lite, show("dom", claim.id)) is claim


@pytest.mark.parametrize(
    ("scope", "name", "is_held"),
    [
        (HoldingScope.SUBTREE, "api", True),
        (HoldingScope.SUBTREE, "*.api", True),
        (HoldingScope.EXACT, "api", False),
    ],
)
def test_a_holding_above_counts_as_far_as_it_reaches(
    lite: Session, scope: HoldingScope, name: str, is_held: bool
) -> None:
    acme, stranger = world.organization(lite), world.organization(lite)
    world.holding(lite, world.domain(lite, acme, "shop.com"), scope=scope)
    own = world.domain(lite, acme, "shop.com", subdomain=name)
    world.domain(lite, stranger, "shop.com", subdomain=name)
    if is_held:
        assert means(lite, f"{name}.shop.com") is own
    else:
        with pytest.raises(Conflict):
            means(lite, f"{name}.shop.com")


def test_a_holder_without_a_claim_of_that_name_means_nothing(
    lite: Session, acme: Organization, stranger: Organization
) -> None:
    world.holding(lite, world.domain(lite, acme, "shop.com"), scope=HoldingScope.SUBTREE)
    alone = world.domain(lite, stranger, "shop.com", subdomain="api")
    assert means(lite, "api.shop.com") is alone
    world.domain(lite, world.organization(lite), "shop.com", subdomain="api")
    with pytest.raises(Conflict):
        means(lite, "api.shop.com")


def test_the_candidates_are_listed(
    lite: Session, acme: Organization, stranger: Organization
) -> None:
    claims = [world.domain(lite, one, "shop.com") for one in (acme, stranger)]
    with pytest.raises(Conflict) as raised:
        means(lite, "shop.com")
    assert raised.value.code == "domain_ambiguous"
    for claim, owner in zip(claims, (acme, stranger), strict=True):
        assert show("dom", claim.id) in raised.value.detail
        assert f"{owner.name} ({show('org', owner.id)})" in raised.value.detail
    for _ in range(lookup.MAX_CANDIDATES):
        world.domain(lite, world.organization(lite), "shop.com")
    with pytest.raises(Conflict, match="and others") as raised:
        means(lite, "shop.com")
    assert raised.value.detail.count("dom_") == lookup.MAX_CANDIDATES


def test_a_removed_domain_by_name(
    lite: Session, acme: Organization, stranger: Organization
) -> None:
    removed = []
    for _ in range(2):
        removed.append(world.domain(lite, acme, "shop.com"))
        soft_delete(lite, removed[-1], NOW)
    lite.flush()
    assert lookup.domain(lite, PLATFORM, "shop.com", deleted=True) is removed[-1]
    with pytest.raises(NotFound):
        means(lite, "shop.com")
    soft_delete(lite, world.domain(lite, stranger, "shop.com"), NOW)
    lite.flush()
    with pytest.raises(Conflict):
        lookup.domain(lite, PLATFORM, "shop.com", deleted=True)
    assert lookup.domain(lite, Actor(acme.id), "shop.com", deleted=True) is removed[-1]


def test_pages_are_in_order_and_one_row_tells_of_more(lite: Session) -> None:
    owner = world.organization(lite)
    ids = [world.application(lite, owner, name=f"a{n}").id for n in range(4)]
    query = Application.visible(Actor(owner.id))

    def page(limit: int, after: int | None = None) -> list[int]:
        found = lookup.page(lite, query, Application, limit=limit, after=after)
        return [row.id for row in found]

    assert page(2) == ids[:3]
    assert page(2, ids[1]) == ids[2:]
    assert page(2, ids[3]) == []


def test_no_page_is_larger_than_the_bound(lite: Session) -> None:
    owner = world.organization(lite)
    for number in range(lookup.MAX_LIMIT + 2):
        world.application(lite, owner, name=f"a{number}")
    query = Application.visible(Actor(owner.id))
    found = lookup.page(lite, query, Application, limit=10**6)
    assert len(found) == lookup.MAX_LIMIT + 1


def test_filters_leave_out_what_is_none(lite: Session) -> None:
    owner = world.organization(lite)
    gold = world.application(lite, owner, name="Shop", metadata_={"tier": "gold"})
    world.application(lite, owner, name="Shop", metadata_={"tier": "tin"})
    query = Application.visible(Actor(owner.id))
    every = lookup.page(lite, query, Application, limit=9, name="Shop", external_id=None)
    assert len(every) == 2
    some = lookup.page(lite, query, Application, limit=9, metadata={"tier": "gold"}, name="Shop")
    assert [row.id for row in some] == [gold.id]


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
