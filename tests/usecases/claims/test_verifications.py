"""Verifications: several ways to prove a claim are offered, and what each of them is worth."""

from datetime import timedelta

import pytest
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Invalid
from nameplate.core.lifecycle import VerificationStatus
from nameplate.db import Sessions
from nameplate.models import (
    Domain,
    HoldingScope,
    NameHolding,
    Verification,
    VerificationMethodName,
)
from nameplate.usecases.claims import (
    conditions,
    domains,
    instructions,
    proving,
    verifications,
)


@pytest.fixture
def world(sessions: Sessions) -> Offline:
    return Offline(sessions)


def _claim(world: Offline, actor, name: str = "shop.example.com", **given) -> tuple[int, int]:
    with world.sessions.begin(actor) as session:
        domain = domains.add(session, world.tools, actor, name=name, **given)
        (proof,) = verifications.page(session, actor, limit=10, domain=name)
        return domain.id, proof.id


@pytest.mark.parametrize("method", ["file_upload", "email", "meta_tag", "acme_http"])
def test_a_wildcard_is_proved_by_dns_alone(world, method):
    acme = world.organization("acme")
    with world.sessions.begin(acme) as session, pytest.raises(Invalid) as caught:
        domains.add(session, world.tools, acme, name="*.example.com", verification_method=method)
    assert caught.value.code == "wildcard_needs_dns"


def test_of_several_methods_the_first_to_match_wins(sessions: Sessions) -> None:
    """A proof of the name alone leaves those open that reach further."""
    world = Offline(sessions)
    acme = world.organization("Acme")
    methods = ("dns_txt", "file_upload", "meta_tag")
    with sessions.begin(acme) as session:
        row = domains.add(
            session, world.tools, acme, name="many.example.com", verification_methods=methods
        )
        assert row.verification_method == "dns_txt"
        told = instructions.of(session, world.tools, row)
        (ownership,) = [
            one for one in conditions.of(session, world.tools, row) if one.type == "ownership"
        ]
        proofs = verifications.page(session, acme, limit=9, domain="many.example.com")
        by_method = {one.verification_method.value: one for one in proofs}
    assert [one.purpose for one in told] == ["ownership"] * 3
    assert len({one.verification_token for one in proofs}) == 3
    assert ownership.fix.startswith("One of these is enough.")
    assert len(ownership.expected) == 3
    file = by_method["file_upload"]
    world.method.published["many.example.com"] = file.verification_token
    proving.reconcile(sessions, world.tools, world.leased(Verification, file.id))
    with sessions.begin(PLATFORM) as session:
        status = {
            name: session.get_one(Verification, one.id).status.value
            for name, one in by_method.items()
        }
        domain = session.get_one(Domain, file.organization_domain_id)
        assert (domain.verification_method, domain.verification_token) == (
            "file_upload",
            file.verification_token,
        )
        assert session.get_one(NameHolding, "many.example.com").scope is HoldingScope.EXACT
    assert status == {"dns_txt": "pending", "file_upload": "verified", "meta_tag": "expired"}
    txt = by_method["dns_txt"]
    world.method.published["many.example.com"] = txt.verification_token
    proving.reconcile(sessions, world.tools, world.leased(Verification, txt.id))
    with sessions.begin(PLATFORM) as session:
        assert session.get_one(NameHolding, "many.example.com").scope is HoldingScope.SUBTREE
        assert session.get_one(Verification, file.id).status is VerificationStatus.VERIFIED


def test_a_claim_lives_as_long_as_one_of_its_methods(sessions: Sessions) -> None:
    world = Offline(sessions)
    acme = world.organization("Acme")
    with sessions.begin(acme) as session:
        row = domains.add(
            session,
            world.tools,
            acme,
            name="many.example.com",
            verification_methods=("dns_txt", "file_upload"),
        )
        number = row.id
        first, second = verifications.page(session, acme, limit=9, domain="many.example.com")
    for one, status in ((first, "pending_verification"), (second, "expired")):
        lease = world.leased(Verification, one.id, after=timedelta(days=8))
        proving.reconcile(sessions, world.tools, lease)
        with sessions.begin(PLATFORM) as session:
            assert session.get_one(Domain, number).status.value == status


def test_another_organizations_token_proves_nothing_by_any_method(sessions: Sessions) -> None:
    """Nor does a superseded one (I6)."""
    world = Offline(sessions)
    acme, evil = world.organization("Acme"), world.organization("Evil")
    methods = [one.value for one in VerificationMethodName]
    with sessions.begin(acme) as session:
        domains.add(
            session, world.tools, acme, name="all.example.com", verification_methods=methods
        )
        old = verifications.page(session, acme, limit=9, domain="all.example.com")
        for method in methods:
            verifications.add(session, world.tools, acme, "all.example.com", method)
    with sessions.begin(evil) as session:
        domains.add(
            session, world.tools, evil, name="all.example.com", verification_methods=methods
        )
        theirs = verifications.page(session, evil, limit=9, domain="all.example.com")
    for published, looked in zip(old, theirs, strict=True):
        assert published.verification_method is looked.verification_method
        world.method.published["all.example.com"] = published.verification_token
        proving.reconcile(sessions, world.tools, world.leased(Verification, looked.id))
        with sessions.begin(PLATFORM) as session:
            assert session.get_one(Verification, looked.id).status is VerificationStatus.VERIFYING
            assert session.get_one(Verification, published.id).status is VerificationStatus.EXPIRED
            assert session.get(NameHolding, "all.example.com") is None
