"""Events as readers see them: told by real use cases, numbered without holes, purged in pieces."""

import itertools
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.models import world as rows
from tests.models.event_reader import read, shown

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid, NotFound
from nameplate.db import Sessions
from nameplate.models import (
    Event,
    EventCounter,
    Organization,
)
from nameplate.usecases import events

DAY = timedelta(days=1)
_numbers = itertools.count()


def _told(sessions: Sessions, count: int = 1, *, organization: int | None = None) -> int:
    """Tell of that many changes of one organization, each in a transaction of its own."""
    if organization is None:
        with sessions.begin(PLATFORM) as session:
            organization = rows.organization(session).id
        count -= 1
    for _ in range(count):
        with sessions.begin(PLATFORM) as session:
            session.get_one(Organization, organization).name = f"name {next(_numbers)}"
    return organization


def test_numbers_are_dense_in_each_organization(sessions: Sessions) -> None:
    one, other = _told(sessions, 3), _told(sessions, 2)
    assert events.number(sessions) == 5
    assert events.number(sessions) == 0
    _told(sessions, 2, organization=one)
    found = read(sessions)
    assert [event.position for event in found] == [1, 2, 3, 4, 5, 6, 7]
    for organization, count in ((one, 5), (other, 2)):
        own = read(sessions, Actor(organization))
        assert [event.sequence for event in own] == list(range(1, count + 1))
        assert {event.organization_id for event in own} == {organization}


def test_a_reader_does_not_pass_what_commits_late(sessions: Sessions) -> None:
    """Ordered by the time of writing, the first transaction's event would be passed over."""
    if sessions.dialect == "sqlite":
        pytest.skip("one transaction writes at a time")
    one, other = _told(sessions), _told(sessions)
    with sessions.begin(PLATFORM) as late:
        late.execute(sa.update(Organization).where(Organization.id == one).values(name="late"))
        _told(sessions, 1, organization=other)
        known = read(sessions)
        ids_ = late.scalars(sa.select(Event.id).where(Event.position.is_(None))).all()
        assert ids_  # it is written, and nobody else sees it
        assert min(ids_) < max(event.id for event in known)
    (after,) = read(sessions, query=events.EventQuery(since=shown(known[-1])))
    assert after.after == {"name": "late"}


def test_a_tailing_reader_misses_nothing_of_concurrent_writers(sessions: Sessions) -> None:
    organizations_ = [_told(sessions) for _ in range(2)]
    writers, changes = (2, 6) if sessions.dialect == "sqlite" else (4, 15)
    failures: list[BaseException] = []

    def write(number: int) -> None:
        chance = random.Random(number)
        try:
            for turn in range(changes):
                with sessions.begin(PLATFORM) as session:
                    owner = organizations_[(number + turn) % 2]
                    rows.application(session, session.get_one(Organization, owner),
                                     name=f"{number}.{turn}")  # fmt: skip
                    names = sa.update(Organization).where(Organization.id == -1)
                    session.execute(names.values(name="nobody"))
                    if sessions.dialect != "sqlite":
                        time.sleep(chance.random() * 0.01)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    seen: dict[Actor, list[Event]] = {Actor(one): [] for one in organizations_}
    while any(thread.is_alive() for thread in threads):
        _follow(sessions, seen)
    _follow(sessions, seen)
    assert not failures
    told = [one for found in seen.values() for one in found if one.type == "application.added"]
    assert sorted(one.after["name"] for one in told) == sorted(
        f"{number}.{turn}" for number in range(writers) for turn in range(changes)
    )
    for found in seen.values():
        assert [one.sequence for one in found] == list(range(1, len(found) + 1))


def _follow(sessions: Sessions, seen: dict[Actor, list[Event]]) -> None:
    for actor, found in seen.items():
        since = shown(found[-1]) if found else "start"
        found.extend(read(sessions, actor, events.EventQuery(since=since)))


def test_another_organization_sees_nothing(sessions: Sessions) -> None:
    mine, theirs = _told(sessions, 3), _told(sessions, 1)
    found = read(sessions, Actor(mine))
    own = read(sessions, Actor(theirs))
    assert len(own) == 1
    with sessions.begin(Actor(theirs), read_only=True) as session:
        with pytest.raises(NotFound):
            events.get(session, Actor(theirs), shown(found[0]))
        assert session.scalars(sa.select(Event.organization_id)).all() == [theirs]
        about = events.EventQuery(since="start", object=ids.show("org", mine))
        assert events.page(session, Actor(theirs), about, limit=10) == []


def test_a_tenant_can_change_and_remove_no_event(sessions: Sessions) -> None:
    mine = _told(sessions, 2)
    if sessions.dialect != "postgresql":
        pytest.skip("row-level security is PostgreSQL's")
    with sessions.begin(Actor(mine)) as session:
        connection = session.connection()
        table: Any = Event.__table__
        assert connection.execute(sa.update(table).values(type="x")).rowcount == 0
        assert connection.execute(sa.delete(table)).rowcount == 0
        assert connection.execute(sa.select(EventCounter.__table__.c.stream)).all() == []


def test_the_newest_come_first_without_a_place(sessions: Sessions) -> None:
    mine = Actor(_told(sessions, 5))
    events.number(sessions)
    with sessions.begin(mine, read_only=True) as session:
        newest = events.page(session, mine, events.EventQuery(), limit=2)
        assert [one.sequence for one in newest] == [5, 4, 3]
        older = events.EventQuery(before=shown(newest[1]))
        assert [one.sequence for one in events.page(session, mine, older, limit=2)] == [3, 2, 1]
        assert events.newest(session, mine) == shown(newest[0])
        assert events.page(session, mine, events.EventQuery(since="now"), limit=2) == ()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"since": "yesterday"}, "event_reference_invalid"),
        ({"before": "dom_1"}, "event_reference_invalid"),
        ({"types": ("domain.eaten",)}, "event_type_unknown"),
        ({"types": ("*",)}, "event_type_unknown"),
        ({"object": "evt_00000000000000"}, "event_object_invalid"),
        ({"object": "shop.example.com"}, "event_object_invalid"),
    ],
)
def test_a_wrong_question_is_refused(
    migrated_sqlite_url: str, query: dict[str, Any], code: str
) -> None:
    made = sessions_over(migrated_sqlite_url)
    with made.begin(PLATFORM) as session, pytest.raises(Invalid) as refused:
        events.page(session, PLATFORM, events.EventQuery(**query), limit=5)
    assert refused.value.code == code
    made.dispose()


def test_old_events_are_purged_in_pieces(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_OLDEST", events._OLDEST.limit(3))
    monkeypatch.setattr(events, "_PIECE", 3)
    mine = Actor(_told(sessions, 10))
    events.number(sessions)
    with sessions.begin(PLATFORM) as session:
        old = datetime.now(UTC) - 91 * DAY
        session.execute(sa.update(Event).where(Event.position <= 7).values(at=old))
    assert events.tidy(sessions, 90 * DAY) == 7
    left = read(sessions, mine)
    assert [one.sequence for one in left] == [8, 9, 10]
    _told(sessions, 1, organization=mine.organization_id)
    assert [one.sequence for one in read(sessions, mine)] == [8, 9, 10, 11]
    with sessions.begin(PLATFORM) as session:
        session.execute(sa.update(Event).values(at=datetime.now(UTC) - 91 * DAY))
    assert events.tidy(sessions, 90 * DAY) == 4
    _told(sessions, 1, organization=mine.organization_id)
    (after,) = read(sessions, mine)  # numbers go on, though nothing is left
    assert after.sequence == 12
