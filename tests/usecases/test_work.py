"""Working on leased rows: under a fence, released or renewed, and woken meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.models import world as rows
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Unavailable
from nameplate.db import Sessions
from nameplate.models import Domain
from nameplate.usecases import work

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(sessions: Sessions) -> Offline:
    return Offline(sessions)


@pytest.fixture
def row_id(world: Offline) -> int:
    with world.sessions.begin(PLATFORM) as session:
        return rows.domain(session, rows.organization(session)).id


def read(world: Offline, row_id: int) -> Domain:
    with world.sessions.begin(PLATFORM) as session:
        return session.get_one(Domain, row_id)


def change(world: Offline, row_id: int, **columns: Any) -> None:
    with world.sessions.begin(PLATFORM) as session:
        row = session.get_one(Domain, row_id)
        for name, value in columns.items():
            setattr(row, name, value)


def test_a_result_is_saved_and_the_lease_ended_or_renewed(world: Offline, row_id: int) -> None:
    lease = world.leased(Domain, row_id)

    def note(_session: Any, row: Domain) -> str:
        row.notes = "seen"
        return "more"

    assert work.record(world.sessions, Domain, lease, note, release=False) == "more"
    row = read(world, row_id)
    assert (row.notes, row.lease_until) == ("seen", row.next_action_at)
    assert row.lease_until is not None
    work.record(world.sessions, Domain, lease, note, release=lambda result: result == "more")
    assert read(world, row_id).lease_until is None


def test_whoever_lost_the_row_writes_nothing(world: Offline, row_id: int) -> None:
    lease = replace(world.leased(Domain, row_id), fence=0)

    def note(_session: Any, row: Domain) -> None:
        row.notes = "too late"

    with pytest.raises(work.Superseded):
        work.record(world.sessions, Domain, lease, note, release=True)
    with pytest.raises(work.Superseded):
        work.confirm(world.sessions, Domain, lease)
    assert read(world, row_id).notes is None


def test_a_row_that_was_woken_meanwhile_is_due_then(world: Offline, row_id: int) -> None:
    lease = world.leased(Domain, row_id)
    woken = datetime(2026, 1, 2, tzinfo=UTC)
    change(world, row_id, next_action_at=woken)

    def later(_session: Any, row: Domain) -> None:
        row.next_action_at = datetime(2027, 1, 1, tzinfo=UTC)

    work.record(world.sessions, Domain, lease, later, release=True)
    assert read(world, row_id).next_action_at == woken


def test_a_row_can_be_taken_once(world: Offline, row_id: int) -> None:
    with world.sessions.begin(PLATFORM) as session:
        assert work.take(session, Domain, row_id).id == row_id
    with pytest.raises(Unavailable) as caught, world.sessions.begin(PLATFORM) as session:
        work.take(session, Domain, row_id)
    assert caught.value.code == "busy"


def test_after_failures_it_takes_longer(world: Offline, row_id: int) -> None:
    error = Unavailable("away", "It is away.")
    waits = []
    for _ in range(3):
        lease = world.leased(Domain, row_id)
        due = work.postpone(world.sessions, world.tools, Domain, lease, error)
        waits.append(due - lease.now())
    assert waits[0] < waits[1] < waits[2]
    row = read(world, row_id)
    assert (row.attempts, row.lease_until) == (3, None)


def test_who_asks_for_patience_gets_it(world: Offline, row_id: int) -> None:
    lease = world.leased(Domain, row_id)
    busy = Unavailable("rate_limited", "Later.", timedelta(days=2))
    due = work.postpone(world.sessions, world.tools, Domain, lease, busy)
    assert due - lease.now() > timedelta(days=2) - MINUTE


def test_what_is_given_back_is_due_and_void_for_the_giver(world: Offline, row_id: int) -> None:
    lease = world.leased(Domain, row_id)
    work.give_back(world.sessions, Domain, lease)
    row = read(world, row_id)
    assert row.next_action_at is not None
    assert row.next_action_at <= lease.now()
    assert row.lease_until is None
    with pytest.raises(work.Superseded):
        work.confirm(world.sessions, Domain, lease)


def test_a_sandbox_does_not_wait(world: Offline) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert work.soon(world.tools, now + 5 * MINUTE, now) == now + 5 * MINUTE
    hasty = replace(world.tools, poll=MINUTE)
    assert work.soon(hasty, now + 5 * MINUTE, now) == now + MINUTE


def test_crash_points_are_named_once() -> None:
    assert len(set(work.CRASH_POINTS)) == len(work.CRASH_POINTS)
    assert all(point.count(":") == 1 for point in work.CRASH_POINTS)
