"""The operator's decision about a name stands above proofs, and both sides are told why."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.usecases.claims.contest_rig import Contests
from tests.usecases.claims.test_grants import lent
from tests.usecases.test_holders import bound, served

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, NotFound, NotPermitted
from nameplate.db import Sessions
from nameplate.models import Event, HoldingBasis, NameHolding
from nameplate.usecases.claims import domains, overrides
from nameplate.usecases.claims.overrides import Override

NAME = "example-red.com"
WHY = "A court has decided (case 7)."


@pytest.fixture
def world(sessions: Sessions) -> Contests:
    return Contests(sessions)


def given(world: Contests, to: Actor, name: str = NAME, actor: Actor = PLATFORM) -> Override:
    reference = ids.show("org", to.organization_id or 0)
    with world.sessions.begin(actor) as session:
        return overrides.give(
            session, world.tools, actor, name, reference, reason=WHY, now=world.tools.clock()
        )


def released(world: Contests, name: str = NAME, actor: Actor = PLATFORM) -> Override:
    with world.sessions.begin(actor) as session:
        return overrides.release(
            session, world.tools, actor, name, reason=WHY, now=world.tools.clock()
        )


def test_a_name_is_given_whoever_proves_it(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    bound(world.offline, red, mine)
    done = given(world, blue)
    assert world.held() == {NAME: blue.organization_id}
    assert [(one.name, one.hosts) for one in done.ended] == [(NAME, (NAME,))]
    assert done.domain is not None
    assert world.domain(done.domain.id).is_live
    assert not world.domain(mine).is_live
    assert served(world.offline) == {}
    with pytest.raises(Conflict) as refused:
        given(world, blue)
    assert refused.value.code == "already_held"


def test_both_are_told_the_reason_and_not_who(world: Contests) -> None:
    red, blue = world.organization("red-gmbh"), world.organization("blue-gmbh")
    world.claim(red, NAME)
    given(world, blue)
    for actor in (red, blue):
        with world.sessions.begin(PLATFORM) as session:
            query = sa.select(Event).where(
                Event.organization_id == actor.organization_id, Event.type == "domain.overridden"
            )
            assert session.scalars(query).one().after["reason"] == WHY
    assert "blue" not in world.told(red)
    assert "red-gmbh" not in world.told(blue)


def test_what_was_given_survives_proofs_looks_and_challenges(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    done = given(world, blue)
    assert done.domain is not None
    world.publish(mine)
    world.look(mine)
    challenge = world.open_challenge()
    assert world.step(challenge).outcome_code == "incumbent_unclear"
    world.look(done.domain.id, after=timedelta(days=60))
    assert world.held() == {NAME: blue.organization_id}
    with world.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(NameHolding)).one().basis is HoldingBasis.OPERATOR
    with world.sessions.begin(blue) as session:
        domains.remove(session, world.tools, blue, NAME, world.tools.clock())
    assert world.held() == {}


def test_a_name_is_taken_from_its_holder(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    below = world.claim(red, f"shop.{NAME}", publish=False, look=False)
    released(world)
    assert world.held() == {}
    assert not world.domain(mine).is_live
    assert not world.domain(below).is_live
    assert world.domain(world.claim(blue, NAME)).is_live
    with pytest.raises(NotFound):
        released(world, "other-red.com")


def test_names_below_go_too_and_what_is_above_is_named(world: Contests) -> None:
    red, blue, green = (world.organization(one) for one in ("red", "blue", "green"))
    world.claim(red, f"a.{NAME}")
    world.claim(green, f"b.{NAME}")
    done = given(world, blue)
    assert {one.name for one in done.ended} == {f"a.{NAME}", f"b.{NAME}"}
    assert world.held() == {NAME: blue.organization_id}
    with pytest.raises(Conflict) as refused:
        given(world, red, f"a.{NAME}")
    assert refused.value.code == "held_from_above"
    lent(world.offline, blue, green, f"b.{NAME}")
    world.claim(green, f"c.b.{NAME}", publish=False, look=False)
    with pytest.raises(NotFound):
        released(world, f"c.b.{NAME}")


def test_nobody_but_the_operator_decides(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, NAME)
    for act in (lambda: given(world, blue, actor=blue), lambda: released(world, actor=red)):
        with pytest.raises(NotPermitted):
            act()
    assert world.held() == {NAME: red.organization_id}


def test_a_trial_changes_nothing(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, NAME)
    reference = ids.show("org", blue.organization_id or 0)
    with world.sessions.begin(PLATFORM) as session:
        done = overrides.give(
            session, world.tools, PLATFORM, NAME, reference, reason=WHY, now=world.tools.clock()
        )
        session.rollback()
    assert [one.organization_id for one in done.ended] == [red.organization_id]
    assert world.held() == {NAME: red.organization_id}
    assert "domain.overridden" not in world.events(red)
