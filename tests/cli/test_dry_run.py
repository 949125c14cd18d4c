"""`--dry-run` on what writes: everything is checked, the result is shown, nothing is changed."""

import json

from tests.cli.test_commands import Line, acme, line  # noqa: F401 - fixtures


def test_a_claim_can_be_tried(acme: Line) -> None:  # noqa: F811 - the fixture
    new = ("domain", "add", "shop.example.com", "--organization", "acme")
    tried = acme(*new, "--dry-run")
    assert "_nameplate-challenge.shop.example.com" in tried.out
    assert "Dry run: nothing was changed." in tried.err
    assert "Next:" not in tried.err
    assert acme("domain", "list", "-o", "id").out == ""
    acme(*new)
    assert "[domain_exists]" in acme(*new, "--dry-run", expect=5).err


def test_changes_and_removals_can_be_tried(acme: Line) -> None:  # noqa: F811 - the fixture
    acme("domain", "add", "shop.example.com", "--organization", "acme")
    tried = acme("domain", "update", "shop.example.com", "--notes", "x", "--dry-run", "--json").json
    assert tried["notes"] == "x"
    assert acme("domain", "show", "shop.example.com", "--json").json["notes"] is None
    gone = acme("domain", "rm", "shop.example.com", "--dry-run", "--json")  # asks nobody
    assert gone.json["deleted"] is False
    assert "Removed" not in gone.err
    assert acme("domain", "list", "-o", "id").out
    acme("domain", "suspend", "shop.example.com", "--dry-run")
    assert acme("domain", "show", "shop.example.com", "--json").json["status"] != "suspended"


def test_a_wrong_account_is_refused_when_it_is_tried(acme: Line) -> None:  # noqa: F811 - the fixture
    new = ("account", "add", "x", "--kind", "dns", "--provider", "powerdns", "--dry-run")
    assert "/config/odd" in acme(*new, "--config", json.dumps({"odd": 1}), expect=2).err
