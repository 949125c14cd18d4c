"""The last day's health checks: kept small, for the owner only, and thrown away."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.usecases.serving.serving_rig import Rig, bound

from nameplate.core.actor import PLATFORM
from nameplate.models import Binding, HealthHour
from nameplate.usecases.serving import looks, probes
from nameplate.usecases.serving.looks import SeriesPoint, TargetLook

NOW = datetime(2026, 11, 29, 12, 2, tzinfo=UTC)


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Rig:
    return bound(sessions_over(migrated_sqlite_url))


def look(rig: Rig, at: datetime, *, failed: bool = False, **seen: Any) -> TargetLook:
    row = rig.read(Binding)
    given = {"status": 502 if failed else 200, "seconds": 0.05} | seen
    return TargetLook(row.id, row.organization_id, at, failed, **given)


def points(rig: Rig, now: datetime = NOW) -> list[SeriesPoint]:
    with rig.world.sessions.begin(rig.actor) as session:
        return looks.series(session, session.get_one(Binding, rig.ids[Binding]), now)


def stored(rig: Rig) -> list[str]:
    with rig.world.sessions.begin(PLATFORM) as session:
        return list(session.scalars(sa.select(HealthHour.looks).order_by(HealthHour.hour)))


def test_five_minutes_are_one_entry_on_every_database(migrated_url: str) -> None:
    rig = bound(sessions_over(migrated_url))
    first, sessions = look(rig, NOW), rig.world.sessions
    looks.note(sessions, [first])
    for second in range(30, 600, 30):
        looks.note(sessions, [look(rig, NOW + timedelta(seconds=second), seconds=0.15)])
    assert stored(rig) == ["0,1,0,200,50,50;0,5,0,200,150,150;5,10,0,200,150,150;"]
    looks.note(sessions, [look(rig, NOW + timedelta(hours=1), failed=True, status=None)])
    assert points(rig, NOW + timedelta(hours=2)) == [
        SeriesPoint(NOW.replace(minute=0), 6, 0, 200, 133, 150),
        SeriesPoint(NOW.replace(minute=5), 10, 0, 200, 150, 150),
        SeriesPoint(NOW.replace(minute=10), 4, 0, 200, 150, 150),
        SeriesPoint(NOW.replace(hour=13, minute=0), 1, 1, None, 50, 50),
    ]
    removed = NOW + timedelta(hours=25, minutes=30)
    with sessions.begin(PLATFORM) as session:
        assert looks.forget_old(session, removed) == 1
        assert looks.forget_old(session, removed) == 0
    assert len(stored(rig)) == 1
    sessions.dispose()


def test_a_failed_look_is_written_at_once(rig: Rig) -> None:
    looks.note(rig.world.sessions, [look(rig, NOW)])
    looks.note(rig.world.sessions, [look(rig, NOW)])
    assert stored(rig) == ["0,1,0,200,50,50;"], "the second one waits"
    looks.note(rig.world.sessions, [look(rig, NOW, failed=True)])
    assert stored(rig) == ["0,1,0,200,50,50;0,2,1,502,50,50;"]


def test_an_hour_takes_no_more_than_it_may(rig: Rig) -> None:
    for _ in range(700):
        looks.note(rig.world.sessions, [look(rig, NOW, failed=True, seconds=5000.0)])
    (text,) = stored(rig)
    assert len(text) < 8050
    (point,) = points(rig)
    assert point.longest == 999_999


def test_a_binding_that_is_gone_fails_no_sweep(rig: Rig) -> None:
    gone = look(rig, NOW)._replace(binding=999_999)
    looks.note(rig.world.sessions, [gone])
    looks.note(rig.world.sessions, [look(rig, NOW)])
    assert len(points(rig)) == 1


def test_what_another_version_wrote_is_left_out(rig: Rig) -> None:
    looks.note(rig.world.sessions, [look(rig, NOW)])
    with rig.world.sessions.begin(PLATFORM) as session:
        row = session.scalars(sa.select(HealthHour)).one()
        row.looks += "x;1,2;-1,1,0,200,5,5;;٣,1,0,200,5,5;5,1,0,200,9,9"
    assert [one.longest for one in points(rig)] == [50, 9]


def test_a_process_holds_no_more_than_it_may(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "MAX_HELD", 2)
    for _ in range(6):
        looks.note(rig.world.sessions, [look(rig, NOW)])
    some = [look(rig, NOW)._replace(binding=number) for number in range(50, 60)]
    looks.note(rig.world.sessions, some)
    held = looks._HELD[rig.world.sessions]
    assert len(held.entries) <= 2
    assert len(held.begun) <= 12


def test_a_sweep_keeps_what_it_saw(rig: Rig) -> None:
    def sweep() -> None:
        lease = rig.world.leased(Binding, rig.ids[Binding])
        probes.sweep(rig.world.sessions, rig.world.tools, [lease])

    sweep()
    rig.change(Binding, served_server_id=1, served_serial="0a")
    sweep()
    rig.prober.sees = {"status": 500, "seconds": 0.25}
    sweep()
    found = points(rig, datetime.now(UTC) + timedelta(minutes=1))
    assert sum(one.looks for one in found) == 2
    assert (found[-1].failed, found[-1].status, found[-1].longest) == (1, 500, 250)
