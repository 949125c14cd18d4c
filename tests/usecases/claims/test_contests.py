"""A name goes to a newcomer only after its holder's proofs failed twice, a day apart."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.usecases.claims.contest_rig import Contests
from tests.usecases.test_holders import bound, served

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.conditions import Condition
from nameplate.core.errors import NotFound
from nameplate.core.lifecycle import VerificationStatus
from nameplate.db import Sessions
from nameplate.models import (
    ChallengeStatus,
    Domain,
    HoldingBasis,
    LossReason,
    NameHolding,
    Verification,
)
from nameplate.ports.validation import Security, Validation
from nameplate.usecases.claims import conditions, contests, domains, verifications

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


def test_two_failures_a_day_apart_give_the_name_to_the_newcomer(world: Contests) -> None:
    mine, theirs, challenge = contested(world)
    red, blue = (world.domain(one).organization_id for one in (mine, theirs))
    assert world.held() == {NAME: red}, "never at once"
    assert world.step(challenge).first_failed_at is not None
    assert world.held() == {NAME: red}
    assert world.step(challenge, after=timedelta(hours=23)).is_open
    assert world.held() == {NAME: red}
    ended = world.step(challenge, after=DAY)
    assert (ended.status, ended.outcome_code) == (ChallengeStatus.WON, "incumbent_unproved")
    assert world.held() == {NAME: blue}
    assert world.domain(theirs).is_live
    lost = world.domain(mine)
    assert not lost.is_live
    assert (lost.contest_id, lost.contested_until) == (None, None)
    assert world.domain(theirs).challenge_id is None


def test_the_former_holder_is_served_no_more_and_its_tokens_prove_nothing(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    old = world.proof(mine).verification_token
    world.withdraw(mine)
    bound(world.offline, red, mine)
    below = world.claim(red, f"shop.{NAME}", publish=False, look=False)
    bound(world.offline, red, below)
    theirs = world.claim(blue, NAME)
    challenge = world.open_challenge()
    world.step(challenge)
    assert {one for one, _ in served(world.offline)} == {NAME, f"shop.{NAME}"}
    world.step(challenge, after=DAY)
    assert served(world.offline) == {}
    world.zone.there[NAME].add(old)
    world.look(mine)
    assert not world.domain(mine).is_live
    assert not world.domain(below).is_live
    assert world.domain(theirs).is_live


def test_both_are_told_and_neither_of_the_other(world: Contests) -> None:
    red, blue = world.organization("red-gmbh"), world.organization("blue-gmbh")
    mine = world.claim(red, NAME)
    world.withdraw(mine)
    world.claim(blue, NAME)
    challenge = world.open_challenge()
    world.step(challenge)
    world.step(challenge, after=DAY)
    for actor in (red, blue):
        told = world.events(actor)
        assert "domain.challenged" in told
        assert "domain.challenge_ended" in told
        assert told.index("domain.challenged") < told.index("domain.transferred")
    assert "domain.lapsed" in world.events(red)
    assert "challenge.won" in world.events(blue)
    assert "blue" not in world.told(red)
    assert "red-gmbh" not in world.told(blue)
    assert ids.show("org", blue.organization_id or 0) not in world.told(red)


def test_a_holder_that_proves_is_left_alone_and_the_newcomer_is_told_why(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, NAME)
    theirs = world.claim(blue, NAME)
    ended = world.step(world.open_challenge())
    assert (ended.status, ended.outcome_code) == (ChallengeStatus.REFUSED, "incumbent_proved")
    assert world.held() == {NAME: red.organization_id}
    assert "proved again" in (world.domain(theirs).error_message or "")
    world.look(theirs)
    assert "next one is possible from" in (world.domain(theirs).error_message or "")
    seen = ownership(world, theirs)
    assert seen.reason == "name_in_use"
    assert "release it where it is in use" in seen.fix
    assert "Publish" not in seen.fix, "it is published"


def test_the_holder_sees_what_to_do_and_ends_it_by_proving(world: Contests) -> None:
    mine, theirs, challenge = contested(world)
    assert ownership(world, theirs).reason == "challenge_open"
    assert ownership(world, theirs).fix.startswith("Keep the proof published")
    world.step(challenge)
    with world.sessions.begin(PLATFORM) as session:
        told = conditions.of(session, world.tools, session.get_one(Domain, mine))
    found = next(one for one in told if one.type == "challenge")
    until = world.challenge(challenge).decides_at
    assert until is not None
    assert f"{until:%Y-%m-%d %H:%M}" in found.fix
    assert world.proof(mine).verification_token in "".join(found.expected)
    world.publish(mine)
    assert world.look(mine) is VerificationStatus.VERIFIED
    assert world.challenge(challenge).outcome_code == "incumbent_proved"
    with world.sessions.begin(PLATFORM) as session:
        told = conditions.of(session, world.tools, session.get_one(Domain, mine))
        other = conditions.of(session, world.tools, session.get_one(Domain, theirs))
    assert not [one for one in told if one.type == "challenge"]
    assert not world.domain(theirs).is_live
    assert next(one for one in other if one.type == "ownership").reason == "name_in_use"


def ownership(world: Contests, domain_id: int) -> Condition:
    with world.sessions.begin(PLATFORM) as session:
        told = conditions.of(session, world.tools, session.get_one(Domain, domain_id))
    return next(one for one in told if one.type == "ownership")


def test_a_fresh_token_of_the_holder_ends_it_too(world: Contests) -> None:
    mine, _, challenge = contested(world)
    world.step(challenge)
    red = world.domain(mine)
    with world.sessions.begin(PLATFORM) as session:
        verifications.create(session, world.tools, session.get_one(Domain, mine), "dns_txt")
    world.publish(mine)
    world.look(mine)
    assert world.challenge(challenge).status is ChallengeStatus.REFUSED
    assert world.held() == {NAME: red.organization_id}


@pytest.mark.parametrize("silent", ["incumbent", "challenger", "both"])
def test_what_is_not_definite_counts_for_nobody(world: Contests, silent: str) -> None:
    mine, theirs, challenge = contested(world)
    world.step(challenge)
    if silent in {"incumbent", "both"}:
        world.zone.silent.add(world.proof(mine).verification_token)
    if silent in {"challenger", "both"}:
        world.zone.silent.add(world.proof(theirs).verification_token)
    red = world.domain(mine).organization_id
    assert world.step(challenge, after=DAY).is_open
    assert world.held() == {NAME: red}
    ended = world.step(challenge, after=timedelta(days=5))
    assert (ended.status, ended.outcome_code) == (ChallengeStatus.REFUSED, "incumbent_unclear")
    assert world.held() == {NAME: red}


def test_an_answer_that_does_not_validate_is_no_failure(world: Contests) -> None:
    mine, _, challenge = contested(world)

    class Bogus:
        def validate(self, name: str, rdtype: str) -> Validation:
            return Validation(Security.BOGUS, fault="expired", detail=f"{rdtype} of {name}")

    world.tools = world.offline.tools = replace(world.tools, validator=Bogus())
    assert world.step(challenge).first_failed_at is None
    assert world.step(challenge, after=DAY).is_open
    assert world.held() == {NAME: world.domain(mine).organization_id}


def test_the_newcomer_s_own_proof_must_be_there_at_the_end(world: Contests) -> None:
    mine, theirs, challenge = contested(world)
    world.step(challenge)
    world.withdraw(theirs)
    ended = world.step(challenge, after=DAY)
    assert (ended.status, ended.outcome_code) == (ChallengeStatus.REFUSED, "challenger_unproved")
    assert world.held() == {NAME: world.domain(mine).organization_id}


def test_a_claim_that_is_removed_ends_its_challenge(world: Contests) -> None:
    mine, theirs, challenge = contested(world)
    with world.sessions.begin(PLATFORM) as session:
        domains.remove(session, world.tools, PLATFORM, ids.show("dom", theirs), world.tools.clock())
    assert world.step(challenge).outcome_code == "challenger_gone"
    assert world.domain(mine).contest_id is None


def test_one_of_several_proofs_is_enough(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    star = world.claim(red, f"*.{NAME}")
    world.publish(star)
    with world.sessions.begin(PLATFORM) as session:
        for row in session.scalars(sa.select(Verification)):
            row.status = VerificationStatus.VERIFIED
    world.withdraw(mine)
    world.claim(blue, NAME)
    assert world.step(world.open_challenge()).outcome_code == "incumbent_proved"
    assert set(world.held().values()) == {red.organization_id}


def test_what_the_operator_gave_is_lost_to_no_proof(world: Contests) -> None:
    mine, _, challenge = contested(world)
    with world.sessions.begin(PLATFORM) as session:
        for row in session.scalars(sa.select(Verification)):
            if row.organization_domain_id == mine:
                row.expire("The operator gave it.")
        session.scalars(sa.select(NameHolding)).one().basis = HoldingBasis.OPERATOR
    ended = world.step(challenge)
    assert (ended.status, ended.outcome_code) == (ChallengeStatus.REFUSED, "incumbent_unclear")
    assert world.held() == {NAME: world.domain(mine).organization_id}


def test_a_suspension_by_the_platform_is_not_shaken_off(world: Contests) -> None:
    mine, _, challenge = contested(world)
    with world.sessions.begin(PLATFORM) as session:
        domains.suspend(session, PLATFORM, ids.show("dom", mine), world.tools.clock(), "phishing")
    assert world.step(challenge).outcome_code == "incumbent_unclear"
    assert world.held() == {NAME: world.domain(mine).organization_id}


@pytest.mark.parametrize("reason", [one for one in LossReason if one.needs_new_token])
def test_a_record_from_before_a_new_registration_answers_no_challenge(
    world: Contests, reason: LossReason
) -> None:
    mine, theirs, challenge = contested(world)
    world.publish(mine)  # whoever registered the name has copied the old zone
    with world.sessions.begin(PLATFORM) as session:
        proof = session.get_one(Verification, world.proof(mine).id)
        proof.lose(reason, world.tools.clock())
    assert world.step(challenge).is_open
    assert world.step(challenge, after=DAY).status is ChallengeStatus.WON
    assert world.domain(theirs).is_live


def test_only_the_challenger_sees_and_withdraws_it(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    world.withdraw(mine)
    world.claim(blue, NAME)
    reference = ids.show("chl", world.open_challenge())
    for hostile in (red, world.organization("green")):
        with pytest.raises(NotFound) as refused:
            contests.withdraw(world.sessions, hostile, reference)
        assert refused.value.code == "challenge_not_found"
        with world.sessions.begin(hostile) as session:
            assert contests.page(session, hostile, limit=5) == []
    ended = contests.withdraw(world.sessions, blue, reference)
    assert ended.status is ChallengeStatus.WITHDRAWN
    assert world.domain(mine).contest_id is None
    assert contests.withdraw(world.sessions, blue, reference).outcome_code == "withdrawn"
