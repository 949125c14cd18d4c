"""A worker that acts after it has lost the domain: what it did does not stand for ever."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.usecases.dns.zone_rig import APEX, ZONE, Provider, Rig, a, given, made

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import RecordStatus
from nameplate.models import Domain, LedgerState, Record
from nameplate.ports.dns import Zone
from nameplate.usecases import work
from nameplate.usecases.dns import records

WWW = f"www.{APEX}"


class Paused(Provider):
    """Keeps the first act back until `meanwhile` is over; then it takes effect."""

    meanwhile: Callable[[], None] | None = None
    dies = False
    """Whether whoever acted ends before it hears of it."""

    def apply(self, zone: Zone, changes: Any) -> Any:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is None:
            return super().apply(zone, changes)
        meanwhile()
        outcomes = super().apply(zone, changes)
        if self.dies:
            raise KeyboardInterrupt
        return outcomes


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Iterator[Rig]:
    sessions = sessions_over(migrated_sqlite_url)
    found = made(sessions)
    provider = Paused({APEX: list(found.provider.records(ZONE))})
    found.provider = provider
    found.provider_is(provider)
    yield found
    sessions.dispose()


def _add(rig: Rig, last: int = 1) -> None:
    with rig.offline.sessions.begin(rig.actor) as session:
        records.add(session, rig.actor, rig.name, **given("www", last), now=datetime.now(UTC))


def _remove(rig: Rig) -> None:
    with rig.offline.sessions.begin(rig.actor) as session:
        (row,) = session.scalars(Record.visible(rig.actor)).all()
        records.remove(session, rig.actor, ids.show("rec", row.id), datetime.now(UTC))


def _expire(rig: Rig) -> None:
    """Let the lease of whoever has the domain run out."""
    with rig.offline.sessions.begin(PLATFORM) as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(sa.update(Domain).values(lease_until=past, next_action_at=past))


def _taken_over(rig: Rig, *steps: Callable[[Rig], None]) -> Callable[[], None]:
    def meanwhile() -> None:
        _expire(rig)
        rig.work()
        for step in steps:
            step(rig)
            rig.work()

    return meanwhile


def _acts_late(rig: Rig, meanwhile: Callable[[], None], *, dies: bool = False) -> None:
    assert isinstance(rig.provider, Paused)
    rig.provider.meanwhile, rig.provider.dies = meanwhile, dies
    with pytest.raises(KeyboardInterrupt if dies else work.Superseded):
        rig.work()


def test_what_it_wrote_is_taken_back_when_it_says_so(rig: Rig) -> None:
    _add(rig)
    _acts_late(rig, _taken_over(rig, _remove))
    assert rig.zone[WWW, "A"] == a("www", 1), "the act took effect, and its result is void"
    at = rig.domain().next_action_at
    assert at is not None
    assert at <= datetime.now(UTC), "somebody looks at once"
    rig.work()
    assert (WWW, "A") not in rig.zone


def test_what_it_wrote_is_found_when_it_can_say_nothing(rig: Rig) -> None:
    """A second look at what was removed, after the lease that ran out."""
    _add(rig)
    _acts_late(rig, _taken_over(rig, _remove), dies=True)
    assert rig.zone[WWW, "A"] == a("www", 1)
    at = rig.domain().next_action_at
    assert at is not None
    assert at - datetime.now(UTC) <= timedelta(minutes=5)
    rig.work(after=timedelta(minutes=5, seconds=1))
    assert (WWW, "A") not in rig.zone
    rig.work(after=timedelta(minutes=11))
    assert rig.ledger() == {}


def test_what_it_removed_is_written_again(rig: Rig) -> None:
    _add(rig)
    rig.work()
    _remove(rig)
    _acts_late(rig, _taken_over(rig, _add))
    assert (WWW, "A") not in rig.zone
    assert set(rig.ledger().values()) == {LedgerState.INTENDED}
    rig.work()
    assert rig.zone[WWW, "A"] == a("www", 1)
    (row,) = rig.rows().values()
    assert row.status is RecordStatus.ACTIVE
    assert rig.domain().drift is None


def test_what_is_still_wanted_is_left_alone(rig: Rig) -> None:
    _add(rig)
    _acts_late(rig, _taken_over(rig))
    rig.work()
    assert rig.zone[WWW, "A"] == a("www", 1)
    assert rig.ledger() == {f"{WWW} 192.0.2.1": LedgerState.PRESENT}


def test_without_an_overrun_what_was_removed_is_forgotten_at_once(rig: Rig) -> None:
    _add(rig)
    rig.work()
    _remove(rig)
    rig.work()
    assert rig.ledger() == {}
    assert rig.domain().overrun_at is None


@pytest.mark.parametrize("one", [False, True])
def test_a_lease_that_was_not_released_is_noted(rig: Rig, *, one: bool) -> None:
    rig.offline.leased(Domain, rig.domain_id)
    assert rig.domain().overrun_at is None
    _expire(rig)
    if one:
        with rig.offline.sessions.begin(PLATFORM) as session:
            work.take(session, Domain, rig.domain_id)
    else:
        rig.offline.leased(Domain, rig.domain_id)
    assert rig.domain().overrun_at is not None
