"""One holder of a name: the rule, and the race for it between processes."""

import multiprocessing
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict
from nameplate.core.holdings import Holding, decide
from nameplate.db import Sessions
from nameplate.models import Domain, NameHolding, Organization
from nameplate.usecases import holders
from nameplate.usecases.claims import holdings

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PAIRS = 250
"""The short form; the long one has a thousand."""


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        (("a.com", False, 1), ("a.com", False, 2)),
        (("a.com", True, 1), ("a.com", False, 2)),
        (("b.a.com", False, 1), ("a.com", True, 2)),
        (("c.b.a.com", True, 1), ("a.com", True, 2)),
        (("a.com", True, 1), ("c.b.a.com", False, 2)),
    ],
)
def test_overlapping_names_of_two_organizations_conflict(wanted, held):
    with pytest.raises(Conflict) as caught:
        decide(Holding(*wanted), [Holding(*held)])
    assert caught.value.code == "name_in_use"
    assert "2" not in caught.value.detail


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        (("a.com", True, 1), ("a.com", True, 1)),
        (("b.a.com", False, 1), ("a.com", False, 2)),
        (("a.com", False, 1), ("b.a.com", True, 2)),
        (("ba.com", True, 1), ("a.com", True, 2)),
        (("x.a.com", True, 1), ("y.a.com", True, 2)),
    ],
)
def test_names_beside_each_other_do_not_conflict(wanted, held):
    decide(Holding(*wanted), [Holding(*held)])


def _claims(pair: int) -> tuple[tuple[str | None, bool], tuple[str | None, bool]]:
    """Return two conflicting claims below one registrable domain: subdomain, subtree."""
    kinds = [
        ((None, True), (None, True)),
        ((None, True), ("sub", False)),
        (("shop", True), ("www.shop", True)),
        (("*", True), ("sub", False)),
    ]
    first, second = kinds[pair % len(kinds)]
    return (first, second) if pair % 2 else (second, first)


def _add_claims(sessions: Sessions, pairs: int) -> list[tuple[int, int]]:
    with sessions.begin(PLATFORM) as session:
        organizations = [Organization(name=name, slug=name) for name in ("red", "blue")]
        session.add_all(organizations)
        session.flush()
        sides = []
        for side, organization in enumerate(organizations):
            rows = [
                Domain(
                    organization_id=organization.id,
                    domain_name=f"pair{pair}.com",
                    subdomain=_claims(pair)[side][0],
                )
                for pair in range(pairs)
            ]
            session.add_all(rows)
            sides.append(rows)
        session.flush()
        return [(one.id, other.id) for one, other in zip(*sides, strict=True)]


def _race(url: str, side: int, ids: list[int], barrier: Barrier) -> None:
    sessions = sessions_over(url)
    for pair, domain_id in enumerate(ids):
        subtree = _claims(pair)[side][1]

        def take(session, domain_id=domain_id, subtree=subtree):
            holdings.take(session, session.get_one(Domain, domain_id), subtree=subtree, now=NOW)

        barrier.wait(60)
        try:
            sessions.run(PLATFORM, take)
        except Conflict:
            continue
    sessions.dispose()


@pytest.mark.parametrize("races", [PAIRS, pytest.param(1000, marks=pytest.mark.torture)])
def test_races_have_one_winner_each(migrated_url, races):
    sessions = sessions_over(migrated_url)
    pairs = _add_claims(sessions, races)
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    racers = [
        context.Process(target=_race, args=(migrated_url, side, [p[side] for p in pairs], barrier))
        for side in (0, 1)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(150)
    assert [racer.exitcode for racer in racers] == [0, 0]
    with sessions.begin(PLATFORM) as session:
        rows = session.execute(sa.select(NameHolding.base, NameHolding.organization_id)).all()
    sessions.dispose()
    assert len(rows) == races
    assert len({row.base for row in rows}) == races
    winners = [row.organization_id for row in rows]
    assert min(winners.count(side) for side in set(winners)) > races // 50, "no race happened"


def test_a_released_name_can_be_taken_by_another(sessions):
    with sessions.begin(PLATFORM) as session:
        organizations = [Organization(name=name, slug=name) for name in ("red", "blue")]
        session.add_all(organizations)
        session.flush()
        one, other = (
            Domain(organization_id=organization.id, domain_name="acme.com", subdomain=None)
            for organization in organizations
        )
        session.add_all([one, other])
        session.flush()
        session.refresh(one)
        session.refresh(other)
        holdings.take(session, one, subtree=True, now=NOW)
        assert holders.holds(session, one.organization_id, "*.shop.acme.com")
        with pytest.raises(Conflict):
            holdings.take(session, other, subtree=False, now=NOW)
        holdings.release(session, one)
        assert not holders.holds(session, one.organization_id, "acme.com")
        holdings.take(session, other, subtree=False, now=NOW)
        assert holders.holds(session, other.organization_id, "acme.com")
        assert not holders.holds(session, other.organization_id, "*.acme.com")
        assert not holders.holds(session, other.organization_id, "shop.acme.com")
