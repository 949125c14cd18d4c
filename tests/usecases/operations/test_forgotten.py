"""Rows that workers would never look at again are found, said and woken."""

import pytest
from tests.worker.busy import Busy, going, until

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions, database_now
from nameplate.models import Binding, Domain
from nameplate.usecases.operations import forgotten
from nameplate.worker.loop import Worker


def test_a_forgotten_row_is_found_said_and_woken(
    sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    busy = Busy(sessions)
    busy.server()
    acme = busy.organization("acme")
    row = busy.claim(acme, "shop.com")
    with going(Worker(sessions, busy.tools)):
        assert until(lambda: _proved(sessions, row), 20) is not None
    bound = busy.bind(acme, "shop.com")
    with sessions.begin(PLATFORM) as session:
        session.get_one(Binding, bound).next_action_at = None
    with sessions.begin(PLATFORM) as session:
        assert forgotten.count(session)["binding"] == 1
        forgotten.wake(session, database_now(session))
    assert "rows_forgotten" in caplog.text
    with sessions.begin(PLATFORM) as session:
        assert set(forgotten.count(session).values()) == {0}
        assert session.get_one(Binding, bound).next_action_at is not None


def _proved(sessions: Sessions, row: int) -> bool:
    with sessions.begin(PLATFORM, read_only=True) as session:
        return session.get_one(Domain, row).verified_at is not None
