"""The worker: woken by what is committed, stopped in good order, undisturbed by one bad row."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from tests.usecases.offline import Offline

from nameplate import leases
from nameplate.adapters.verification.memory import MemoryMethod
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Refused
from nameplate.core.lifecycle import VerificationStatus
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Verification
from nameplate.ports.verification import Proof
from nameplate.usecases.claims import domains, proving, verifications
from nameplate.usecases.tools import Tools
from nameplate.usecases.work import StepOutcome
from nameplate.worker import loop
from nameplate.worker.handlers import Reconciler
from nameplate.worker.loop import Worker

PROOFS = (Reconciler(Verification, proving.reconcile),)


@pytest.fixture
def world(sessions: Sessions) -> Offline:
    return Offline(sessions)


@contextmanager
def _going(worker: Worker) -> Iterator[None]:
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(15)
    assert not thread.is_alive()


@pytest.fixture
def running(world: Offline) -> Iterator[Worker]:
    worker = Worker(world.sessions, world.tools, handlers=PROOFS)
    with _going(worker):
        yield worker


def _claim(world: Offline, actor: Actor, name: str) -> int:
    with world.sessions.begin(actor) as session:
        domains.add(session, world.tools, actor, name=name)
        (proof,) = verifications.page(session, actor, limit=5, domain=name)
        return proof.id


def _seen(world: Offline, row_id: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with world.sessions.begin(PLATFORM, read_only=True) as session:
            if session.get_one(Verification, row_id).verification_attempts:
                return True
        time.sleep(0.05)
    return False


def test_a_claim_is_looked_at_without_anybody_asking(world, running):
    row = _claim(world, world.organization("acme"), "shop.example.com")
    assert _seen(world, row, 15)


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_on_postgresql_a_commit_wakes_the_worker(world):
    worker = Worker(world.sessions, world.tools, handlers=PROOFS)
    worker._poll = 300.0
    with _going(worker):
        acme = world.organization("acme")
        time.sleep(2)  # the worker has found nothing, and listens
        assert _seen(world, _claim(world, acme, "shop.example.com"), 20)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_one_row_that_cannot_be_worked_on_does_not_stop_the_others(world, running):
    acme = world.organization("acme")

    def check(name: str, token: str) -> Proof:
        if name == "bad.example.com":
            raise ZeroDivisionError
        found: Proof = MemoryMethod().check(name, token)
        return found

    world.method.check = check
    bad = _claim(world, acme, "bad.example.com")
    good = _claim(world, acme, "good.example.com")
    assert _seen(world, good, 15)
    deadline = time.monotonic() + 15
    while not (given_back := _given_back(world, bad)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert given_back


def _given_back(world: Offline, row_id: int) -> bool:
    with world.sessions.begin(PLATFORM, read_only=True) as session:
        row = session.get_one(Verification, row_id)
        free = row.lease_until is None and row.next_action_at is not None
        return free and row.attempts > 0 and row.status is VerificationStatus.PENDING


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "error", [Refused("proxy_refused", "It does not like one."), KeyError("x")]
)
def test_what_fails_together_fails_for_one_only(world, error):
    """A surprise in a joint step is one row's: the others do not wait for its next attempt."""
    ids = [_claim(world, world.organization(f"o{number}"), f"n{number}.com") for number in range(3)]
    alone: list[int] = []

    def together(*_given: object) -> tuple[list[StepOutcome], list[Lease]]:
        raise error

    def reconcile(_sessions: Sessions, _tools: Tools, lease: Lease) -> None:
        alone.append(lease.id)
        if lease.id == ids[0]:
            raise error

    handler = Reconciler(
        Verification, reconcile, peer=lambda *_: "x", together=together, width=8, is_spread=False
    )
    worker = Worker(world.sessions, world.tools, threads=1, handlers=(handler,))
    with world.sessions.begin(PLATFORM) as session:
        ((_, taken, _),) = worker._lease(session)
    worker._work(handler, taken)
    assert sorted(alone) == sorted(ids)
    with world.sessions.begin(PLATFORM, read_only=True) as session:
        failed = [session.get_one(Verification, one).attempts for one in ids]
    assert failed == [1, 0, 0]


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_chores_are_done_now_and_then(world, running, monkeypatch):
    done = threading.Event()
    monkeypatch.setattr(loop, "CHORES", (lambda _session, _now: done.set(),))
    monkeypatch.setattr(loop, "CHORES_EVERY", 0.0)
    assert done.wait(15)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_the_next_step_starts_when_one_ends(world):
    """One thread, many rows: nobody waits for the next look while the thread is free."""
    acme = world.organization("acme")
    rows = [_claim(world, acme, f"n{number}.example.com") for number in range(12)]
    worker = Worker(world.sessions, world.tools, threads=1, handlers=PROOFS)
    worker._poll = 300.0  # only the end of a step wakes it
    with _going(worker):
        assert all(_seen(world, row, 30) for row in rows)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_rows_are_leased_ahead_as_far_as_steps_end(world):
    """Two threads, steps that do not end: two rows, and one more for each step that ended before."""
    acme = world.organization("acme")
    for number in range(12):
        _claim(world, acme, f"n{number}.example.com")
    gate = threading.Event()

    def wait(_sessions: Sessions, _tools: Tools, _lease: Lease) -> None:
        gate.wait(30)

    waiting = (Reconciler(Verification, wait),)
    try:
        for ended, room in ((0, 2), (1, 3), (9, 4)):  # never more than one for each thread
            worker = Worker(world.sessions, world.tools, threads=2, handlers=waiting)
            worker._ended = ended
            assert worker._start_due() == 1
            assert len(worker._running) == room
    finally:
        gate.set()


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_a_row_that_waited_too_long_for_a_thread_is_given_back(world):
    row = _claim(world, world.organization("acme"), "shop.example.com")
    worker = Worker(world.sessions, world.tools, handlers=PROOFS)
    old = world.leased(Verification, row)
    worker._work(PROOFS[0], (replace(old, taken_on=old.taken_on - 31),))
    with world.sessions.begin(PLATFORM, read_only=True) as session:
        found = session.get_one(Verification, row)
        assert found.lease_until is None
        assert found.verification_attempts == 0
        assert found.fence == old.fence + 1


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_after_a_pause_of_the_database_its_clock_is_read_once_more(world, monkeypatch):
    """By a clock read on the other side of a pause, all would be planned late by its length."""
    row = _claim(world, world.organization("acme"), "shop.example.com")
    worker = Worker(world.sessions, world.tools, handlers=PROOFS)
    monkeypatch.setattr(loop, "LATE_ANSWER", 0.2)
    asked = []

    def due(*given):
        asked.append(time.monotonic())
        time.sleep(0.3)
        return leases.due(*given)

    monkeypatch.setattr(loop, "due", due)
    assert worker._start_due() == 0
    time.sleep(loop.MAX_QUIET)
    assert worker._start_due() == 1, "a database that is always slow is worked with"
    assert _seen(world, row, 10)
    assert len(asked) == 2
    worker.stop()
    worker.run()
