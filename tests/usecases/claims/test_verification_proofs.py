"""Proofs that one sweep found: taken together, each by the rules of one."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.usecases.claims.claim_rig import Claims

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.db import Sessions, database_now, lock_name
from nameplate.models import Certificate, Domain, HoldingScope, NameHolding, Verification
from nameplate.ports.verification import Proof, Verdict
from nameplate.usecases import holders, work
from nameplate.usecases.claims import proving, verification_proofs, verifications

MATCH = Proof(Verdict.MATCH, "txt_match", "All publish it.", ("ns1: TXT",))


@pytest.fixture
def world(sessions: Sessions) -> Claims:
    return Claims(sessions)


def test_many_proofs_are_taken_in_one_transaction(world: Claims) -> None:
    acme, globex = world.organization("acme"), world.organization("globex")
    ids = [world.claim(acme, f"n{number}.com") for number in range(20)]
    ids += [world.claim(globex, f"www.m{number}.com") for number in range(10)]
    with world.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Verification, ids[0]).organization_domain_id
        certificate = Certificate(
            organization_id=acme.organization_id,
            organization_domain_id=domain,
            common_name="n0.com",
        )
        session.add(certificate)
        session.flush()
        waiting = certificate.id
    looks = world.looks()
    begun: list[object] = []

    def committed(connection: object) -> None:
        begun.append(connection)

    sa.event.listen(world.sessions.system_engine, "commit", committed)
    try:
        taken, others = verification_proofs.record(
            world.sessions, world.tools, [(one, MATCH) for one in looks.values()]
        )
    finally:
        sa.event.remove(world.sessions.system_engine, "commit", committed)
    assert (len(taken), others, len(begun)) == (30, [], 1)
    for one in ids:
        row, domain_ = world.row(one), world.domain(one)
        assert row.status is VerificationStatus.VERIFIED
        assert (row.verification_attempts, row.lease_until) == (1, None)
        assert row.verification_logs is not None
        assert row.verification_logs[0]["observed"] == ["ns1: TXT"]
        assert row.verified_at is not None
        assert row.next_action_at == row.verified_at + timedelta(days=1)
        assert domain_.status is DomainStatus.VERIFIED
        assert domain_.holding_name == domain_.full_domain
        assert domain_.next_action_at is not None
    with world.sessions.begin(PLATFORM, read_only=True) as session:
        assert holders.holder(session, "a.n3.com") == acme.organization_id
        assert holders.holder(session, "www.m3.com") == globex.organization_id
        assert session.get_one(Certificate, waiting).next_action_at is not None


def test_statements_do_not_depend_on_how_many_are_proved(world: Claims) -> None:
    """Each organization has a proof of its own, so that nothing is asked for each of them either."""
    sent: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    numbers: list[int] = []
    sa.event.listen(world.sessions.system_engine, "before_cursor_execute", note)
    try:
        for count in (2, 2, 9):
            for number in range(count):
                name = f"{count}-{number}-{len(numbers)}"
                world.claim(world.organization(f"o{name}"), f"n{name}.com")
            found = [(one, MATCH) for one in world.looks().values()]
            sent.clear()
            taken, _ = verification_proofs.record(world.sessions, world.tools, found)
            assert len(taken) == count
            numbers.append(len(sent))
    finally:
        sa.event.remove(world.sessions.system_engine, "before_cursor_execute", note)
    assert numbers[1] == numbers[2], sent


def test_of_two_in_each_others_way_one_wins(world: Claims) -> None:
    """The same name, and parent and child, of two organizations in one batch."""
    acme, globex = world.organization("acme"), world.organization("globex")
    pairs = [("same.com", "same.com"), ("up.com", "shop.up.com"), ("a.down.com", "down.com")]
    ids = [(world.claim(acme, a), world.claim(globex, b)) for a, b in pairs]
    found = [(one, MATCH) for one in world.looks().values()]
    taken, others = verification_proofs.record(world.sessions, world.tools, found)
    assert (len(taken), len(others)) == (3, 3)
    for look, proof in others:
        told = proving.conclude(world.sessions, world.tools, look.lease, look.question, proof)
        assert told is not None
        assert told.code == "name_in_use"
    for one, other in ids:
        states = {world.row(one).status, world.row(other).status}
        assert states == {VerificationStatus.VERIFIED, VerificationStatus.VERIFYING}
    with world.sessions.begin(PLATFORM, read_only=True) as session:
        assert len(session.scalars(NameHolding.visible(PLATFORM)).all()) == 3


def test_a_wider_proof_carries_those_that_rest_on_the_name_alone(world: Claims) -> None:
    acme = world.organization("acme")
    below = world.claim(acme, "shop.n.com")
    above = world.claim(acme, "n.com")
    looks = world.looks()
    with world.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Verification, below).organization_domain_id
        claim = session.get_one(Domain, domain)
        lock_name(session, "n.com")
        session.add(
            NameHolding(
                name="shop.n.com", scope=HoldingScope.EXACT, base="n.com", held_at=database_now(session),
                organization_id=acme.organization_id, organization_domain_id=domain,
            )
        )  # fmt: skip
        session.flush()
        claim.holding_name = "shop.n.com"
    verification_proofs.record(world.sessions, world.tools, [(looks[above], MATCH)])
    assert world.domain(below).holding_name == "n.com"


def test_what_has_more_to_it_is_left_to_its_own_step(world: Claims) -> None:
    acme = world.organization("acme")
    names = ("usual.com", "taken.com", "removed.com", "over.com", "troubled.com", "woken.com")
    ids = {name: world.claim(acme, name) for name in names}
    looks = world.looks()
    with world.sessions.begin(PLATFORM) as session:
        now = database_now(session)
        soon = now + timedelta(hours=1)
        rows = {name: session.get_one(Verification, one) for name, one in ids.items()}
        rows["taken.com"].fence += 1
        session.get_one(Domain, rows["removed.com"].organization_domain_id).deleted_at = now
        rows["over.com"].expire("Replaced.")
        rows["troubled.com"].meet("answer_awaited", "…", "resolvers:1", now)
        rows["woken.com"].wake(soon)
    found = [(one, MATCH) for one in looks.values()]
    taken, others = verification_proofs.record(world.sessions, world.tools, found)
    assert {one.lease.id for one in taken} == {ids["usual.com"], ids["woken.com"]}
    assert len(others) == 4
    assert world.row(ids["woken.com"]).next_action_at == soon, "who woke it is not forgotten"
    look = looks[ids["taken.com"]]
    with pytest.raises(work.Superseded):
        proving.conclude(world.sessions, world.tools, look.lease, look.question, MATCH)
    with world.sessions.begin(PLATFORM, read_only=True) as session:
        held = {row.name for row in session.scalars(NameHolding.visible(PLATFORM))}
    assert held == {"usual.com", "woken.com"}


def test_two_tokens_of_one_domain_do_not_meet(world: Claims) -> None:
    acme = world.organization("acme")
    first = world.claim(acme, "n.com")
    with world.sessions.begin(acme) as session:
        second = verifications.add(session, world.tools, acme, "n.com", "file_upload").id
    found = [(one, MATCH) for one in world.looks().values()]
    taken, others = verification_proofs.record(world.sessions, world.tools, found)
    assert (len(taken), len(others)) == (1, 1)
    for look, proof in others:
        proving.conclude(world.sessions, world.tools, look.lease, look.question, proof)
    ended = [world.row(one) for one in (first, second)]
    assert VerificationStatus.VERIFIED in {one.status for one in ended}
    assert VerificationStatus.PENDING not in {one.status for one in ended}
    assert all(one.status is VerificationStatus.VERIFIED or not one.next_action_at for one in ended)
