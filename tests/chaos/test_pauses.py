"""A worker paused past its lease, and resumed, writes nothing any more."""

import os
import signal
import threading
from typing import Any

import pytest
import sqlalchemy as sa

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.db import database_now
from nameplate.models import Account, LedgerState, Record
from nameplate.usecases.dns import records
from tests.chaos.conftest import Open
from tests.chaos.run_worker import WorkerProcess
from tests.chaos.verdict import check, visit
from tests.chaos.world import Scene
from tests.servers.lossy import Lossy

POINTS = (
    ("sqlite", "verification:checked"),
    ("sqlite", "records:read"),
    ("sqlite", "records:applied"),
    ("postgresql", "certificate:order_created"),
    ("postgresql", "certificate:finalize_intended"),
    ("mariadb", "certificate:downloaded"),
    ("postgresql", "proxy:rendered"),
)

LOOKED_AT = {"next_action_at", "overrun_at", "updated_at"}


def _pause(scene: Scene, point: str) -> WorkerProcess:
    # One thread: another step could hold the lock of the proxy's folder while the process is paused.
    worker = scene.worker(stop_at=point, threads=1)
    assert worker.wait_for_pause(60), f"it never came to {point}: {scene.log.read_text()}"
    return worker


def _end(worker: WorkerProcess) -> None:
    worker.wait_until_ready(20)
    worker.process.terminate()
    assert worker.join(20) == 0


def _resumed_writes_nothing(scene: Scene, paused: WorkerProcess) -> None:
    rows, zone, served = _rows(scene), scene.world.rrsets(), _fragments(scene)
    paused.resume()
    assert paused.join(30) == 0, scene.log.read_text()
    assert _rows(scene) == rows
    assert scene.world.rrsets() == zone
    assert _fragments(scene) == served


def _rows(scene: Scene) -> dict[str, Any]:
    """Return all rows, but when a domain is looked at: a late act has it looked at once more.

    What it may have brought back to the zone is noted as something to take away.
    """
    found = dict(scene.dump())
    found["dns_ledger"] = [
        row for row in found["dns_ledger"] if row["state"] != LedgerState.LEAVING
    ]
    found["organization_domains"] = [
        {name: value for name, value in row.items() if name not in LOOKED_AT}
        for row in found["organization_domains"]
    ]
    return found


def _fragments(scene: Scene) -> dict[str, bytes]:
    current = scene.folder / "managed" / "current"
    return {path.name: path.read_bytes() for path in sorted(current.iterdir())}


@pytest.mark.parametrize(("kind", "point"), POINTS)
def test_a_resumed_worker_writes_nothing(scenes: Open, kind: str, point: str) -> None:
    with scenes(kind, f"pause-{kind[:2]}-{point.replace(':', '-').replace('_', '-')}") as scene:
        scene.claim(wildcard=True)
        with _pause(scene, point) as paused:
            with scene.worker() as other:
                scene.wait(scene.settled, 60)
                _end(other)
            _resumed_writes_nothing(scene, paused)
        with scene.worker() as last:  # it looks once more at what a late act may have left
            scene.wait(scene.settled, 60)
            _end(last)
        check(scene)


def test_a_resumed_worker_does_not_bring_back_what_was_removed(scenes: Open) -> None:
    """What it was about to write fits the zone again: only the fence can tell that it is void."""
    with scenes("sqlite", "pause-removed") as scene:
        scene.claim(wildcard=True)
        with _pause(scene, "records:intended") as paused:
            with scene.worker() as other:
                scene.wait(scene.settled, 60)
                scene.sessions.run(PLATFORM, _remove_record)
                scene.wait(lambda: scene.world.rrsets(scene.base) == scene.before, 30)
                _end(other)
            _resumed_writes_nothing(scene, paused)
        assert scene.world.rrsets(scene.base) == scene.before
        assert visit(scene)[0] == 200


def _remove_record(session: sa.orm.Session) -> None:
    row = session.scalars(sa.select(Record)).one()
    records.remove(session, PLATFORM, ids.show("rec", row.id), database_now(session))


def test_what_arrives_at_the_provider_after_the_takeover_does_not_stay(scenes: Open) -> None:
    """A request on its way while its worker is paused: no fence holds it up, PowerDNS obeys it."""
    held, go = threading.Event(), threading.Event()

    def hold(data: bytes) -> bool:
        if b'"rrsets":[' in data and b"_acme-challenge" in data and not held.is_set():
            held.set()
            go.wait(120)
        return False

    with scenes("sqlite", "pause-sent") as scene:
        port = int(scene.world.dns.api_url.rpartition(":")[2])
        with Lossy(port, hold) as between:
            url = f"http://127.0.0.1:{between.port}"
            scene.sessions.run(PLATFORM, lambda session: _lead(session, url))
            scene.claim(wildcard=True)
            challenges = f"_acme-challenge.{scene.base}", "TXT"
            with scene.worker(threads=1) as paused:
                assert held.wait(60), scene.log.read_text()
                os.kill(paused.pid, signal.SIGSTOP)
                with scene.worker() as other:
                    scene.wait(scene.settled, 60)
                    assert scene.world.rrsets()[challenges] == ('"somebody else"',)
                    go.set()
                    scene.wait(lambda: len(scene.world.rrsets()[challenges]) > 1, 30)
                    paused.resume()
                    scene.wait(lambda: len(scene.world.rrsets()[challenges]) == 1, 30)
                    scene.wait(scene.settled, 30)
                    for worker in (paused, other):
                        _end(worker)
        assert scene.world.rrsets()[challenges] == ('"somebody else"',)
        assert visit(scene)[0] == 200


def _lead(session: sa.orm.Session, url: str) -> None:
    account = session.scalars(sa.select(Account).where(Account.kind == "dns")).one()
    account.config = {**account.config, "api_url": url}


def test_the_signals_are_what_they_seem(scenes: Open) -> None:
    """A paused worker neither ends nor works; otherwise the tests above show nothing."""
    with scenes("sqlite", "pause-itself") as scene:
        scene.claim(wildcard=False)
        with _pause(scene, "verification:checked") as paused:
            assert paused.join(0.5) is None
            before = scene.dump()
            assert paused.join(1) is None
            assert scene.dump() == before
            paused.kill()
            assert paused.join(1) == -signal.SIGKILL
