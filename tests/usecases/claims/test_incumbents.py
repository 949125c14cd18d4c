"""Whom a proved claim challenges: the same name, above, below, wildcards and other spellings."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.usecases.claims.contest_rig import Contests

from nameplate.adapters.verification.memory import MemoryMethod
from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions
from nameplate.models import (
    NameChallenge,
    VerificationMethodName,
)
from nameplate.usecases.claims import domains, incumbents

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
