"""Whom a proved claim challenges: the same name, above, below, wildcards and other spellings."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from tests.models import world as rows
from tests.usecases.claims.contest_rig import Contests, at_once

from nameplate.adapters.verification.memory import MemoryMethod
from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid
from nameplate.db import Sessions
from nameplate.models import (
    NameChallenge,
    NameHolding,
    Verification,
    VerificationMethodName,
)
from nameplate.usecases.claims import contests, domains, incumbents, proving

NAME = "example-red.com"
DAY = timedelta(hours=24, minutes=1)


@pytest.fixture
def world(sessions: Sessions) -> Contests:
    return Contests(sessions)


def contested(world: Contests, name: str = NAME, held: str = NAME) -> tuple[int, int, int]:
    """Have blue prove what red holds and proves no more; return both domains and the challenge."""
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, held)
    world.withdraw(mine)
    theirs = world.claim(blue, name)
    return mine, theirs, world.open_challenge()


def test_a_child_challenges_who_holds_what_is_above(world: Contests) -> None:
    mine, theirs, challenge = contested(world, name=f"shop.{NAME}")
    world.step(challenge)
    assert world.domain(mine).contest_id == challenge
    world.step(challenge, after=DAY)
    assert world.held() == {f"shop.{NAME}": world.domain(theirs).organization_id}


def test_a_parent_challenges_everybody_below(world: Contests) -> None:
    red, blue, green = (world.organization(one) for one in ("red", "blue", "green"))
    first, second = world.claim(red, f"a.{NAME}"), world.claim(green, f"b.{NAME}")
    world.withdraw(first)
    theirs = world.claim(blue, NAME)
    assert world.step(world.open_challenge()).outcome_code == "incumbent_proved", "green proves"
    world.withdraw(second)
    _forget_pause(world)
    world.look(theirs)
    challenge = world.open_challenge()
    world.step(challenge)
    assert world.domain(first).contest_id == world.domain(second).contest_id == challenge
    world.step(challenge, after=DAY)
    assert world.held() == {NAME: blue.organization_id}


def _forget_pause(world: Contests) -> None:
    with world.sessions.begin(PLATFORM) as session:
        for row in session.scalars(sa.select(NameChallenge)):
            row.ended_at = row.created_at - incumbents.PAUSE


def test_a_name_proved_meanwhile_is_looked_at_twice_as_well(world: Contests) -> None:
    red, blue, green = (world.organization(one) for one in ("red", "blue", "green"))
    first = world.claim(red, f"a.{NAME}")
    world.withdraw(first)
    world.claim(blue, NAME)
    challenge = world.open_challenge()
    world.step(challenge)
    late = world.claim(green, f"b.{NAME}", look=False)
    world.look(late, after=timedelta(hours=20))
    world.withdraw(late)
    kept = world.held()
    assert world.step(challenge, after=DAY).is_open
    assert world.held() == kept
    assert world.domain(late).contest_id == challenge
    world.step(challenge, after=2 * DAY)
    assert world.held() == {NAME: blue.organization_id}


def test_a_wildcard_challenges_the_name_that_it_is_below(world: Contests) -> None:
    _, theirs, challenge = contested(world, name=f"*.{NAME}")
    world.step(challenge)
    world.step(challenge, after=DAY)
    assert world.held() == {NAME: world.domain(theirs).organization_id}
    assert world.domain(theirs).is_live


def test_spellings_of_one_name_are_one_name(world: Contests) -> None:
    _, theirs, challenge = contested(world, name="BÜCHER.com.", held="xn--bcher-kva.com")
    world.step(challenge)
    world.step(challenge, after=DAY)
    assert world.held() == {"xn--bcher-kva.com": world.domain(theirs).organization_id}


def test_a_proof_of_the_name_alone_challenges_nobody(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    world.withdraw(mine)
    with world.sessions.begin(blue) as session:
        row = domains.add(
            session, world.tools, blue, name=NAME, verification_methods=("file_upload",)
        )
    proof = world.proof(row.id)
    method = world.tools.methods[VerificationMethodName.FILE_UPLOAD]
    assert isinstance(method, MemoryMethod)
    method.published[NAME] = proof.verification_token
    world.look(row.id)
    with world.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(NameChallenge)).first() is None
    assert world.held() == {NAME: red.organization_id}


def test_parked_claims_have_a_limit_and_cost_nobody_else_anything(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    tools = replace(world.tools, max_unproved=2)
    for number in range(2):
        with world.sessions.begin(blue) as session:
            domains.add(session, tools, blue, name=f"n{number}.{NAME}")
    with pytest.raises(Conflict) as refused, world.sessions.begin(blue) as session:
        domains.add(session, tools, blue, name=NAME)
    assert refused.value.code == "too_many_unproved"
    with world.sessions.begin(PLATFORM) as session:
        domains.add(
            session, tools, PLATFORM, name=NAME,
            organization=ids.show("org", blue.organization_id or 0),
        )  # fmt: skip
    mine = world.claim(red, NAME)
    assert world.domain(mine).is_live
    with world.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(NameChallenge)).first() is None


def test_a_name_of_the_platform_is_held_by_no_proof(world: Contests) -> None:
    red = world.organization("red")
    with world.sessions.begin(PLATFORM) as session:
        rows.server(session, None, address=f"edge.{NAME}")
    for name in (NAME, f"edge.{NAME}", f"a.edge.{NAME}", f"*.edge.{NAME}"):
        assert not world.domain(world.claim(red, name)).is_live
    assert world.held() == {}
    assert world.domain(world.claim(red, f"www.{NAME}")).is_live
    tools = replace(world.tools, platform_names=("own-red.com",))
    with pytest.raises(Invalid) as refused, world.sessions.begin(red) as session:
        domains.add(session, tools, red, name="API.Own-Red.com.")
    assert refused.value.code == "name_platform"


def test_a_race_of_newcomers_opens_one_challenge_and_leaves_one_holder(world: Contests) -> None:
    red = world.organization("red")
    mine = world.claim(red, NAME)
    world.withdraw(mine)
    names = [NAME, f"a.{NAME}", f"*.{NAME}", f"b.a.{NAME}"]
    claims = [
        world.claim(world.organization(f"new-{number}"), name, look=False)
        for number, name in enumerate(names)
    ]
    leases = [
        world.offline.leased(Verification, world.proof(one).id, after=timedelta(seconds=1))
        for one in claims
    ]
    assert set(
        at_once([partial(proving.reconcile, world.sessions, world.tools, one) for one in leases])
    ) == {None}
    challenge = world.open_challenge()
    world.step(challenge)
    decided = world.offline.leased(NameChallenge, challenge, after=timedelta(hours=25))
    again = [
        world.offline.leased(Verification, world.proof(one).id, after=timedelta(hours=25))
        for one in [mine, *claims]
    ]
    steps = [partial(proving.reconcile, world.sessions, world.tools, one) for one in again]
    assert set(
        at_once([partial(contests.reconcile, world.sessions, world.tools, decided), *steps])
    ) == {None}
    with world.sessions.begin(PLATFORM) as session:
        held = session.scalars(sa.select(NameHolding)).all()
        assert len({row.organization_id for row in held}) == 1, "nobody has a part of it"
