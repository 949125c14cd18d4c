"""Waking a server: whoever does so waits for nobody, and no worker looks before it is there to be seen."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import DomainStatus
from nameplate.db import Sessions
from nameplate.leases import lease
from nameplate.models import Domain, Event, Organization, Server, reconfiguration
from nameplate.models.readiness import DomainReadiness

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def sessions(migrated_postgresql_url: str) -> Iterator[Sessions]:
    made = sessions_over(migrated_postgresql_url)
    yield made
    made.dispose()


def _server(sessions: Sessions, due_at: datetime, **columns: object) -> int:
    with sessions.begin(PLATFORM) as session:
        return world.server(session, None, next_action_at=due_at, **columns).id


def _wake(session: Session, server_id: int, *, urgent: bool = False) -> None:
    session.execute(sa.text("SET LOCAL lock_timeout = '3s'"))
    reconfiguration.wake_server(session, server_id, urgent=urgent)


def _leased(sessions: Sessions) -> int:
    with sessions.begin(PLATFORM) as session:
        return len(lease(session, Server, limit=9, seconds=60))


def test_those_who_wake_a_server_that_is_due_do_not_wait_for_each_other(sessions: Sessions) -> None:
    server_id = _server(sessions, LONG_AGO)
    leased: list[int] = []

    def meanwhile(_session: Session) -> None:
        with sessions.begin(PLATFORM) as other:
            _wake(other, server_id)
        leased.append(_leased(sessions))

    with sessions.begin(PLATFORM) as session:
        sa.event.listen(session, "before_commit", meanwhile)
        _wake(session, server_id)
    assert leased == [0], "what this transaction changes is not to be seen yet"
    assert _leased(sessions) == 1


@pytest.mark.parametrize("is_urgent", [False, True])
@pytest.mark.parametrize("urgency", [0, 1])
def test_a_server_is_woken_as_urgently_as_it_must_be(
    sessions: Sessions, is_urgent: bool, urgency: int
) -> None:
    server_id = _server(sessions, LONG_AGO, urgency=urgency)
    with sessions.begin(PLATFORM) as session:
        _wake(session, server_id, urgent=is_urgent)
    with sessions.begin(PLATFORM) as session:
        row = session.get_one(Server, server_id)
        assert (row.next_action_at, row.urgency) == (LONG_AGO, max(urgency, is_urgent))


def test_nothing_that_comes_last_is_locked_at_the_end_of_a_savepoint(sessions: Sessions) -> None:
    """A proof takes its name in a savepoint, and wakes bindings after that: two such met in a deadlock."""
    server_id = _server(sessions, datetime.now(UTC) + timedelta(days=1))
    with sessions.begin(PLATFORM) as session:
        domain_id = world.domain(session, world.organization(session)).id
    readiness = sa.select(DomainReadiness.changes).where(
        DomainReadiness.organization_domain_id == domain_id
    )
    server = sa.select(Server.next_action_at).where(Server.id == server_id)
    with sessions.begin(PLATFORM) as session:
        with session.begin_nested():
            _wake(session, server_id)
            session.get_one(Domain, domain_id).status = DomainStatus.VERIFIED
        with sessions.begin(PLATFORM) as other:
            before = other.scalars(readiness.with_for_update(nowait=True)).one()
            other.scalars(server.with_for_update(nowait=True)).one()
    with sessions.begin(PLATFORM, read_only=True) as session:
        assert session.scalars(readiness).one() > before
        due_at = session.scalars(server).one()
        assert due_at is not None
        assert due_at <= datetime.now(UTC)


@pytest.mark.parametrize("fails_in", ["flush", "savepoint"])
def test_what_came_before_a_failed_savepoint_is_not_forgotten(
    sessions: Sessions, fails_in: str
) -> None:
    server_id = _server(sessions, datetime.now(UTC) + timedelta(days=1))
    with sessions.begin(PLATFORM) as session:
        owner_id = world.organization(session).id
        domain_id = world.domain(session, session.get_one(Organization, owner_id)).id
    readiness = sa.select(DomainReadiness.changes).where(
        DomainReadiness.organization_domain_id == domain_id
    )
    told = sa.select(sa.func.count()).where(
        Event.organization_domain_id == domain_id, Event.type == "domain.verified"
    )
    with sessions.begin(PLATFORM) as session:
        before = session.scalars(readiness).one()
        _wake(session, server_id)
        session.get_one(Domain, domain_id).verify(datetime.now(UTC), datetime.now(UTC))
        session.flush()
        with suppress(sa.exc.IntegrityError, ZeroDivisionError), session.begin_nested():
            if fails_in == "savepoint":
                raise ZeroDivisionError
            world.domain(session, session.get_one(Organization, owner_id))
    with sessions.begin(PLATFORM, read_only=True) as session:
        assert session.scalars(readiness).one() > before
        due_at = session.get_one(Server, server_id).next_action_at
        assert due_at is not None
        assert due_at <= datetime.now(UTC)
        assert session.scalars(told).one() == 1


def test_a_server_that_is_looked_at_later_or_now_is_due_again(sessions: Sessions) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    waiting, leased = _server(sessions, later), _server(sessions, LONG_AGO)
    assert _leased(sessions) == 1
    with sessions.begin(PLATFORM) as session:
        _wake(session, waiting)
        reconfiguration.wake_server(session, leased)
    with sessions.begin(PLATFORM) as session:
        rows = [session.get_one(Server, one) for one in (waiting, leased)]
        assert all(row.next_action_at and row.next_action_at < datetime.now(UTC) for row in rows)
