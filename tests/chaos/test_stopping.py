"""SIGTERM: a worker ends within ten seconds and leaves no row to itself."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nameplate.core.actor import PLATFORM
from nameplate.models import Account, Domain
from tests.chaos.conftest import Open
from tests.chaos.verdict import check
from tests.chaos.world import WORK, Scene
from tests.servers.hostile import HostileServer


def _command(scene: Scene) -> subprocess.Popen[bytes]:
    with scene.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "nameplate", "worker"],
            env={**os.environ, **scene.settings},
            cwd=Path(__file__).parents[2],
            stdout=log,
            stderr=log,
        )


def _rows(scene: Scene) -> list[Any]:
    return scene.read(
        lambda session: [row for kind in WORK for row in session.scalars(sa.select(kind))]
    )


def _leased(scene: Scene) -> list[str]:
    return [f"{type(row).__name__} {row.id}" for row in _rows(scene) if row.lease_until is not None]


def _steps(scene: Scene) -> int:
    """Return how often a row was leased so far."""
    return sum(row.fence for row in _rows(scene))


def _terminated(worker: subprocess.Popen[bytes]) -> float:
    started = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    return time.monotonic() - started


def test_a_stopped_worker_leaves_its_work_to_others(scenes: Open) -> None:
    with scenes("postgresql", "stop-busy") as scene:
        scene.claim(wildcard=True)
        for _ in range(3):
            steps = _steps(scene)
            worker = _command(scene)
            try:
                scene.wait(lambda before=steps: _steps(scene) > before, 30)  # type: ignore[misc]  # bound now
                assert _terminated(worker) < 10
            finally:
                worker.kill()
            assert _leased(scene) == []
        with scene.worker():
            scene.wait(scene.settled, 40)
        check(scene)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_provider_that_does_not_answer_delays_nobody(scenes: Open, kind: str) -> None:
    def silence(connection: object) -> None:
        time.sleep(60)

    with scenes(kind, f"stop-silent-{kind[:2]}") as scene, HostileServer(silence) as silent:
        scene.claim(wildcard=True)
        _lead(scene, f"http://127.0.0.1:{silent.port}")
        worker = _command(scene)
        try:
            scene.wait(lambda: silent.connections > 0, 30)
            assert _terminated(worker) < 10
        finally:
            worker.kill()
        assert _leased(scene) == []
        _lead(scene, scene.world.dns.api_url)
        with scene.worker():
            scene.wait(scene.settled, 40)
        check(scene)


def _lead(scene: Scene, url: str) -> None:
    """Have the DNS provider reached at `url`, and its domain looked at at once."""

    def change(session: sa.orm.Session) -> None:
        account = session.scalars(sa.select(Account).where(Account.kind == "dns")).one()
        account.config = {**account.config, "api_url": url}
        for domain in session.scalars(sa.select(Domain)):
            domain.next_action_at = scene.tools.clock()

    scene.sessions.run(PLATFORM, change)
