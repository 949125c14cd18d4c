"""The operator approves or denies a public suffix from the command line."""

from pathlib import Path

import pytest
from tests.cli.test_commands import Line


@pytest.fixture
def line(migrated_sqlite_url: str, tmp_path: Path) -> Line:
    made = Line(migrated_sqlite_url, tmp_path / "home")
    made("organization", "add", "GitHub", "--slug", "github")
    made("domain", "add", "github.io", "--organization", "github")
    return made


def test_a_suffix_waits_and_is_decided(line: Line) -> None:
    shown = line("domain", "show", "github.io").out
    assert "approval" in shown
    assert "github.io is on the public suffix list" in shown
    approved = line("domain", "approve", "github.io", "--json").json
    assert approved["suffix_approval"] == "approved"
    denied = line("domain", "deny", "github.io", "--reason", "Not yours.", "--json").json
    assert denied["suffix_approval"] == "denied"
    assert "Not yours." in line("domain", "show", "github.io").out


def test_other_names_need_no_approval(line: Line) -> None:
    line("domain", "add", "shop.com", "--organization", "github")
    assert "approval_not_needed" in line("domain", "approve", "shop.com", expect=5).err


def test_the_operator_lists_ports_for_bindings(line: Line) -> None:
    upstream = ("--upstream", "10.0.0.5:8000", "--binding-port", "8001", "--binding-port", "8002")
    made = line("application", "add", "Shop", "--organization", "github", *upstream, "--json")
    assert made.json["binding_ports"] == [8001, 8002]
