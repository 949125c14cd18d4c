"""Proofs: looking with patience, taking the name, losing the proof and the name with it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models import world as rows
from tests.usecases.offline import Offline

from nameplate.core import backoff, ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, NotFound
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.db import Sessions
from nameplate.models import (
    Binding,
    Certificate,
    Domain,
    Organization,
    Record,
    Verification,
    VerificationMethodName,
)
from nameplate.ports.verification import Proof, Verdict
from nameplate.usecases import holders, work
from nameplate.usecases.claims import (
    conditions,
    domains,
    proving,
    verifications,
)

DAY = timedelta(days=1)


@pytest.fixture
def world(sessions: Sessions) -> Offline:
    return Offline(sessions)


def _claim(world: Offline, actor, name: str = "shop.example.com", **given) -> tuple[int, int]:
    with world.sessions.begin(actor) as session:
        domain = domains.add(session, world.tools, actor, name=name, **given)
        (proof,) = verifications.page(session, actor, limit=10, domain=name)
        return domain.id, proof.id


def _look(world: Offline, row_id: int, after: timedelta = timedelta(0)) -> Any:
    lease = world.leased(Verification, row_id, after=after)
    proving.reconcile(world.sessions, world.tools, lease)
    return _read(world, Verification, row_id)


def _read(world: Offline, kind, row_id: int):
    with world.sessions.begin(PLATFORM) as session:
        return session.get_one(kind, row_id)


def _publish(world: Offline, row_id: int) -> None:
    row = _read(world, Verification, row_id)
    world.method.published["shop.example.com"] = row.verification_token


def test_a_claim_grants_nothing_until_it_is_proved(world):
    acme = world.organization("acme")
    domain_id, proof_id = _claim(world, acme)
    row = _look(world, proof_id)
    assert row.status is VerificationStatus.VERIFYING
    assert row.verification_attempts == 1
    assert row.verification_logs[0]["reason"] == "txt_absent"
    assert row.next_action_at - datetime.now(UTC) < timedelta(seconds=10)
    with world.sessions.begin(PLATFORM) as session:
        assert not holders.holds(session, acme.organization_id, "shop.example.com")

    _publish(world, proof_id)
    row = _look(world, proof_id)
    domain = _read(world, Domain, domain_id)
    assert (row.status, domain.status) == (VerificationStatus.VERIFIED, DomainStatus.VERIFIED)
    with world.sessions.begin(PLATFORM) as session:
        assert holders.holds(session, acme.organization_id, "shop.example.com")


def test_a_name_that_points_here_is_told_so_also_when_the_proxy_does_not_answer(world):
    acme = world.organization("acme")
    _, proof_id = _claim(world, acme, verification_method="file_upload")
    silent = Proof(Verdict.INCONCLUSIVE, "file_unreachable", "The web server cannot be reached.")
    world.tools.methods[VerificationMethodName.FILE_UPLOAD].check = lambda *_: silent
    world.tools.resolver.addresses = lambda name: {"shop.example.com": ("192.0.2.7",)}.get(name, ())
    row = _look(world, proof_id)
    assert row.verification_logs[-1]["reason"] == "file_unreachable"
    with world.sessions.begin(PLATFORM) as session:
        rows.server(session, None, address="192.0.2.7")
    row = _look(world, proof_id)
    assert row.verification_logs[-1]["reason"] == "answered_by_platform"
    assert "dns_txt" in row.error_message
    with world.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, row.organization_domain_id)
        told = conditions.of(session, world.tools, domain)[0]
    assert "dns_txt" in told.fix
    assert "file" not in told.fix, "that is what cannot be seen"


def test_success_wakes_what_waited_for_it(world):
    acme = world.organization("acme")
    domain_id, proof_id = _claim(world, acme)
    with world.sessions.begin(PLATFORM) as session:
        row = Certificate(
            organization_id=acme.organization_id,
            organization_domain_id=domain_id,
            common_name="shop.example.com",
        )
        session.add(row)
        session.flush()
        waiting = row.id
    _publish(world, proof_id)
    _look(world, proof_id)
    assert _read(world, Certificate, waiting).next_action_at is not None
    assert _read(world, Domain, domain_id).next_action_at is not None


def test_a_token_ends_after_seven_days(world):
    domain_id, proof_id = _claim(world, world.organization("acme"))
    _publish(world, proof_id)
    row = _look(world, proof_id, after=7 * DAY + timedelta(minutes=1))
    assert row.status is VerificationStatus.EXPIRED
    assert row.next_action_at is None
    assert _read(world, Domain, domain_id).status is DomainStatus.EXPIRED
    with world.sessions.begin(PLATFORM) as session, pytest.raises(Conflict):
        verifications.check(session, PLATFORM, ids.show("ver", proof_id), datetime.now(UTC))


def test_a_lost_proof_has_seven_days_and_inconclusive_looks_do_not_count(world):
    acme = world.organization("acme")
    domain_id, proof_id = _claim(world, acme)
    _publish(world, proof_id)
    _look(world, proof_id)
    world.method.published.clear()
    row = _look(world, proof_id, after=30 * DAY)
    assert row.status is VerificationStatus.VERIFIED
    assert _read(world, Domain, domain_id).is_live
    assert row.lost_at is not None
    assert row.metadata_ is None, "the host's keys, and nothing else"

    world.method.check = lambda *_: Proof(Verdict.INCONCLUSIVE, "timeout", "No server answered.")
    assert _look(world, proof_id, after=60 * DAY).status is VerificationStatus.VERIFIED
    del world.method.check

    for day in (33, 36, 37):
        row = _look(world, proof_id, after=day * DAY)
    assert row.lapsed_at is not None
    assert _read(world, Domain, domain_id).status is DomainStatus.PENDING_VERIFICATION
    with world.sessions.begin(PLATFORM) as session:
        assert not holders.holds(session, acme.organization_id, "shop.example.com")


def test_a_proof_that_comes_back_ends_the_grace(world):
    domain_id, proof_id = _claim(world, world.organization("acme"))
    _publish(world, proof_id)
    _look(world, proof_id)
    world.method.published.clear()
    _look(world, proof_id, after=30 * DAY)
    _publish(world, proof_id)
    assert _look(world, proof_id, after=31 * DAY).lost_at is None
    world.method.published.clear()
    row = _look(world, proof_id, after=61 * DAY)
    assert row.status is VerificationStatus.VERIFIED, "a new grace begins"
    assert _read(world, Domain, domain_id).is_live


def test_the_second_to_prove_a_name_waits_and_is_not_told_who_has_it(world):
    red, blue = world.organization("red"), world.organization("blue")
    _, first = _claim(world, red)
    second_domain, second = _claim(world, blue)
    _publish(world, first)
    _look(world, first)
    _publish(world, second)
    row = _look(world, second)
    assert row.status is VerificationStatus.VERIFYING
    assert "red" not in row.error_message
    assert not _read(world, Domain, second_domain).is_live

    with world.sessions.begin(red) as session:
        domains.remove(session, world.tools, red, "shop.example.com", datetime.now(UTC))
    row = _look(world, second)
    assert row.status is VerificationStatus.EXPIRED, "the token is from before the release"
    with world.sessions.begin(blue) as session:
        fresh = verifications.page(session, blue, limit=9, domain="shop.example.com")[-1].id
    _publish(world, fresh)
    assert _look(world, fresh).status is VerificationStatus.VERIFIED


def test_a_name_below_ones_own_subtree_needs_no_second_proof(world):
    acme = world.organization("acme")
    _, proof_id = _claim(world, acme)
    _publish(world, proof_id)
    _look(world, proof_id)
    domain_id, _ = _claim(world, acme, "api.shop.example.com")
    assert _read(world, Domain, domain_id).status is DomainStatus.VERIFIED


def test_removing_a_domain_frees_the_name_and_hides_what_belonged_to_it(world):
    acme = world.organization("acme")
    domain_id, proof_id = _claim(world, acme)
    _publish(world, proof_id)
    _look(world, proof_id)
    with world.sessions.begin(acme) as session:
        domains.remove(session, world.tools, acme, "shop.example.com", datetime.now(UTC))
    with world.sessions.begin(acme) as session:
        with pytest.raises(NotFound):
            domains.get(session, acme, "shop.example.com")
        assert verifications.page(session, acme, limit=10) == []
        assert not holders.holds(session, acme.organization_id, "shop.example.com")
    assert _look(world, proof_id).next_action_at is None
    with world.sessions.begin(acme) as session:
        domains.restore(session, world.tools, acme, ids.show("dom", domain_id), datetime.now(UTC))
    assert _read(world, Domain, domain_id).status is DomainStatus.PENDING_VERIFICATION
    assert _look(world, proof_id).status is VerificationStatus.EXPIRED, "a token proves once"
    domain = _read(world, Domain, domain_id)
    assert domain.verification_token != _read(world, Verification, proof_id).verification_token
    assert not domain.is_live


def test_a_worker_that_lost_its_lease_writes_nothing(world):
    domain_id, proof_id = _claim(world, world.organization("acme"))
    _publish(world, proof_id)
    stale = world.leased(Verification, proof_id)
    world.leased(Verification, proof_id, after=2 * DAY)
    with pytest.raises(work.Superseded):
        proving.reconcile(world.sessions, world.tools, stale)
    assert _read(world, Verification, proof_id).verification_attempts == 0
    assert not _read(world, Domain, domain_id).is_live


def test_waking_a_leased_row_is_not_forgotten(world):
    acme = world.organization("acme")
    _, proof_id = _claim(world, acme)
    lease = world.leased(Verification, proof_id)
    soon = datetime.now(UTC)
    with world.sessions.begin(acme) as session:
        verifications.check(session, acme, ids.show("ver", proof_id), soon)
    proving.reconcile(world.sessions, world.tools, lease)
    assert _read(world, Verification, proof_id).next_action_at == soon


@given(st.integers(0, 500))
def test_looks_come_at_growing_distances_and_at_most_four_hours_apart(attempts):
    now = datetime(2026, 11, 23, tzinfo=UTC)
    wait = backoff.next_look(attempts, now) - now
    assert timedelta(seconds=2) <= wait <= timedelta(hours=4)
    if attempts != 15:
        assert wait <= backoff.next_look(attempts + 1, now) - now


def test_a_week_of_looks_is_about_a_hundred():
    now = start = datetime(2026, 11, 23, tzinfo=UTC)
    looks = 0
    while now < start + backoff.LIFETIME:
        now = backoff.next_look(looks, now)
        looks += 1
        if looks == 6:
            assert now - start < timedelta(minutes=1), "somebody is publishing it now"
        if looks == 16:
            assert now - start < timedelta(minutes=20)
    assert 60 <= looks <= 110


def test_bindings_of_a_lapsed_domain_are_looked_at(world):
    acme = world.organization("acme")
    domain_id, proof_id = _claim(world, acme)
    _publish(world, proof_id)
    _look(world, proof_id)
    with world.sessions.begin(PLATFORM) as session:
        from nameplate.models import Application

        app = Application(organization_id=acme.organization_id, name="a")
        session.add(app)
        session.flush()
        row = Binding(
            organization_id=acme.organization_id,
            application_id=app.id,
            organization_domain_id=domain_id,
            hostname="shop.example.com",
        )
        session.add(row)
        session.flush()
        binding_id = row.id
    world.method.published.clear()
    for day in (30, 33, 36, 37):
        _look(world, proof_id, after=day * DAY)
    assert _read(world, Binding, binding_id).next_action_at is not None


def test_a_proof_points_what_the_platform_has_for_the_name(world):
    acme = world.organization("Acme")
    with world.sessions.begin(PLATFORM) as session:
        by = rows.account(session, session.get_one(Organization, acme.organization_id))
        rows.server(
            session, session.get_one(Organization, acme.organization_id),
            address="edge.shop.example.com", addresses=["192.0.2.5"],
        )  # fmt: skip
        account = ids.show("acct", by.id)
    domain_id, verification_id = _claim(world, acme, account=account)
    _publish(world, verification_id)
    _look(world, verification_id)
    with world.sessions.begin(PLATFORM) as session:
        (row,) = session.scalars(Record.visible(PLATFORM)).all()
        assert (row.organization_domain_id, row.name, row.value) == (domain_id, "edge", "192.0.2.5")
