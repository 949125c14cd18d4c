"""What the edge refused and how bindings are, from the command line."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.cli.test_commands import Line
from tests.models import world as rows

from nameplate.cli.sparklines import COLUMNS, sparkline
from nameplate.core.actor import PLATFORM
from nameplate.core.asks import AskOutcome
from nameplate.db import Sessions, engine
from nameplate.models import Organization
from nameplate.usecases.serving import asks, looks

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def line(migrated_sqlite_url: str, tmp_path: Path) -> Line:
    made = Line(migrated_sqlite_url, tmp_path / "home")
    made("organization", "add", "Acme", "--slug", "acme")
    return made


def test_the_top_of_what_was_refused(line: Line) -> None:
    assert "Questions: none." in line("edge", "top").out
    sessions = Sessions(engine(line.url))
    with sessions.begin(PLATFORM) as session:
        asks.add(
            session, {AskOutcome.ALLOWED: 7, AskOutcome.UNKNOWN: 5}, {"evil.com": 4, "x.org": 1}
        )
    sessions.dispose()
    shown = line("edge", "top").out
    assert "Questions: 7 allowed, 5 unknown." in shown
    assert shown.index("evil.com") < shown.index("x.org")
    document = line("edge", "top", "--limit", "1", "--json").json
    assert (document["object"], len(document["suffixes"])) == ("edge_refusals", 1)


def test_a_day_of_health_checks_in_one_line(line: Line) -> None:
    sessions = Sessions(engine(line.url))
    with sessions.begin(PLATFORM) as session:
        owner = session.scalars(Organization.visible(PLATFORM)).one()
        row = rows.binding(session, rows.application(session, owner), rows.domain(session, owner))
        binding, organization = row.id, owner.id
    now = datetime.now(UTC)
    for hours, failed, seconds in ((20, True, 0.1), (3, False, 0.4), (1, False, 0.05)):
        at = now - timedelta(hours=hours)
        looks.note(sessions, [looks.TargetLook(binding, organization, at, failed, 200, seconds)])
    looks.note(
        sessions, [looks.TargetLook(binding, organization, now, failed=True, status=500, seconds=0)]
    )
    sessions.dispose()
    shown = line("binding", "health", "acme.com").out
    (day,) = [one for one in shown.splitlines() if one.startswith("last day")]
    assert {*day.removeprefix("last day").strip()} == {"·", "!", "█", "▂"}
    assert "4 checks, 2 failed" in shown
    assert "points" not in shown
    assert len(line("binding", "health", "acme.com", "--json").json["points"]) == 4


def test_each_half_hour_has_its_place() -> None:
    def point(minutes: int, failed: int = 0, milliseconds: int = 10) -> dict[str, object]:
        at = (NOW - timedelta(minutes=minutes)).isoformat()
        return {"at": at, "failed": failed, "milliseconds": milliseconds}

    shown = sparkline(
        [point(1439), point(70, milliseconds=80), point(65, 1), point(5)], NOW.isoformat()
    )
    assert shown == "▂" + "·" * (COLUMNS - 4) + "!" + "·" + "▂"
    assert sparkline([point(1500), point(-5)], NOW.isoformat()) == "·" * COLUMNS
