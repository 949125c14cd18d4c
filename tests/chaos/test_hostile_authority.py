"""Pebble at its worst: refused nonces, slow validations, reused authorizations. All are issued."""

from pathlib import Path

import pytest

from nameplate import bootstrap
from nameplate.core.actor import PLATFORM
from nameplate.settings import Settings
from tests.chaos import backlog
from tests.chaos.run_worker import Job, WorkerProcess
from tests.chaos.world import ZONE, Answers, World
from tests.databases import Templates, sessions_over

COUNT = 50
THREADS_ALLOWED = 20
SEVERAL = 8


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def _issue_all(folder: Path, templates: Templates, sleep: int, seconds: float) -> None:
    """Have one worker issue all, and look at its threads while validations are pending."""
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    with (
        World(folder / "world", nonce_reject=10, sleep=sleep, authz_reuse=50) as world,
        templates.sqlite(folder / "hostile.db") as url,
    ):
        world.publish(f"*.{ZONE}", "A", "127.0.0.1")
        settings = {
            "NAMEPLATE_HOME": str(folder),
            "NAMEPLATE_DATABASE_URL": url,
            **world.settings("127.0.0.1"),
        }
        given = Settings.read(settings)
        tools = bootstrap.tools(given, bootstrap.keyring(given))
        sessions = sessions_over(url)
        pebble = world.pebble
        sessions.run(
            PLATFORM,
            lambda s: backlog.authority(s, tools, pebble.directory_url, str(pebble.ca_bundle)),
        )
        backlog.add(sessions, [f"n{number}.{ZONE}" for number in range(COUNT)])
        job = Job(settings, folder / "worker.log", lease=30, poll=0.2, threads=8)
        answers = Answers(sessions, tools.keyring, ("127.0.0.1", world.http_port))
        pending, most, done = _watch(sessions, job, answers, seconds)
        told = (folder / "worker.log").read_text(errors="replace")[-3000:]
        sessions.dispose()
        assert done == {"active": COUNT}, told
        assert [world.issued(f"n{number}.{ZONE}") for number in range(COUNT)] == [1] * COUNT
        assert pending > SEVERAL, "never more orders pending than threads: nothing was shown"
        assert most <= THREADS_ALLOWED


def _watch(sessions, job: Job, answers: Answers, seconds: float) -> tuple[int, int, dict[str, int]]:
    """Return the most orders seen open at once, the most threads meanwhile, and the statuses."""
    pending = most = 0
    with answers, WorkerProcess(job) as worker:
        for _ in range(int(seconds * 5)):
            if worker.join(0.2) is not None or backlog.states(sessions) == {"active": COUNT}:
                break
            pending = max(pending, backlog.waiting(sessions))
            most = max(most, _threads(worker.pid))
        return pending, most, backlog.states(sessions)


def test_fifty_of_fifty(templates: Templates, tmp_path: Path) -> None:
    _issue_all(tmp_path, templates, sleep=3, seconds=150)


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_fifty_of_fifty_with_the_longest_sleeps(templates: Templates, tmp_path: Path) -> None:
    _issue_all(tmp_path, templates, sleep=15, seconds=600)
