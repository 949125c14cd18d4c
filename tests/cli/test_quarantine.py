"""Released names from the command line: listed for both sides, ended by the operator."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests import proof
from tests.cli.test_commands import Line

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions, engine
from nameplate.models import Domain


@pytest.fixture
def line(migrated_sqlite_url: str, tmp_path: Path) -> Line:
    made = Line(migrated_sqlite_url, tmp_path / "home")
    made("organization", "add", "Acme", "--slug", "acme")
    made("domain", "add", "shop.com", "--organization", "acme")
    sessions = Sessions(engine(migrated_sqlite_url))
    with sessions.begin(PLATFORM) as session:
        proof.prove(session, session.scalars(Domain.visible(PLATFORM)).one(), datetime.now(UTC))
    sessions.dispose()
    made("domain", "rm", "shop.com", "--yes")
    return made


def test_a_released_name_is_listed_and_ended_with_a_reason(line: Line) -> None:
    (row,) = line("quarantine", "list", "--json").json["data"]
    assert (row["object"], row["name"], row["scope"], row["reason"]) == (
        "quarantined_name",
        "shop.com",
        "subtree",
        "removed",
    )
    assert "shop.com" in line("quarantine", "list").out
    assert line("quarantine", "show", row["id"], "--json").json["name"] == "shop.com"
    line("quarantine", "end", row["id"], "--reason", "The owner has shown a letter.")
    assert line("quarantine", "list", "--json").json["data"] == []
    told = line("event", "list", "--json").json["data"]
    (ended,) = [one for one in told if one["type"] == "domain.quarantine_ended"]
    assert ended["after"]["ended_because"] == "The owner has shown a letter."
    assert "quarantined_name_not_found" in line("quarantine", "show", row["id"], expect=3).err
