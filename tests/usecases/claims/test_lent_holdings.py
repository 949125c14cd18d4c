"""Holdings that rest on grants: which are void, and what makes way for a proof."""

from datetime import timedelta

import pytest
from tests.models import world as rows
from tests.usecases.offline import Offline
from tests.usecases.test_holders import claim, domain, now

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict
from nameplate.db import Sessions
from nameplate.models import Domain, HoldingScope, NameGrant
from nameplate.usecases.claims import lent_holdings

BASE = "example-red.com"


@pytest.fixture
def world(sessions: Sessions) -> Offline:
    return Offline(sessions)


def granted(world: Offline, lender: int, to: Actor, name: str = f"shop.{BASE}") -> int:
    """Write a grant as its lender does."""
    with world.sessions.begin(PLATFORM) as session:
        row = rows.grant(
            session,
            session.get_one(Domain, lender),
            name=name,
            grantee_organization_id=to.organization_id,
        )
        return int(row.id)


def test_a_lender_proves_nothing_of_what_it_lends(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    base = claim(world, red, BASE, proved=True)
    grant = granted(world, base, blue)
    inside = claim(world, red, f"a.shop.{BASE}")
    with world.sessions.begin(PLATFORM) as session:
        row = session.get_one(Domain, inside)
        with pytest.raises(Conflict) as refused:
            lent_holdings.make_way(session, row, now())
        assert refused.value.code == "name_lent"
        session.get_one(NameGrant, grant).ends_at = now() - timedelta(seconds=1)
        session.flush()
        assert lent_holdings.make_way(session, row, now()) == ()
    assert not domain(world, inside).is_live


def test_a_grant_lends_what_its_lender_holds_with_everything_below(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    base = claim(world, red, BASE)
    grant = granted(world, base, blue)

    def may_lend() -> bool:
        with world.sessions.begin(PLATFORM) as session:
            return lent_holdings.may_lend(session, session.get_one(NameGrant, grant))

    assert not may_lend()
    with world.sessions.begin(PLATFORM) as session:
        held = rows.holding(session, session.get_one(Domain, base), scope=HoldingScope.EXACT)
        session.flush()
        assert not lent_holdings.may_lend(session, session.get_one(NameGrant, grant))
        held.scope = HoldingScope.SUBTREE
    assert may_lend()


def test_registrable_domains_with_grants_are_told_from_others(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    granted(world, claim(world, red, BASE), blue)
    with world.sessions.begin(PLATFORM) as session:
        assert lent_holdings.bases(session, [BASE, "other.com"]) == {BASE}
