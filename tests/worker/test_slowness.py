"""A step that waits on a peer: told while it waits, once, on the row, in the log and in the counts."""

import logging
import threading
import time

import pytest
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import StepCount, Verification
from nameplate.usecases import work
from nameplate.usecases.claims import domains, proving
from nameplate.usecases.tools import Tools
from nameplate.worker import slowness
from nameplate.worker.handlers import Reconciler
from nameplate.worker.loop import Worker


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_a_step_on_a_silent_peer_is_told_while_it_waits(
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(slowness, "PATIENCE", 0.3)
    world = Offline(sessions)
    answers = threading.Event()

    def reconcile(sessions: Sessions, _tools: Tools, lease: Lease) -> None:
        answers.wait(20)
        work.record(sessions, Verification, lease, _rest, release=True)

    def _rest(_session: object, row: Verification) -> None:
        row.next_action_at = None

    acme = world.organization("acme")
    with world.sessions.begin(acme) as session:
        domains.add(session, world.tools, acme, name="shop.example.com")
    handlers = (Reconciler(Verification, reconcile, proving.peer),)
    worker = Worker(world.sessions, world.tools, handlers=handlers)
    worker._poll = 0.1
    thread = threading.Thread(target=worker.run)
    with caplog.at_level(logging.WARNING, "nameplate"):
        thread.start()
        try:
            assert _becomes(world, work.ANSWER_AWAITED)
            time.sleep(0.5)
            answers.set()
            assert _becomes(world, None), "the step has ended"
        finally:
            answers.set()
            worker.stop()
            thread.join(15)
    assert [one.getMessage() for one in caplog.records].count("step_waits") == 1
    with world.sessions.begin(PLATFORM, read_only=True) as session:
        counted = session.get(StepCount, ("verification", work.ANSWER_AWAITED))
    assert counted is not None
    assert counted.steps == 1


def _becomes(world: Offline, code: str | None) -> bool:
    deadline = time.monotonic() + 10
    while _code(world) != code and time.monotonic() < deadline:
        time.sleep(0.05)
    return _code(world) == code


def _code(world: Offline) -> str | None:
    with world.sessions.begin(PLATFORM, read_only=True) as session:
        row = session.scalars(Verification.visible(PLATFORM)).one()
        return str(row.trouble_code) if row.trouble_code else None
