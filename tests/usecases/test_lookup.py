"""Which domain a name means when several organizations claim it."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session
from tests.databases import Templates, sessions_over
from tests.models import world
from tests.models.world import NOW

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, NotFound
from nameplate.core.ids import show
from nameplate.models import Domain, HoldingScope, Organization
from nameplate.models.deletion import soft_delete
from nameplate.usecases import lookup


@pytest.fixture
def session(templates: Templates) -> Iterator[Session]:
    made = sessions_over(templates.url("sqlite"))
    with made.begin(PLATFORM) as session:
        yield session
        session.rollback()
    made.dispose()


@pytest.fixture
def acme(session: Session) -> Organization:
    return world.organization(session, name="Acme")


@pytest.fixture
def stranger(session: Session) -> Organization:
    return world.organization(session, name="Stranger")


def means(session: Session, reference: str, actor: Actor = PLATFORM) -> Domain:
    return lookup.domain(session, actor, reference)


def test_the_only_claim_is_meant(session: Session, acme: Organization) -> None:
    claim = world.domain(session, acme, "shop.com")
    assert means(session, "shop.com") is claim
    assert means(session, "SHOP.com.") is claim
    assert means(session, show("dom", claim.id)) is claim


def test_the_holder_is_meant(session: Session, acme: Organization, stranger: Organization) -> None:
    held = world.domain(session, acme, "shop.com")
    claim = world.domain(session, stranger, "shop.com")
    with pytest.raises(Conflict):
        means(session, "shop.com")
    world.holding(session, held)
    assert means(session, "shop.com") is held
    assert means(session, "shop.com", Actor(stranger.id)) is claim
    assert means(session, show("dom", claim.id)) is claim


@pytest.mark.parametrize(
    ("scope", "name", "is_held"),
    [
        (HoldingScope.SUBTREE, "api", True),
        (HoldingScope.SUBTREE, "*.api", True),
        (HoldingScope.EXACT, "api", False),
    ],
)
def test_a_holding_above_counts_as_far_as_it_reaches(
    session: Session, scope: HoldingScope, name: str, is_held: bool
) -> None:
    acme, stranger = world.organization(session), world.organization(session)
    world.holding(session, world.domain(session, acme, "shop.com"), scope=scope)
    own = world.domain(session, acme, "shop.com", subdomain=name)
    world.domain(session, stranger, "shop.com", subdomain=name)
    if is_held:
        assert means(session, f"{name}.shop.com") is own
    else:
        with pytest.raises(Conflict):
            means(session, f"{name}.shop.com")


def test_a_holder_without_a_claim_of_that_name_means_nothing(
    session: Session, acme: Organization, stranger: Organization
) -> None:
    world.holding(session, world.domain(session, acme, "shop.com"), scope=HoldingScope.SUBTREE)
    alone = world.domain(session, stranger, "shop.com", subdomain="api")
    assert means(session, "api.shop.com") is alone
    world.domain(session, world.organization(session), "shop.com", subdomain="api")
    with pytest.raises(Conflict):
        means(session, "api.shop.com")


def test_the_candidates_are_listed(
    session: Session, acme: Organization, stranger: Organization
) -> None:
    claims = [world.domain(session, one, "shop.com") for one in (acme, stranger)]
    with pytest.raises(Conflict) as raised:
        means(session, "shop.com")
    assert raised.value.code == "domain_ambiguous"
    for claim, owner in zip(claims, (acme, stranger), strict=True):
        assert show("dom", claim.id) in raised.value.detail
        assert f"{owner.name} ({show('org', owner.id)})" in raised.value.detail
    for _ in range(lookup.MAX_CANDIDATES):
        world.domain(session, world.organization(session), "shop.com")
    with pytest.raises(Conflict, match="and others") as raised:
        means(session, "shop.com")
    assert raised.value.detail.count("dom_") == lookup.MAX_CANDIDATES


def test_a_removed_domain_by_name(
    session: Session, acme: Organization, stranger: Organization
) -> None:
    removed = []
    for _ in range(2):
        removed.append(world.domain(session, acme, "shop.com"))
        soft_delete(session, removed[-1], NOW)
    session.flush()
    assert lookup.domain(session, PLATFORM, "shop.com", deleted=True) is removed[-1]
    with pytest.raises(NotFound):
        means(session, "shop.com")
    soft_delete(session, world.domain(session, stranger, "shop.com"), NOW)
    session.flush()
    with pytest.raises(Conflict):
        lookup.domain(session, PLATFORM, "shop.com", deleted=True)
    assert lookup.domain(session, Actor(acme.id), "shop.com", deleted=True) is removed[-1]
