"""Work that nobody takes is told on the domain, and work that somebody has is not."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session
from tests.models import world

from nameplate.core.lifecycle import DomainStatus, RecordStatus
from nameplate.db import database_now
from nameplate.models import Domain
from nameplate.usecases.claims import facts, overdue


@pytest.fixture
def domain(session: Session) -> Domain:
    row = world.domain(session, world.organization(session), status=DomainStatus.VERIFIED)
    row.next_action_at = None
    return row


def _told(session: Session, domain: Domain) -> str | None:
    session.flush()
    known = facts.read(session, [domain], database_now(session))[domain.id]
    found = overdue.condition(known)
    return found.reason if found else None


def test_due_work_that_nobody_takes_is_told(session: Session, domain: Domain) -> None:
    record = world.record(session, domain)
    record.next_action_at = datetime.now(UTC) - timedelta(minutes=1)
    assert _told(session, domain) == "work_overdue"
    record.lease_until = datetime.now(UTC) + timedelta(minutes=1)
    assert _told(session, domain) is None, "a worker has it"
    record.lease_until = datetime.now(UTC) - timedelta(seconds=30)
    assert _told(session, domain) == "work_overdue", "that worker is gone"


def test_each_row_of_a_domain_that_a_worker_takes_is_looked_at(
    session: Session, domain: Domain
) -> None:
    proof = world.verification(session, domain)
    domain.verification_token = proof.verification_token
    record = world.record(session, domain, status=RecordStatus.ACTIVE, propagated=True)
    proof.next_action_at = record.next_action_at = None
    for row in (domain, proof, record):
        assert _told(session, domain) is None
        row.next_action_at = datetime.now(UTC) - timedelta(minutes=1)
        assert _told(session, domain) == "work_overdue", type(row).__name__
        row.next_action_at = None


def test_work_that_is_due_now_or_later_is_no_news(session: Session, domain: Domain) -> None:
    domain.next_action_at = datetime.now(UTC) - timedelta(seconds=1)
    assert _told(session, domain) is None
    domain.next_action_at = datetime.now(UTC) + timedelta(hours=1)
    assert _told(session, domain) is None
