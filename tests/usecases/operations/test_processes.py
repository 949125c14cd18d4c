"""Heartbeats of running processes, and what a rotation makes of them."""

import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.usecases.offline import Offline

from nameplate.adapters import keyring as keyrings
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict
from nameplate.db import Sessions, database_now
from nameplate.models import LiveProcess
from nameplate.usecases.operations import processes
from nameplate.usecases.operations.processes import ALIVE, KEPT, Heartbeat
from nameplate.worker.loop import Worker


def alive(sessions: Sessions) -> list[str]:
    with sessions.begin(PLATFORM, read_only=True) as session:
        return list(session.scalars(sa.select(LiveProcess.key_id)))


def test_a_process_says_with_which_key_it_seals(sessions: Sessions, tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    old = keyrings.create(path).primary
    heart = Heartbeat(sessions, keyrings.FileKeyRing(path))
    heart.beat()
    heart.beat()
    assert alive(sessions) == [old]
    new = keyrings.add_key(path).primary
    assert [one.key_id for one in processes.stragglers(sessions, new)] == [old]
    heart._beaten_at = float("-inf")
    heart.beat()
    assert processes.stragglers(sessions, new) == []
    heart.end()
    assert alive(sessions) == []


def test_a_process_with_another_ring_is_waited_for_and_named(sessions: Sessions) -> None:
    offline = Offline(sessions)
    Heartbeat(sessions, offline.tools.keyring).beat()
    with pytest.raises(Conflict, match=r"process \d+ on ") as caught:
        processes.wait_for_key(sessions, "other", 0.1)
    assert caught.value.code == "keyring_not_everywhere"
    with sessions.begin(PLATFORM) as session:
        silent = database_now(session) - ALIVE
        session.execute(sa.update(LiveProcess).values(seen_at=silent))
    processes.wait_for_key(sessions, "other", 0.1)
    with sessions.begin(PLATFORM) as session:
        now = database_now(session)
        processes.forget_old(session, now)
        assert session.scalars(sa.select(LiveProcess)).all() != []
        processes.forget_old(session, now + KEPT)
        assert session.scalars(sa.select(LiveProcess)).all() == []


def test_a_worker_beats_while_it_runs(sessions: Sessions) -> None:
    worker = Worker(sessions, Offline(sessions).tools, threads=1)
    thread = threading.Thread(target=worker.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not alive(sessions):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert alive(sessions) == ["test"]
    worker.stop()
    thread.join(20)
    assert alive(sessions) == []
