"""What the edge was asked, added up over processes and kept small."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.asks import AskOutcome
from nameplate.core.errors import NotPermitted
from nameplate.db import Sessions, database_now
from nameplate.models import EdgeAsk
from nameplate.usecases.serving import asks


@pytest.fixture
def sessions(migrated_sqlite_url: str) -> Sessions:
    return sessions_over(migrated_sqlite_url)


def test_processes_add_up_on_every_database(migrated_url: str) -> None:
    sessions = sessions_over(migrated_url)
    for _ in range(2):
        with sessions.begin(PLATFORM) as session:
            outcomes = {AskOutcome.ALLOWED: 5, AskOutcome.UNKNOWN: 9}
            asks.add(session, outcomes, {"evil.com": 7, "bad.org": 1})
    with sessions.begin(PLATFORM) as session:
        found = asks.refusals(session, PLATFORM, limit=1)
        assert (found.outcomes[AskOutcome.ALLOWED], found.outcomes[AskOutcome.STALE]) == (10, 0)
        assert [(one.suffix, one.asked) for one in found.suffixes] == [("evil.com", 14)]
        later = database_now(session) + asks.KEPT_FOR + timedelta(minutes=1)
        assert asks.forget_old(session, later) == 2
        assert asks.totals(session)[AskOutcome.UNKNOWN] == 18, "what is counted stays"
    sessions.dispose()


def test_only_the_operator_sees_them(sessions: Sessions) -> None:
    with sessions.begin(Actor(1)) as session, pytest.raises(NotPermitted) as refused:
        asks.refusals(session, Actor(1), limit=1)
    assert refused.value.code == "platform_only"


def test_no_more_than_a_thousand_suffixes_are_kept(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        asks.add(session, {AskOutcome.UNKNOWN: 1}, {f"x{one}.com": 1 for one in range(1700)})
    with sessions.begin(PLATFORM) as session:
        asks.add(session, {AskOutcome.UNKNOWN: 1}, {"x0.com": 1})
        assert asks.forget_old(session, database_now(session)) == 700
        kept = session.scalars(sa.select(EdgeAsk.suffix).where(EdgeAsk.suffix != "")).all()
    assert len(kept) == asks.MAX_KEPT
    assert "x0.com" in kept, "it was asked for last"
