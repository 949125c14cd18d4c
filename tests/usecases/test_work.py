"""Working on leased rows: under a fence, released or renewed, and woken meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.models import world as rows
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import RateLimited, Unavailable
from nameplate.db import Sessions
from nameplate.models import Certificate, Domain
from nameplate.usecases import work
from nameplate.usecases.claims import domains
from nameplate.usecases.tenants import accounts

MINUTE = timedelta(minutes=1)
DOWN = Unavailable("authority_unreachable", "The authority at ca.example does not answer.")
PEER = "account:7"


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


def test_a_lease_that_has_just_begun_is_not_written_anew(world: Offline, row_id: int) -> None:
    lease = world.leased(Domain, row_id)
    began = read(world, row_id)
    work.record(world.sessions, Domain, lease, lambda *_: None, release=False)
    row = read(world, row_id)
    assert (row.lease_until, row.updated_at) == (began.lease_until, began.updated_at)
    late = replace(lease, taken_on=lease.taken_on - 20)  # a third of it is over
    work.record(world.sessions, Domain, late, lambda *_: None, release=False)
    row = read(world, row_id)
    assert row.lease_until == row.next_action_at
    assert row.lease_until is not None
    assert began.lease_until is not None
    assert row.lease_until - began.lease_until >= timedelta(seconds=20)


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


def certificates(world: Offline, count: int) -> list[int]:
    with world.sessions.begin(PLATFORM) as session:
        domain = rows.domain(session, rows.organization(session))
        return [rows.certificate(session, domain).id for _ in range(count)]


def stop(world: Offline, row_id: int, peer: str | None = PEER) -> datetime:
    lease = world.leased(Certificate, row_id)
    return work.postpone(
        world.sessions, world.tools, Certificate, lease, DOWN, lambda _session, _row: peer
    )


def certificate(world: Offline, row_id: int) -> Certificate:
    with world.sessions.begin(PLATFORM) as session:
        return session.get_one(Certificate, row_id)


def nothing(_session: Session, row: Any) -> None:
    row.next_action_at = None


def test_the_row_says_what_stops_it_and_since_when(world: Offline) -> None:
    (row_id,) = certificates(world, 1)
    stop(world, row_id)
    first = certificate(world, row_id)
    assert (first.trouble_code, first.trouble_message) == (DOWN.code, DOWN.detail)
    assert first.waits_for == PEER
    stop(world, row_id)
    assert certificate(world, row_id).trouble_since == first.trouble_since, "it is the same trouble"


def test_one_of_those_that_wait_keeps_trying(world: Offline) -> None:
    """The back-off of none outlasts the cause by more than the one that watches needs."""
    many = certificates(world, 5)
    for _ in range(9):
        for row_id in many:
            stop(world, row_id)
    now = datetime.now(UTC)
    due = sorted(
        at - now for row_id in many if (at := certificate(world, row_id).next_action_at) is not None
    )
    assert due[0] <= work.WATCH
    assert due[1] > timedelta(minutes=5), "the others do not press on a dead peer"


def test_whoever_comes_through_wakes_the_others(world: Offline) -> None:
    waiting, other, healed = certificates(world, 3)
    for row_id, peer in ((waiting, PEER), (other, "account:8"), (healed, PEER)):
        for _ in range(9):
            stop(world, row_id, peer)
    lease = world.leased(Certificate, healed)
    work.record(world.sessions, Certificate, lease, nothing, release=True)
    now = datetime.now(UTC)
    assert certificate(world, healed).trouble_code is None
    assert (certificate(world, waiting).next_action_at or now) <= now
    assert certificate(world, waiting).trouble_code == DOWN.code, "until it comes through itself"
    assert (certificate(world, other).next_action_at or now) > now


def test_who_found_room_in_a_budget_wakes_nobody(world: Offline) -> None:
    """What waits for the same limit would all be refused again."""
    first, second = certificates(world, 2)
    spent = RateLimited(work.BUDGET_SPENT, "Wait.", timedelta(hours=1))
    for row_id in (first, second):
        lease = world.leased(Certificate, row_id)
        work.postpone(world.sessions, world.tools, Certificate, lease, spent, lambda *_: PEER)
    lease = world.leased(Certificate, first)
    work.record(world.sessions, Certificate, lease, nothing, release=True)
    waits = (certificate(world, second).next_action_at or datetime.now(UTC)) - datetime.now(UTC)
    assert waits > timedelta(minutes=50)
    with world.sessions.begin(PLATFORM) as session:
        work.wake_waiting(session, PEER, datetime.now(UTC))
    due = certificate(world, second).next_action_at
    assert due is not None
    assert due <= datetime.now(UTC), "another account or limit does"


def test_a_repaired_account_wakes_who_waits_for_it(world: Offline) -> None:
    acme = world.organization("acme")
    with world.sessions.begin(acme) as session:
        account = accounts.add(
            session, acme, world.tools, kind="dns", provider="memory", name="dns",
            credentials={"api_key": "x"},
        )  # fmt: skip
        row = domains.add(session, world.tools, acme, name="acme.com", account="dns")
    lease = world.leased(Domain, row.id)
    for _ in range(9):
        work.postpone(
            world.sessions, world.tools, Domain, lease, DOWN, lambda *_: f"account:{account.id}"
        )
        lease = world.leased(Domain, row.id)
    work.postpone(
        world.sessions, world.tools, Domain, lease, DOWN, lambda *_: f"account:{account.id}"
    )
    with world.sessions.begin(acme) as session:
        accounts.update(session, acme, world.tools, "dns", credentials={"api_key": "y"})
    with world.sessions.begin(PLATFORM) as session:
        assert session.get_one(Domain, row.id).next_action_at <= datetime.now(UTC)  # type: ignore[operator]  # it is due


def test_a_step_that_waits_for_an_answer_says_so_until_it_ends(world: Offline) -> None:
    """A peer that hangs is told while it hangs, and what the step finds out stays valid."""
    (row_id,) = certificates(world, 1)
    lease = world.leased(Certificate, row_id)
    work.tell_waiting(world.sessions, Certificate, lease, lambda _session, _row: PEER, 5)
    told = certificate(world, row_id)
    assert (told.trouble_code, told.waits_for) == (work.ANSWER_AWAITED, PEER)
    assert told.lease_until == lease.until, "the step goes on"
    work.record(world.sessions, Certificate, lease, nothing, release=True)
    assert certificate(world, row_id).trouble_code is None


def test_what_stops_a_row_already_is_not_replaced_by_waiting(world: Offline) -> None:
    (row_id,) = certificates(world, 1)
    stop(world, row_id)
    lease = world.leased(Certificate, row_id)
    work.tell_waiting(world.sessions, Certificate, lease, lambda _session, _row: PEER, 5)
    assert certificate(world, row_id).trouble_code == DOWN.code


def test_a_step_that_lost_its_lease_says_nothing(world: Offline) -> None:
    (row_id,) = certificates(world, 1)
    lease = world.leased(Certificate, row_id)
    world.leased(Certificate, row_id, after=timedelta(hours=1))
    work.tell_waiting(world.sessions, Certificate, lease, lambda _session, _row: PEER, 5)
    assert certificate(world, row_id).trouble_code is None
