"""What ends with a holding, and what goes along with it."""

import pytest
import sqlalchemy as sa
from tests.usecases.claims.contest_rig import Contests
from tests.usecases.claims.test_grants import lent

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import VerificationStatus
from nameplate.db import Sessions, lock_name
from nameplate.models import Domain, NameGrant, NameHolding, Verification
from nameplate.usecases.claims import handovers

NAME = "example-red.com"


@pytest.fixture
def world(sessions: Sessions) -> Contests:
    return Contests(sessions)


def test_a_dispossessed_claim_gets_a_fresh_token_and_every_old_one_is_void(world: Contests) -> None:
    red = world.organization("red")
    mine = world.claim(red, NAME)
    below = world.claim(red, f"a.{NAME}", publish=False, look=False)
    old = world.proof(mine)
    with world.sessions.begin(PLATFORM) as session:
        lock_name(session, NAME)
        row = session.get_one(NameHolding, NAME)
        handovers.dispossess(session, world.tools, row, world.tools.clock(), "It is over.")
    assert world.held() == {}
    assert world.proof(mine).verification_token != old.verification_token
    with world.sessions.begin(PLATFORM) as session:
        assert session.get_one(Verification, old.id).status is VerificationStatus.FAILED
    assert world.domain(mine).error_message == "It is over."
    assert not world.domain(below).is_live


def test_grants_below_a_name_get_its_new_holder_as_their_lender(world: Contests) -> None:
    red, blue, green = (world.organization(one) for one in ("red", "blue", "green"))
    mine = world.claim(red, NAME)
    world.claim(red, "other-red.com")
    lent(world.offline, red, green, f"shop.{NAME}")
    lent(world.offline, red, blue, f"mine.{NAME}")
    lent(world.offline, red, green, "shop.other-red.com")
    assert blue.organization_id is not None
    with world.sessions.begin(PLATFORM) as session:
        row = session.get_one(NameHolding, NAME)
        handovers.move_grants(session, row, blue.organization_id, world.tools.clock())
    with world.sessions.begin(PLATFORM) as session:
        found = {row.name: row for row in session.scalars(sa.select(NameGrant))}
        assert found[f"shop.{NAME}"].organization_id == blue.organization_id
        assert found[f"mine.{NAME}"].revoked_at is not None
        assert found["shop.other-red.com"].organization_id == red.organization_id
        assert session.get_one(Domain, mine).is_live
