"""What is lent is the grantee's while it is lent, and nobody's but the holder's before and after."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.models import world as rows
from tests.usecases.offline import Offline
from tests.usecases.test_holders import bound, claim, domain, now, proofs, served

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Binding, Domain, NameGrant, NameHolding, Organization, Verification
from nameplate.usecases import holders
from nameplate.usecases.claims import conditions, domains, grants, instructions, proving
from nameplate.usecases.claims.grants import Terms

BASE = "example-red.com"
SHOP = f"shop.{BASE}"


@pytest.fixture
def world(sessions: Sessions) -> Offline:
    return Offline(sessions)


def lent(world: Offline, lender: Actor, to: Actor, name: str = SHOP, **terms: Any) -> int:
    """Lend a name, and have a worker do what follows."""
    with world.sessions.begin(lender) as session:
        row, code = grants.add(session, world.tools, lender, Terms(name, **terms), now=now())
    assert code is not None
    grants.accept(world.sessions, to, code)
    step(world, row.id)
    return int(row.id)


def step(world: Offline, grant: int, after: timedelta = timedelta(0)) -> None:
    grants.reconcile(world.sessions, world.tools, world.leased(NameGrant, grant, after=after))


def due(world: Offline) -> None:
    """Take the steps of all grants that are due."""
    with world.sessions.begin(PLATFORM) as session:
        waiting = session.scalars(sa.select(NameGrant.id).where(NameGrant.next_action_at <= now()))
        found = list(waiting)
    for grant in found:
        step(world, grant)


def claimed(world: Offline, actor: Actor, name: str) -> int:
    """Claim a name, and have workers look at it."""
    row = claim(world, actor, name)
    proof = proofs(world, row)[-1]
    proving.reconcile(world.sessions, world.tools, world.leased(Verification, proof.id))
    due(world)
    return row


def revoke(world: Offline, lender: Actor, grant: int, at: datetime | None = None) -> None:
    with world.sessions.begin(lender) as session:
        grants.revoke(session, lender, ids.show("gnt", grant), now(), at)


def held(world: Offline) -> dict[str, int]:
    with world.sessions.begin(PLATFORM) as session:
        return {row.name: row.organization_id for row in session.scalars(sa.select(NameHolding))}


def test_a_lent_name_is_the_grantee_s_without_a_proof(world: Offline) -> None:
    red, blue, green = (world.organization(name) for name in ("red", "blue", "green"))
    claim(world, red, BASE, proved=True)
    lent(world, red, blue)
    row = claimed(world, blue, SHOP)
    bound(world, blue, row)
    assert held(world) == {BASE: red.organization_id, SHOP: blue.organization_id}
    assert domain(world, row).is_live
    assert served(world) == {(SHOP, "/"): blue.organization_id}
    below = claim(world, blue, f"a.{SHOP}")
    assert domain(world, below).is_live
    assert not domain(world, claim(world, green, SHOP)).is_live
    assert not domain(world, claim(world, red, f"b.{SHOP}")).is_live


def test_the_grantee_is_told_that_nothing_is_to_be_published(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    claim(world, red, BASE, proved=True)
    lent(world, red, blue)
    row = claimed(world, blue, SHOP)
    with world.sessions.begin(blue) as session:
        found = session.get_one(Domain, row)
        told = conditions.of(session, world.tools, found)
        first = next(one for one in told if one.type == "ownership")
        publish = instructions.of(session, world.tools, found)
    assert (first.status, first.reason) == (True, "lent")
    assert first.message == f"{SHOP} is lent to the organization."
    assert publish[0].done
    assert "Nothing to publish" in publish[0].instruction.sentence


def test_a_name_that_is_lent_alone_reaches_nothing_below(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    claim(world, red, BASE, proved=True)
    lent(world, red, blue, subtree=False)
    row, below = claimed(world, blue, SHOP), claimed(world, blue, f"a.{SHOP}")
    assert domain(world, row).is_live
    assert not domain(world, below).is_live
    assert domain(world, claim(world, red, f"b.{SHOP}")).is_live


def test_a_claim_that_was_there_before_the_grant_is_live_by_it(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    claim(world, red, BASE, proved=True)
    row = claim(world, blue, SHOP)
    lent(world, red, blue)
    assert domain(world, row).is_live


def test_a_revoked_grant_ends_with_notice_and_gives_back(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    claim(world, red, BASE, proved=True)
    grant = lent(world, red, blue)
    theirs = claimed(world, blue, SHOP)
    bound(world, blue, theirs)
    mine = claim(world, red, SHOP)
    revoke(world, red, grant)
    step(world, grant, after=timedelta(days=6))
    assert served(world) == {(SHOP, "/"): blue.organization_id}
    step(world, grant, after=timedelta(days=7, minutes=1))
    assert served(world) == {}
    assert held(world) == {BASE: red.organization_id}
    assert domain(world, theirs).status is DomainStatus.PENDING_VERIFICATION
    assert domain(world, mine).is_live
    fresh = proofs(world, theirs)[-1]
    assert fresh.status is VerificationStatus.PENDING


@pytest.mark.parametrize("how", ["revoked", "agreed"])
def test_a_grant_ends_when_it_was_said(world: Offline, how: str) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    claim(world, red, BASE, proved=True)
    end = now() + timedelta(days=30)
    grant = lent(world, red, blue, ends_at=end if how == "agreed" else None)
    row = claimed(world, blue, SHOP)
    if how == "revoked":
        revoke(world, red, grant, now())
        due(world)
    else:
        step(world, grant, after=timedelta(days=31))
    assert not domain(world, row).is_live
    assert held(world) == {BASE: red.organization_id}


def test_what_was_lent_ends_with_the_holding_of_its_lender(world: Offline) -> None:
    red, blue, green = (world.organization(name) for name in ("red", "blue", "green"))
    claim(world, red, BASE, proved=True)
    lent(world, red, blue, may_lend=True)
    shop = claimed(world, blue, SHOP)
    lent(world, blue, green, f"a.{SHOP}")
    below = claimed(world, green, f"a.{SHOP}")
    bound(world, green, below)
    assert domain(world, below).is_live
    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, BASE, now())
    due(world)
    assert held(world) == {}
    assert served(world) == {}
    assert not domain(world, shop).is_live
    assert not domain(world, below).is_live


def test_another_holder_above_ends_what_its_former_one_lent(world: Offline) -> None:
    """No worker has looked at the grant yet when somebody else proves the name."""
    red, blue, green = (world.organization(name) for name in ("red", "blue", "green"))
    claim(world, red, BASE, proved=True)
    lent(world, red, blue)
    row = claimed(world, blue, SHOP)
    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, BASE, now())
    claim(world, green, BASE, proved=True)
    assert held(world) == {BASE: green.organization_id}
    assert not domain(world, row).is_live


def test_what_is_lent_comes_back_with_the_proof_of_its_lender(world: Offline) -> None:
    """Nobody waits for a back-off: the proof itself has the grant looked at."""
    red, blue = world.organization("red"), world.organization("blue")
    mine = claim(world, red, BASE, proved=True)
    lent(world, red, blue)
    row = claimed(world, blue, SHOP)
    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, BASE, now())
    due(world)
    assert not domain(world, row).is_live
    with world.sessions.begin(red) as session:
        domains.restore(session, world.tools, red, BASE, now())
    fresh = proofs(world, mine)[-1]
    world.method.published[BASE] = fresh.verification_token
    proving.reconcile(world.sessions, world.tools, world.leased(Verification, fresh.id))
    due(world)
    assert domain(world, row).is_live


def test_a_grant_that_its_lender_stands_in_the_way_of_says_so_until_they_leave(
    world: Offline,
) -> None:
    """The lender proved the name at the very moment in which it lent it."""
    red, blue = world.organization("red"), world.organization("blue")
    claim(world, red, BASE, proved=True)
    row = claim(world, blue, SHOP)
    with world.sessions.begin(red) as session:
        made, code = grants.add(session, world.tools, red, Terms(SHOP), now=now())
    claim(world, red, SHOP, proved=True)
    grants.accept(world.sessions, blue, code or Secret(""))
    step(world, made.id)
    with world.sessions.begin(PLATFORM) as session:
        kept = session.get_one(NameGrant, made.id)
        assert (kept.trouble_code, kept.urgency) == ("name_in_use", 0)
        told = conditions.of(session, world.tools, session.get_one(Domain, row))
        said = next(one for one in told if one.type == "ownership").message
    assert "already in use" in said
    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, SHOP, now())
    due(world)
    assert domain(world, row).is_live
    with world.sessions.begin(PLATFORM) as session:
        assert session.get_one(NameGrant, made.id).trouble_code is None


def test_only_who_may_lends(world: Offline) -> None:
    red, blue, green = (world.organization(name) for name in ("red", "blue", "green"))
    claim(world, red, BASE, proved=True)
    lent(world, red, blue)
    claimed(world, blue, SHOP)
    refused = (
        (green, SHOP),  # holds nothing
        (blue, f"a.{SHOP}"),  # borrowed, and not to be lent on
        (blue, BASE),
        (red, BASE),  # the held name itself
        (red, f"a.{SHOP}"),  # lent already, with what is below
    )
    for actor, name in refused:
        with (
            world.sessions.begin(actor) as session,
            pytest.raises(Conflict, match=r"cannot be lent|is lent already"),
        ):
            grants.add(session, world.tools, actor, Terms(name), now=now())


def test_a_proof_of_a_name_alone_lends_nothing(world: Offline) -> None:
    red = world.organization("red")
    row = claim(world, red, BASE, verification_method="file_upload")
    proof = proofs(world, row)[0]
    world.method.published[BASE] = proof.verification_token
    proving.reconcile(world.sessions, world.tools, world.leased(Verification, proof.id))
    assert domain(world, row).is_live
    with world.sessions.begin(red) as session, pytest.raises(Conflict) as refused:
        grants.add(session, world.tools, red, Terms(SHOP), now=now())
    assert refused.value.code == "not_lendable"


def test_what_the_lender_serves_is_not_lent(world: Offline) -> None:
    red = world.organization("red")
    row = claim(world, red, BASE, proved=True)
    bound(world, red, row, hostname=SHOP, subdomain="shop")
    bound(world, red, row, hostname=f"*.apps.{BASE}", subdomain="*.apps")
    for name in (SHOP, f"blue.apps.{BASE}"):
        with world.sessions.begin(red) as session, pytest.raises(Conflict) as refused:
            grants.add(session, world.tools, red, Terms(name), now=now())
        assert refused.value.code == "lent_name_in_use"


def test_no_wildcard_answers_for_what_is_lent(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    row = claim(world, red, BASE, proved=True)
    lent(world, red, blue)
    with world.sessions.begin(PLATFORM) as session:
        may = holders.holds(session, red.organization_id or 0, f"*.{BASE}", live=row)
        other = holders.holds(session, red.organization_id or 0, f"*.x.{BASE}", live=row)
    assert (may, other) == (False, True)


def test_a_grantee_s_own_proof_is_no_conflict(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    claim(world, red, BASE, proved=True)
    grant = lent(world, red, blue)
    row = claimed(world, blue, SHOP)
    proof = proofs(world, row)[-1]
    world.method.published[SHOP] = proof.verification_token
    proving.reconcile(world.sessions, world.tools, world.leased(Verification, proof.id))
    assert proofs(world, row)[-1].status is VerificationStatus.VERIFIED
    revoke(world, red, grant, now())
    due(world)
    assert held(world) == {BASE: red.organization_id}


def test_what_a_grantee_proved_below_ends_with_the_grant(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    claim(world, red, BASE, proved=True)
    grant = lent(world, red, blue)
    claimed(world, blue, SHOP)
    below = claim(world, blue, f"a.{SHOP}", proved=True)
    assert held(world)[f"a.{SHOP}"] == blue.organization_id
    revoke(world, red, grant, now())
    due(world)
    assert held(world) == {BASE: red.organization_id}
    assert not domain(world, below).is_live


def test_a_lender_proves_again_what_it_has_lent_below(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    row = claim(world, red, BASE, proved=True)
    lent(world, red, blue)
    theirs = claimed(world, blue, SHOP)
    proof = proofs(world, row)[0]
    world.method.published[BASE] = proof.verification_token
    proving.reconcile(world.sessions, world.tools, world.leased(Verification, proof.id))
    assert domain(world, theirs).is_live
    assert held(world) == {BASE: red.organization_id, SHOP: blue.organization_id}


def test_a_grantee_that_removes_one_claim_keeps_what_the_others_rest_on(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    claim(world, red, BASE, proved=True)
    lent(world, red, blue)
    claimed(world, blue, SHOP)
    below = claim(world, blue, f"a.{SHOP}")
    with world.sessions.begin(blue) as session:
        domains.remove(session, world.tools, blue, SHOP, now())
    assert domain(world, below).is_live
    with world.sessions.begin(blue) as session:
        domains.remove(session, world.tools, blue, f"a.{SHOP}", now())
    assert held(world) == {BASE: red.organization_id}


def test_a_code_is_worth_something_once_and_for_seven_days(world: Offline) -> None:
    red, blue, green = (world.organization(name) for name in ("red", "blue", "green"))
    claim(world, red, BASE, proved=True)
    with world.sessions.begin(red) as session:
        row, code = grants.add(session, world.tools, red, Terms(SHOP), now=now())
        _, late = grants.add(session, world.tools, red, Terms(f"x.{BASE}"), now=now())
    assert code is not None
    assert late is not None
    with world.sessions.begin(PLATFORM) as session:
        assert code.reveal() not in str(vars(session.get_one(NameGrant, row.id)))
        old = session.scalars(sa.select(NameGrant).where(NameGrant.name == f"x.{BASE}")).one()
        old.code_expires_at = now() - timedelta(seconds=1)
    with pytest.raises(NotFound):
        grants.accept(world.sessions, red, code)  # its own
    grants.accept(world.sessions, blue, code)
    for again in (code, late, Secret("a" * 40)):
        with pytest.raises(NotFound):
            grants.accept(world.sessions, green, again)


def test_a_grantee_sees_the_grant_and_cannot_end_or_extend_it(world: Offline) -> None:
    red, blue, green = (world.organization(name) for name in ("red", "blue", "green"))
    claim(world, red, BASE, proved=True)
    grant = ids.show("gnt", lent(world, red, blue))
    with world.sessions.begin(blue) as session:
        assert grants.get(session, blue, grant).name == SHOP
        with pytest.raises(NotFound):
            grants.revoke(session, blue, grant, now())
    with world.sessions.begin(green) as session, pytest.raises(NotFound):
        grants.get(session, green, grant)


def test_an_organization_below_is_named_and_no_other(world: Offline) -> None:
    red, green = world.organization("red"), world.organization("green")
    with world.sessions.begin(PLATFORM) as session:
        child = rows.organization(session, name="blue", parent_organization_id=red.organization_id)
        grandchild = rows.organization(session, name="tiny", parent_organization_id=child.id)
        numbers = child.id, grandchild.id
    shown = [ids.show("org", number) for number in numbers]
    assert [grants.recipient(world.sessions, red, one) for one in shown] == list(numbers)
    for actor, to in (
        (green, shown[0]),
        (red, ids.show("org", green.organization_id or 0)),
        (red, ids.show("org", red.organization_id or 0)),
        (red, ids.show("org", 999_999)),
    ):
        with pytest.raises(NotFound):
            grants.recipient(world.sessions, actor, to)
    number = grants.recipient(
        world.sessions, PLATFORM, shown[0], ids.show("org", green.organization_id or 0)
    )
    assert number == numbers[0]


def test_a_grant_that_would_have_ended_is_refused(world: Offline) -> None:
    red = world.organization("red")
    claim(world, red, BASE, proved=True)
    with world.sessions.begin(red) as session, pytest.raises(Invalid) as refused:
        grants.add(session, world.tools, red, Terms(SHOP, ends_at=now()), now=now())
    assert refused.value.code == "ends_at_past"


def test_what_the_lender_bound_meanwhile_ends_when_the_grantee_claims(world: Offline) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    row = claim(world, red, BASE, proved=True)
    lent(world, red, blue)
    bound(world, red, row, hostname=SHOP, subdomain="shop")
    assert served(world) == {(SHOP, "/"): red.organization_id}
    claimed(world, blue, SHOP)
    assert served(world) == {}
    with world.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(Binding.next_action_at)).one() is not None


def test_a_removed_organization_lends_nothing(world: Offline) -> None:
    from nameplate.usecases.tenants import organizations

    red, blue = world.organization("red"), world.organization("blue")
    claim(world, red, BASE, proved=True)
    lent(world, red, blue)
    row = claimed(world, blue, SHOP)
    with world.sessions.begin(PLATFORM) as session:
        organizations.remove(session, PLATFORM, ids.show("org", red.organization_id or 0), now())
        assert session.get_one(Organization, red.organization_id).deleted_at is not None
    due(world)
    assert not domain(world, row).is_live
