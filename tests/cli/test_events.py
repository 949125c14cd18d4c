"""`nameplate event`, over the API in the same process."""

import json
from pathlib import Path

import pytest
from tests.cli.test_commands import Line

from nameplate.cli import waiting


@pytest.fixture
def line(migrated_sqlite_url: str, tmp_path: Path) -> Line:
    made = Line(migrated_sqlite_url, tmp_path)
    made("organization", "add", "Acme")
    made("domain", "add", "shop.example.com", "--organization", "acme")
    return made


def test_a_list_says_what_happened(line: Line) -> None:
    table = line("event", "list", "--types", "domain.*")
    heading, row = table.out.splitlines()
    assert heading.split() == ["ID", "CREATED", "AT", "TYPE", "HOSTNAME", "BY", "WHAT"]
    assert "domain.claimed" in row
    assert "shop.example.com" in row
    every = line("event", "list", "--since", "start", "--json").json["data"]
    assert every[0]["type"] == "organization.added"
    newest = line("event", "list", "--limit", "1", "--json").json["data"]
    assert newest == every[-1:]
    assert line("event", "show", every[0]["id"], "--json").json == every[0]


def test_a_tail_can_be_resumed(line: Line) -> None:
    first = line("event", "tail", "--since", "start", "--limit", "2", "--json")
    one, two = map(json.loads, first.out.splitlines())
    line("domain", "update", "shop.example.com", "--notes", "x")
    rest = line("event", "tail", "--since", one["id"], "--limit", "1", "--json")
    assert json.loads(rest.out) == two
    text = line("event", "tail", "--since", "start", "--limit", "1").out
    assert "organization.added" in text


def test_a_tail_waits_for_what_comes(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted, it says how to go on."""
    rested = 0

    def act(_cli: object, _seconds: float) -> None:
        nonlocal rested
        rested += 1
        if rested == 2:
            line("domain", "suspend", "shop.example.com", "--reason", "moving")
        if rested == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("nameplate.cli.events.let_pass", act)
    assert waiting.POLL_SECONDS > 0
    tail = line("event", "tail", "--json", expect=waiting.INTERRUPTED)
    told = json.loads(tail.out)
    assert (told["type"], told["actor"]["type"]) == ("domain.suspended", "operator")
    assert f"nameplate event tail --since {told['id']}" in tail.err
