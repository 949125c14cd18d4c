"""What the random programs found, each as a program of its own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.db import Sessions
from nameplate.models import Binding, NameHolding, Verification
from nameplate.usecases import holders
from nameplate.usecases.claims import domains, overrides, proving, verifications
from nameplate.usecases.tenants import organizations
from tests.usecases.offline import Offline
from tests.usecases.test_holders import bound, claim, domain, proofs, served

NAME = "shop-red.com"


@pytest.fixture
def world(sessions: Sessions) -> Offline:
    return Offline(sessions)


def see(world: Offline, row: Verification, **more: Any) -> VerificationStatus:
    world.method.published[NAME] = row.verification_token
    return look(world, row, **more)


def look(world: Offline, row: Verification, days: int = 0) -> VerificationStatus:
    lease = world.leased(Verification, row.id, after=timedelta(days=days))
    proving.reconcile(world.sessions, world.tools, lease)
    return next(r for r in proofs(world, row.organization_domain_id) if r.id == row.id).status


def lose(world: Offline, row: Verification) -> None:
    world.method.published.pop(NAME, None)
    for days in (31, 34, 37, 38, 68):
        look(world, row, days)


def held(world: Offline) -> dict[str, str]:
    with world.sessions.begin(PLATFORM) as session:
        return {row.name: row.scope.value for row in session.scalars(sa.select(NameHolding))}


def offer(world: Offline, red: Actor, method: str) -> None:
    with world.sessions.begin(red) as session:
        verifications.add(session, world.tools, red, NAME, method)


def test_a_proof_is_lost_though_another_was_offered(world: Offline) -> None:
    red = world.organization("red")
    row = claim(world, red, NAME)
    see(world, proofs(world, row)[0])
    offer(world, red, "file_upload")
    lose(world, proofs(world, row)[0])
    assert held(world) == {}
    assert not domain(world, row).is_live


def test_a_claim_is_not_over_while_another_token_can_prove_it(world: Offline) -> None:
    red = world.organization("red")
    row = claim(world, red, NAME)
    offer(world, red, "file_upload")
    first, second = proofs(world, row)
    assert look(world, second, days=8) is VerificationStatus.EXPIRED
    assert see(world, first) is VerificationStatus.VERIFIED
    assert held(world) == {NAME: "subtree"}


def test_a_claim_that_has_run_out_is_proved_by_another_token(world: Offline) -> None:
    red = world.organization("red")
    row = claim(world, red, NAME)
    assert look(world, proofs(world, row)[0], days=8) is VerificationStatus.EXPIRED
    assert domain(world, row).status is DomainStatus.EXPIRED
    offer(world, red, "file_upload")
    assert domain(world, row).status is DomainStatus.PENDING_VERIFICATION
    assert see(world, proofs(world, row)[-1]) is VerificationStatus.VERIFIED
    assert domain(world, row).is_live


def test_a_holding_reaches_as_far_as_the_proofs_that_are_left(world: Offline) -> None:
    red = world.organization("red")
    row = claim(world, red, NAME)
    wide = proofs(world, row)[0]
    see(world, wide)
    offer(world, red, "file_upload")
    see(world, proofs(world, row)[1])
    assert held(world) == {NAME: "subtree"}
    below = claim(world, red, f"api.{NAME}")
    assert domain(world, below).is_live
    lose(world, wide)
    assert held(world) == {NAME: "exact"}
    assert domain(world, row).is_live
    assert not domain(world, below).is_live


def test_a_wildcard_that_is_removed_takes_its_reach_along(world: Offline) -> None:
    red = world.organization("red")
    row = claim(world, red, NAME, verification_method="file_upload")
    see(world, proofs(world, row)[0])
    wildcard = claim(world, red, f"*.{NAME}")
    see(world, proofs(world, wildcard)[0])
    assert held(world) == {NAME: "subtree"}
    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, f"*.{NAME}", datetime.now(UTC))
    assert held(world) == {NAME: "exact"}


@pytest.mark.parametrize("used", [False, True])
def test_tokens_of_a_restored_organization_prove_nothing(world: Offline, *, used: bool) -> None:
    red = world.organization("red")
    row = claim(world, red, NAME)
    old = proofs(world, row)[0]
    if used:
        see(world, old)
    reference = ids.show("org", red.organization_id or 0)
    for act in (organizations.remove, organizations.restore):
        with world.sessions.begin(PLATFORM) as session:
            act(session, PLATFORM, reference, datetime.now(UTC))
    assert see(world, old) is VerificationStatus.EXPIRED
    assert held(world) == {}
    fresh = proofs(world, row)[-1]
    assert fresh.verification_token == domain(world, row).verification_token
    assert see(world, fresh) is VerificationStatus.VERIFIED


def test_an_organization_that_is_off_may_use_nothing(world: Offline) -> None:
    red = world.organization("red")
    row = claim(world, red, NAME, proved=True)
    binding = bound(world, red, row)
    for on in (False, True):
        with world.sessions.begin(PLATFORM) as session:
            session.get_one(Binding, binding).next_action_at = None
        with world.sessions.begin(PLATFORM) as session:
            organizations.update(
                session, PLATFORM, ids.show("org", red.organization_id or 0), is_active=on
            )
            may = holders.holds(session, red.organization_id or 0, NAME, live=row)
            assert may is on
        with world.sessions.begin(PLATFORM) as session:
            assert session.get_one(Binding, binding).next_action_at is not None


def test_a_proof_of_a_name_alone_takes_nothing_away(world: Offline) -> None:
    red = world.organization("red")
    claim(world, red, "above-red.com", proved=True)
    row = claim(world, red, "shop.above-red.com", verification_method="file_upload")
    proof = proofs(world, row)[0]
    world.method.published["shop.above-red.com"] = proof.verification_token
    look(world, proof)
    bound(world, red, row, hostname="x.shop.above-red.com", subdomain="x")
    assert served(world) == {("x.shop.above-red.com", "/"): red.organization_id}


def test_what_is_proved_anew_outlives_the_proof_that_was_lost(world: Offline) -> None:
    red = world.organization("red")
    row = claim(world, red, NAME)
    first = proofs(world, row)[0]
    see(world, first)
    world.method.published.pop(NAME)
    for days in (31, 34, 37, 38):
        look(world, first, days)
    assert not domain(world, row).is_live
    offer(world, red, "file_upload")
    second = proofs(world, row)[-1]
    assert see(world, second) is VerificationStatus.VERIFIED
    assert look(world, first, 68) is VerificationStatus.FAILED
    assert held(world) == {NAME: "exact"}
    assert look(world, second) is VerificationStatus.VERIFIED


def test_a_host_is_served_by_whatever_holding_of_its_organization_reaches_it(
    world: Offline,
) -> None:
    """The claim of the binding proves its own name only; another claim proves the host itself."""
    red = world.organization("red")
    row = claim(world, red, NAME, verification_method="file_upload")
    see(world, proofs(world, row)[0])
    binding = bound(world, red, row, hostname=f"x.{NAME}", subdomain="x")
    assert served(world) == {}

    host = claim(world, red, f"x.{NAME}", verification_method="file_upload")
    rest(world, binding)
    world.method.published[f"x.{NAME}"] = proofs(world, host)[0].verification_token
    look(world, proofs(world, host)[0])
    assert served(world) == {(f"x.{NAME}", "/"): red.organization_id}
    assert is_due(world, binding)

    rest(world, binding)
    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, f"x.{NAME}", datetime.now(UTC))
    assert served(world) == {}
    assert is_due(world, binding)


def test_a_name_given_by_the_operator_outlives_the_claims_that_it_stood_for(
    world: Offline,
) -> None:
    """It stands for a claim below once the claim on the name itself is gone; then for the next one."""
    red = world.organization("red")
    rows = [claim(world, red, name) for name in (f"x.{NAME}", f"shop.{NAME}")]
    reference = ids.show("org", red.organization_id or 0)
    with world.sessions.begin(PLATFORM) as session:
        overrides.give(
            session, world.tools, PLATFORM, NAME, reference, reason="So.", now=datetime.now(UTC)
        )
    for name, rest_on in ((NAME, [NAME, NAME]), (f"x.{NAME}", [None, NAME])):
        with world.sessions.begin(red) as session:
            domains.remove(session, world.tools, red, name, datetime.now(UTC))
        assert held(world) == {NAME: "subtree"}
        assert [domain(world, row).holding_name for row in rows] == rest_on
    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, f"shop.{NAME}", datetime.now(UTC))
    assert held(world) == {}


def rest(world: Offline, binding: int) -> None:
    with world.sessions.begin(PLATFORM) as session:
        session.get_one(Binding, binding).next_action_at = None


def is_due(world: Offline, binding: int) -> bool:
    with world.sessions.begin(PLATFORM) as session:
        return session.get_one(Binding, binding).next_action_at is not None
