"""Generations: a complete one replaces what is served, an incomplete one leaves nothing behind."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.models import world
from tests.models.world import NOW

from nameplate.core import certificates as x509
from nameplate.core.lifecycle import CertificateStatus
from nameplate.models import (
    Binding,
    Certificate,
    CertificateType,
    ChallengeType,
    Domain,
    HttpChallenge,
    LedgerEntry,
    LedgerPurpose,
    LedgerState,
    Organization,
)
from nameplate.usecases.certificates import generations
from nameplate.usecases.certificates.generations import NEXT_LOOK, Issued
from nameplate.usecases.certificates.self_signed import self_signed

LIFETIME = timedelta(days=90)


@pytest.fixture
def domain(lite: Session) -> Domain:
    return world.domain(lite, world.organization(lite))


@pytest.fixture
def row(lite: Session, domain: Domain) -> Certificate:
    return world.certificate(lite, domain, pending_private_key="sealed", acme_order_url="o:1")


def issued(*, is_local: bool = False) -> Issued:
    bundle = self_signed(["acme.com"], NOW, LIFETIME).certificate.encode()
    return Issued(bundle, x509.facts(bundle), None, is_local, "served")


def test_a_complete_generation_is_served(lite: Session, domain: Domain, row: Certificate) -> None:
    app = world.application(lite, lite.get_one(Organization, domain.organization_id))
    binding = world.binding(lite, app, domain)
    world.challenge(lite, row)
    found = issued()
    generations.install(lite, row, found, 0.0, NOW)
    assert (row.status, row.generation) == (CertificateStatus.ACTIVE, 1)
    assert (row.private_key, row.pending_private_key, row.acme_order_url) == ("served", None, None)
    assert row.certificate_bundle == found.bundle.decode()
    assert (row.fingerprint, row.serial_number) == (found.facts.fingerprint, found.facts.serial)
    assert row.expires_at == found.facts.not_after
    assert row.next_renewal_attempt_at == found.facts.not_before + LIFETIME * 2 / 3
    assert row.next_action_at == NOW + NEXT_LOOK
    assert lite.scalars(sa.select(HttpChallenge)).all() == []
    lite.expire_all()
    assert lite.get_one(Binding, binding.id).next_action_at == NOW, "whoever presents it is woken"


def test_what_no_browser_trusts_is_said_to_be_self_signed(lite: Session, row: Certificate) -> None:
    kind = row.certificate_type
    generations.install(lite, row, issued(), 0.0, NOW)
    assert row.certificate_type is kind is not CertificateType.SELF_SIGNED
    generations.install(lite, row, issued(is_local=True), 0.0, NOW)
    assert (row.certificate_type, row.generation) == (CertificateType.SELF_SIGNED, 2)


def test_records_of_a_forgotten_generation_are_taken_back(
    lite: Session, domain: Domain, row: Certificate
) -> None:
    account = world.account(lite, lite.get_one(Organization, domain.organization_id))
    row.acme_challenge_type = ChallengeType.DNS_01
    row.certificate = "what is served"
    challenge = {"purpose": LedgerPurpose.CHALLENGE, "ssl_certificate_id": row.id}
    mine = world.ledger_entry(lite, account, domain, **challenge)
    other = world.ledger_entry(lite, account, domain, name="www.acme.com")
    generations.forget(lite, row, NOW)
    lite.flush()
    states = {one.id: one.state for one in lite.scalars(sa.select(LedgerEntry))}
    assert states == {mine.id: LedgerState.LEAVING, other.id: LedgerState.PRESENT}
    assert domain.next_action_at == NOW
    assert (row.pending_private_key, row.certificate) == (None, "what is served")


def test_when_a_settled_certificate_is_looked_at_again(lite: Session, row: Certificate) -> None:
    assert generations.next_look(row, NOW) is None, "nothing is served yet"
    row.certificate = "PEM"
    assert generations.next_look(row, NOW) == NOW + NEXT_LOOK
    row.next_renewal_attempt_at = soon = NOW + timedelta(hours=1)
    assert generations.next_look(row, NOW) == soon
    row.auto_renew = False
    assert generations.next_look(row, NOW) == soon, "its owner has it renewed by hand"
    row.next_renewal_attempt_at = None
    assert generations.next_look(row, NOW) is None
    row.expires_at = end = NOW + timedelta(days=90)
    assert generations.next_look(row, NOW) == end, "to see that it has expired"
    assert generations.next_look(row, end) is None
