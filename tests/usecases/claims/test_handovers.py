"""What ends with a holding, and what goes along with it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from tests.usecases.claims.contest_rig import Contests
from tests.usecases.claims.test_grants import lent
from tests.usecases.claims.transfer_rig import accepted, of, offered, served_by_a_proxy
from tests.usecases.test_holders import bound, served

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.lifecycle import VerificationStatus
from nameplate.db import Sessions, lock_name
from nameplate.models import Domain, NameGrant, NameHolding, Verification
from nameplate.usecases.claims import domains, handovers, proving, verifications

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


def test_a_gift_is_proved_in_time_however_many_tokens_are_asked_for(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, NAME)
    accepted(world, blue, offered(world, red, blue))
    mine = of(world, blue).id
    at_the_end = datetime.now(UTC) + timedelta(days=29)
    late = replace(world.tools, clock=lambda: at_the_end)
    with world.sessions.begin(blue) as session:
        verifications.add(session, late, blue, NAME, "dns_txt")
    world.look(mine, after=timedelta(days=31))
    assert world.held() == {}
    assert not world.domain(mine).is_live


def test_a_gift_is_not_kept_by_what_is_below_it(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, NAME)
    accepted(world, blue, offered(world, red, blue))
    below = world.claim(blue, f"shop.{NAME}", publish=False, look=False)
    assert world.domain(below).is_live
    _remove(world, blue, of(world, blue).id)
    assert world.held() == {}
    assert not world.domain(below).is_live


def test_a_gift_is_kept_by_a_wildcard_that_can_prove_it(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, NAME)
    accepted(world, blue, offered(world, red, blue))
    wildcard = world.claim(blue, f"*.{NAME}", publish=False, look=False)
    _remove(world, blue, of(world, blue).id)
    assert world.held() == {NAME: blue.organization_id}
    world.look(wildcard, after=timedelta(days=31))
    assert world.held() == {}


def test_a_proof_of_the_name_alone_keeps_of_a_gift_only_that(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, NAME)
    accepted(world, blue, offered(world, red, blue))
    mine, below = of(world, blue).id, world.claim(blue, f"shop.{NAME}", publish=False, look=False)
    served_by_a_proxy(world)
    bound(world.offline, blue, mine)
    bound(world.offline, blue, below, hostname=f"shop.{NAME}")
    wide = world.proof(mine)
    with world.sessions.begin(blue) as session:
        verifications.add(session, world.tools, blue, NAME, "file_upload")
    world.offline.method.published[NAME] = world.proof(mine).verification_token
    assert world.look(mine) is VerificationStatus.VERIFIED
    assert len(served(world.offline)) == 2, "the rest has its time"
    lease = world.offline.leased(Verification, wide.id, after=timedelta(days=31))
    proving.reconcile(world.sessions, world.tools, lease)
    assert world.domain(mine).is_live
    assert not world.domain(below).is_live
    assert set(served(world.offline)) == {(NAME, "/")}


def _remove(world: Contests, actor: Actor, domain: int) -> None:
    with world.sessions.begin(actor) as session:
        domains.remove(session, world.tools, actor, ids.show("dom", domain), datetime.now(UTC))
