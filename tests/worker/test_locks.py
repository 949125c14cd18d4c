"""Removals against running workers: one order of locks, and nobody hears of a lost race."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.api.client import LOCAL, Api
from tests.worker.busy import Busy, going, until

from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core.actor import PLATFORM
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now
from nameplate.models import Binding
from nameplate.worker.loop import Worker

_DEADLOCKS = {
    "postgresql": "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
    "mariadb": "SELECT variable_value FROM information_schema.global_status "
    "WHERE variable_name = 'INNODB_DEADLOCKS'",
}


def _deadlocks(sessions: Sessions) -> int:
    with sessions.system_engine.connect() as connection:
        return int(connection.scalar(sa.text(_DEADLOCKS[sessions.dialect])) or 0)


@pytest.mark.parametrize("migrated_url", ["postgresql", "mariadb"], indirect=True)
def test_thirty_removals_against_running_workers(sessions: Sessions) -> None:
    busy = Busy(sessions)
    busy.server()
    names = []
    for number in range(8):
        actor = busy.organization(f"org{number}")
        for host in range(4):
            name = f"h{host}.n{number}.com" if host else f"n{number}.com"
            busy.claim(actor, name)
            busy.bind(actor, name)
            busy.bind(actor, name, path="/api")
            names.append(name)
    app = create(sessions, busy.tools, local_token=Secret(LOCAL))
    apis = threading.local()

    def remove(path: str) -> int:
        if not hasattr(apis, "api"):
            apis.api = Api(sessions, busy.tools, InProcess(app))
        return int(apis.api.send("DELETE", path).status)

    def unsettled() -> int:
        with sessions.begin(PLATFORM, read_only=True) as session:
            query = sa.select(sa.func.count()).select_from(Binding)
            return session.scalar(query.where(Binding.status != "active")) or 0

    with going(*(Worker(sessions, busy.tools) for _ in range(2))):
        assert until(lambda: unsettled() == 0, 60) is not None, unsettled()
        before = _deadlocks(sessions)
        stop = threading.Event()
        restless = threading.Thread(target=_health_is_due, args=(sessions, stop))
        restless.start()
        doomed = [f"/v1/domains/{name}" for name in names[4:28] if name[0] == "h"]
        doomed += [f"/v1/domains/{name}" for name in names[4:28] if name[0] == "n"]
        doomed += [f"/v1/organizations/org{number}" for number in range(2, 8)]
        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(remove, doomed))
        stop.set()
        restless.join()
    assert len(found) == 30
    assert set(found) <= {204, 404}, found  # a name may be gone with its organization
    assert 503 not in found
    assert _deadlocks(sessions) == before


def _health_is_due(sessions: Sessions, stop: threading.Event) -> None:
    """Have every health check due all the time."""

    def wake(session: Session) -> None:
        idle = sa.select(Binding.id).where(
            Binding.lease_until.is_(None), Binding.deleted_at.is_(None)
        )
        free = session.scalars(idle.with_for_update(skip_locked=True, key_share=True)).all()
        session.execute(
            Binding.waking(database_now(session)).where(Binding.id.in_(free)),
            execution_options={"synchronize_session": False},
        )

    while not stop.wait(0.03):
        sessions.run(PLATFORM, wake)
