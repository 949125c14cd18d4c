"""Work that nobody takes is told on the domain, and work that somebody has is not."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session
from tests.models import world

from nameplate.core.lifecycle import DomainStatus
from nameplate.db import database_now
from nameplate.models import Domain
from nameplate.usecases.claims import overdue
from nameplate.usecases.claims.facts import DomainFacts


@pytest.fixture
def domain(session: Session) -> Domain:
    row = world.domain(session, world.organization(session), status=DomainStatus.VERIFIED)
    row.next_action_at = None
    return row


def _told(session: Session, domain: Domain) -> str | None:
    session.flush()
    found = overdue.condition(session, domain, database_now(session))
    return found.reason if found else None


def test_due_work_that_nobody_takes_is_told(session: Session, domain: Domain) -> None:
    record = world.record(session, domain)
    record.next_action_at = datetime.now(UTC) - timedelta(minutes=1)
    assert _told(session, domain) == "work_overdue"
    record.lease_until = datetime.now(UTC) + timedelta(minutes=1)
    assert _told(session, domain) is None, "a worker has it"
    record.lease_until = datetime.now(UTC) - timedelta(seconds=30)
    assert _told(session, domain) == "work_overdue", "that worker is gone"


def test_what_is_known_of_a_domain_tells_it_without_a_statement(domain: Domain) -> None:
    now = datetime.now(UTC)
    known = DomainFacts(domain, now)
    assert overdue.of_known(known) is None
    domain.next_action_at = now - timedelta(minutes=1)
    told = overdue.of_known(known)
    assert told is not None
    assert (told.reason, told.since) == ("work_overdue", domain.next_action_at)
    domain.lease_until = now + timedelta(minutes=1)
    assert overdue.of_known(known) is None, "a worker has it"


def test_work_that_is_due_now_or_later_is_no_news(session: Session, domain: Domain) -> None:
    domain.next_action_at = datetime.now(UTC) - timedelta(seconds=1)
    assert _told(session, domain) is None
    domain.next_action_at = datetime.now(UTC) + timedelta(hours=1)
    assert _told(session, domain) is None
