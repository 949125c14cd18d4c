"""`nameplate domain doctor`: findings in order of importance, the evidence after them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_commands import Line
from tests.servers.scripted_dns import ScriptedDns, replies

from nameplate.cli import findings
from nameplate.cli.output import OutputFormat, Printer

RECORDS = {
    ("example.com", "NS"): ["ns1.example.com."],
    ("example.com", "A"): ["10.0.0.1"],
    ("fine.com", "NS"): ["ns1.fine.com."],
}
FINDING: dict[str, Any] = {
    "check": "servers_disagree",
    "weight": "risk",
    "confidence": "likely",
    "message": "One of two servers has it.",
    "fix": "Wait.",
    "turn": "provider",
    "records": [{"action": "add", "type": "TXT", "name": "_x.example.com", "value": " a\x1b[2J"}],
    "evidence": [f"ns{n}.example.com: nothing" for n in range(12)],
    "next_check_at": None,
}


@pytest.fixture
def line(
    monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str, tmp_path: Path
) -> Iterator[Line]:
    with ScriptedDns(replies(RECORDS)) as server:
        place = [f"127.0.0.1:{server.port}"]
        known = {"example.com": place, "fine.com": place}
        monkeypatch.setenv("NAMEPLATE_DNS_SERVERS", json.dumps(known))
        yield Line(migrated_sqlite_url, tmp_path / "home")


def test_a_name_that_is_not_claimed(line: Line) -> None:
    run = line("domain", "doctor", "example.com", expect=1)
    assert "[ ] 1. example.com has the address 10.0.0.1" in run.out
    assert "[address_private]" in run.out
    assert "Evidence:\n  1. ns.example.com (127.0.0.1): A 10.0.0.1" in run.out
    found = line("domain", "doctor", "example.com", "--json", expect=1).json
    assert found["findings"][0]["check"] == "address_private"


def test_nothing_to_do_is_exit_code_0(line: Line) -> None:
    run = line("domain", "doctor", "fine.com", expect=0)
    assert "[host_without_address]" in run.out, "worth knowing, and no problem"


def test_a_claimed_name_says_what_to_publish(line: Line) -> None:
    line("organization", "add", "Acme")
    line("domain", "add", "example.com", "--organization", "acme")
    run = line("domain", "doctor", "example.com", expect=1)
    assert "[proof_absent]" in run.out.split("2.")[0]
    assert 'add:        _nameplate-challenge.example.com TXT "nameplate-verification=' in run.out


def test_everything_of_a_finding_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer(OutputFormat.TABLE, quiet=False)
    findings.show(printer, {"name": "example.com", "findings": [FINDING]})
    shown = capsys.readouterr().out
    assert "[!] 1. One of two servers has it. [servers_disagree]" in shown
    assert "turn:       the DNS host" in shown
    assert "certainty:  likely" in shown
    assert 'TXT " a\\x1b[2J"' in shown
    assert "\x1b" not in shown
    assert "and 4 more" in shown
